import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGateCamera, type GateCamera } from './camera.ts';
import type { CameraPlan, CameraRecord } from './camera-plan.ts';
import { createRandom } from './random.ts';
import { randomVisit } from './traffic.ts';

const user = 'admin';
const password = 'only-for-this-test';
const records: CameraRecord[] = [];
const faults: string[] = [];
let camera: GateCamera;

/** Asks a player that nobody here wrote for so many frames; gives its frame lines and what it complains of. */
async function play(
  url: string,
  transport: 'tcp' | 'udp',
  frames: number,
  scale = '',
): Promise<{ frames: string[]; complaint: string; code: number }> {
  const low = ['-fflags', 'nobuffer', '-analyzeduration', '100000', '-probesize', '100000'];
  const child = spawn(
    'ffmpeg',
    [
      ...low,
      '-v',
      'error',
      '-rtsp_transport',
      transport,
      '-i',
      url,
      ...scale.split(' ').filter(Boolean),
      '-frames:v',
      String(frames),
      '-f',
      'framemd5',
      '-',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [out, complaint] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  clearTimeout(timer);
  return {
    frames: out.split('\n').filter((line) => line !== '' && !line.startsWith('#')),
    complaint,
    code: child.exitCode ?? -1,
  };
}

/** One raw RTSP exchange, for what a player hides. */
async function ask(url: string, method: string, headers = ''): Promise<string> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(`${method} rtsp://${hostname}:${port}${pathname} RTSP/1.0\r\nCSeq: 7\r\n${headers}\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString();
}

beforeAll(async () => {
  const random = createRandom(2);
  const visit = randomVisit(random, 0, 1500, 'small');
  const plan: CameraPlan = {
    id: 'gate-test',
    name: '测试',
    direction: 'in',
    light: 'day',
    user,
    password,
    port: 0,
    vehicles: [visit],
    persons: [{ atMs: 0 }],
  };
  camera = createGateCamera({
    plan,
    seed: 1,
    host: '127.0.0.1',
    onRecord: (record) => records.push(record),
    onFault: (fault) => faults.push(fault),
  });
  await camera.start();
  camera.begin(Date.now());
});

afterAll(() => camera.stop());

describe('gate camera', () => {
  it.each(['tcp', 'udp'] as const)('is decoded by ffmpeg over %s, every frame another', async (transport) => {
    const seen = await play(camera.url, transport, 20);
    expect(seen.complaint).toBe('');
    expect(new Set(seen.frames.map((line) => line.split(',').at(-1))).size).toBe(20);
  });

  it('serves two players at once', async () => {
    const seen = await Promise.all([play(camera.url, 'tcp', 10), play(camera.url, 'udp', 10)]);
    expect(seen.map((one) => one.frames.length)).toEqual([10, 10]);
  });

  it('says 401 with a digest challenge to whoever does not know the password', async () => {
    expect(await ask(camera.url, 'DESCRIBE')).toMatch(
      /^RTSP\/1\.0 401 [^]*WWW-Authenticate: Digest realm="[^"]+", nonce="/,
    );
    const basic = Buffer.from(`${user}:${password}`).toString('base64');
    expect(await ask(camera.url, 'DESCRIBE', `Authorization: Basic ${basic}\r\n`)).toMatch(/^RTSP\/1\.0 401 /);
    const wrong = await play(camera.url.replace(password, 'guess'), 'tcp', 1);
    expect(wrong.complaint).toContain('401 Unauthorized');
    expect(wrong.code).not.toBe(0);
  });

  it('answers OPTIONS with its methods and refuses what is not RTSP', async () => {
    expect(await ask(camera.url, 'OPTIONS')).toMatch(/Public: .*DESCRIBE.*SETUP.*PLAY.*GET_PARAMETER.*TEARDOWN/);
    const { hostname, port } = new URL(camera.url);
    const socket = connect(Number(port), hostname);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^RTSP\/1\.0 400 /);
    socket.destroy();
  });

  it('cuts its links on order drop and takes new ones', async () => {
    const playing = play(camera.url, 'tcp', 500);
    await expect.poll(() => camera.playing, { timeout: 10_000 }).toBe(1);
    camera.obey({ order: 'drop' });
    expect((await playing).frames.length).toBeLessThan(500);
    expect((await play(camera.url, 'tcp', 3)).frames).toHaveLength(3);
  });

  it('keeps the link but sends nothing on order hang, and goes on after resume', async () => {
    const playing = play(camera.url, 'tcp', 30);
    await expect.poll(() => camera.playing, { timeout: 10_000 }).toBe(1);
    camera.obey({ order: 'hang' });
    const drawn = camera.report.framesDrawn;
    const sent = camera.report.picturesSent;
    await expect.poll(() => camera.report.framesDrawn).toBeGreaterThan(drawn + 6);
    expect(camera.report.picturesSent).toBe(sent);
    expect(camera.playing).toBe(1);
    camera.obey({ order: 'resume' });
    expect((await playing).frames).toHaveLength(30);
  });

  it('sends noise in place of video on order garbage', async () => {
    camera.obey({ order: 'garbage' });
    const playing = play(camera.url, 'tcp', 3);
    await expect.poll(() => camera.playing, { timeout: 10_000 }).toBe(1);
    const drawn = camera.report.framesDrawn;
    await expect.poll(() => camera.report.framesDrawn).toBeGreaterThan(drawn + 6);
    camera.obey({ order: 'drop' });
    expect((await playing).frames).toHaveLength(0);
    camera.obey({ order: 'resume' });
    expect((await play(camera.url, 'tcp', 3)).frames).toHaveLength(3);
  });

  it('changes its picture size on order resolution', async () => {
    camera.obey({ order: 'resolution', width: 704, height: 576 });
    const seen = await play(camera.url, 'tcp', 2);
    const bytes = seen.frames.map((line) => Number(line.split(',')[4]));
    expect(bytes).toEqual([704 * 576 * 1.5, 704 * 576 * 1.5]);
  });

  it('refuses the old password after order wrongPassword', async () => {
    const before = camera.url;
    camera.obey({ order: 'wrongPassword', password: 'changed' });
    expect((await play(before, 'tcp', 1)).complaint).toContain('401');
    expect((await play(camera.url, 'tcp', 1)).frames).toHaveLength(1);
    expect(camera.url).toContain('changed');
  });

  it('keeps its own record of who came', async () => {
    await expect.poll(() => records.length, { timeout: 25_000 }).toBe(2);
    const person = records.find((record) => record.record === 'person');
    const passage = records.find((record) => record.record === 'passage');
    expect(person?.widestFacePx).toBeGreaterThan(60);
    expect(passage?.widestPlatePx).toBeGreaterThan(140);
    expect(passage!.readableUntilMs - passage!.readableFromMs).toBeGreaterThan(3000);
    expect(faults).toEqual([]);
  });
});
