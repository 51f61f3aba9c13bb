import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { EpochMs } from '../lib/clock.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import type { CameraReport, VideoFragment, VideoInit, VideoListener, Mpeg1Listener } from './collaborators.ts';
import { startTestApi } from './test-client.ts';
import { createTestWorld, type TestWorld } from './test-world.ts';
import { createVideoFeed } from './video-feed.ts';

const gate = {
  ...{ id: 'gate', name: '东门', area: null, direction: 'both', state: 'connected', cause: null, reason: null },
  ...{ lastFrameAt: null, passages: 0, rejected: {} },
} as unknown as CameraReport;
const init = (mimeCodec = 'avc1.64001f'): VideoInit => ({
  ...{ mimeCodec, widthPx: 1920, heightPx: 1080 },
  bytes: Buffer.from(`init ${mimeCodec}`),
});
const picture = (name: string, key: boolean, sizeBytes = 0): VideoFragment => ({
  ...{ key, mediaTimeMs: 40, capturedAtMs: 1000 as EpochMs },
  bytes: Buffer.concat([Buffer.from(key ? `key ${name}` : name), Buffer.alloc(sizeBytes)]),
});

/** Cameras whose stream the test feeds by hand; every look at one counts. */
function createStage() {
  const listeners = new Set<VideoListener>();
  const mpeg1 = new Set<Mpeg1Listener>();
  const state = { init: null as VideoInit | null, busy: false };
  const feed = createVideoFeed({
    watch: (_camera, listener) => {
      listeners.add(listener);
      if (state.init) listener.begin(state.init);
      return () => listeners.delete(listener);
    },
    watchMpeg1: (_camera, listener) => {
      if (state.busy) return null;
      mpeg1.add(listener);
      return () => mpeg1.delete(listener);
    },
  });
  const begin = (given: VideoInit): void => {
    state.init = given;
    for (const listener of listeners) listener.begin(given);
  };
  const take = (fragment: VideoFragment): void => {
    for (const listener of listeners) listener.take(fragment);
  };
  return { feed, listeners, mpeg1, state, begin, take };
}

async function start(overrides: Parameters<typeof createTestWorld>[0] = {}) {
  const stage = createStage();
  const world = createTestWorld({ ...overrides, video: stage.feed });
  world.cameras = [gate];
  const client = await startTestApi(world);
  const address = `${client.url.replace('http', 'ws')}/api/cameras/gate/video`;
  /** A viewer's page: what it heard in order, texts parsed, pictures by their first word. */
  const look = async (cookie: string, path = address) => {
    const socket = new WebSocket(path, { headers: { cookie } });
    onTestFinished(() => socket.terminate());
    const heard: (string | Record<string, unknown>)[] = [];
    const closed = once(socket, 'close').then(([code]) => code as number);
    socket.on('message', (data: Buffer, binary) =>
      heard.push(
        binary
          ? data.subarray(0, 20).toString().replace(/\0.*$/s, '')
          : (JSON.parse(data.toString()) as Record<string, unknown>),
      ),
    );
    await once(socket, 'open');
    const play = (form: string): void => socket.send(JSON.stringify({ kind: 'play', form }));
    return { socket, heard, closed, play };
  };
  return { ...client, world, stage, address, look };
}
/** The status that an upgrade was refused with. */
async function refusal(address: string, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(address, { headers });
  const [, reply] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number; resume(): void }];
  reply.resume();
  socket.on('error', () => undefined);
  socket.terminate();
  return reply.statusCode;
}
const audits = (world: TestWorld) =>
  world.changes.flatMap((change) => (change.kind === 'audited' && change.action !== 'login' ? [change] : []));

describe('live video', () => {
  it('is for nobody who is not signed in, for no viewer, and for no page of another origin', async () => {
    const { address, login, get, world, stage } = await start();
    const manager = await login('manager');
    expect(await refusal(address, {})).toBe(401);
    expect(await refusal(address, { cookie: 'kanmen_session=made-up' })).toBe(401);
    expect(await refusal(address, { cookie: await login('viewer') })).toBe(403);
    expect(await refusal(address, { cookie: manager, origin: 'http://elsewhere.example' })).toBe(403);
    expect(await refusal(address, { cookie: manager, origin: 'null' })).toBe(403);
    expect(await refusal(address.replace('gate', 'nowhere'), { cookie: manager })).toBe(404);
    expect((await get('/api/cameras/gate/video', manager)).status).toBe(426);
    expect(audits(world)).toEqual([]);
    expect(stage.listeners.size).toBe(0);
  });

  it('is for admins only where the configuration says so', async () => {
    const { options } = createTestWorld().given;
    const { address, login, look } = await start({
      options: { ...options, liveVideo: { ...options.liveVideo, role: 'admin' } },
    });
    expect(await refusal(address, { cookie: await login('manager') })).toBe(403);
    const { socket } = await look(await login('admin'), address);
    expect(socket.readyState).toBe(WebSocket.OPEN);
  });

  it('offers the codec, then sends the pictures from a key frame on; who looked is on record before that', async () => {
    const { login, look, stage, world } = await start();
    const viewer = await look(await login('manager'));
    expect(audits(world)).toMatchObject([{ action: 'live-view', by: 'manager', subject: 'gate' }]);
    stage.begin(init());
    await vi.waitFor(() => expect(viewer.heard).toHaveLength(1));
    const mime = 'video/mp4; codecs="avc1.64001f"';
    expect(viewer.heard).toEqual([{ kind: 'offer', mime, widthPx: 1920, heightPx: 1080 }]);
    stage.take(picture('not asked for', true));
    viewer.play('mp4');
    await vi.waitFor(() => expect(viewer.heard).toHaveLength(3));
    for (const each of [picture('a', false), picture('b', true), picture('c', false)]) stage.take(each);
    for (const listener of stage.listeners)
      listener.seen({ capturedAt: 7 as EpochMs, widthPx: 9, heightPx: 9, plates: [], faces: [[1, 2, 3, 4]] });
    // Another codec in the middle: the browser is asked again.
    stage.begin(init('hvc1.1.6.L93.B0'));
    stage.take(picture('d', true));
    await vi.waitFor(() => expect(viewer.heard).toHaveLength(8));
    expect(viewer.heard.slice(1)).toEqual([
      { kind: 'start', form: 'mp4', mime },
      'init avc1.64001f',
      { kind: 'time', mediaMs: 40, capturedAt: 1000 },
      'key b',
      'c',
      { kind: 'seen', capturedAt: 7, widthPx: 9, heightPx: 9, plates: [], faces: [[1, 2, 3, 4]] },
      expect.objectContaining({ kind: 'offer', mime: 'video/mp4; codecs="hvc1.1.6.L93.B0"' }),
    ]);
    expect(stage.listeners.size).toBe(1);
    viewer.socket.close();
    await vi.waitFor(() => expect(stage.listeners.size).toBe(0));
    expect(stage.feed.report()).toMatchObject({ depth: 0, passed: 2 });
  });

  it('gives MPEG-1 to a browser that asks for it, and says so when too many cameras are transcoded', async () => {
    const { login, look, stage } = await start();
    stage.begin(init());
    const viewer = await look(await login('manager'));
    viewer.play('mpeg1');
    await vi.waitFor(() => expect(stage.mpeg1.size).toBe(1));
    // Only the transcoder needs the camera's own stream now.
    expect(stage.listeners.size).toBe(0);
    for (const listener of stage.mpeg1) {
      listener.take({ key: false, bytes: Buffer.from('x') });
      listener.take({ key: true, bytes: Buffer.from('ts') });
    }
    await vi.waitFor(() => expect(viewer.heard.at(-1)).toBe('ts'));
    expect(viewer.heard.slice(1)).toEqual([{ kind: 'start', form: 'mpeg1', mime: 'video/mp2t' }, 'ts']);
    viewer.socket.close();
    await vi.waitFor(() => expect(stage.mpeg1.size).toBe(0));
    stage.state.busy = true;
    const second = await look(await login('manager'));
    second.play('mpeg1');
    await vi.waitFor(() => expect(second.heard.at(-1)).toEqual({ kind: 'refused', reason: 'busy' }));
  });

  it('lets a slow viewer wait for the next key frame, counts it, and does not slow anybody else', async () => {
    const { login, look, stage } = await start();
    stage.begin(init());
    const slow = await look(await login('manager'));
    const quick = await look(await login('admin'));
    for (const viewer of [slow, quick]) {
      viewer.play('mp4');
      await vi.waitFor(() => expect(viewer.heard).toHaveLength(3));
    }
    const pictures = (heard: readonly unknown[]): string[] =>
      heard.filter((item): item is string => typeof item === 'string' && !item.startsWith('init'));
    stage.take(picture('0', true));
    await vi.waitFor(() => expect(pictures(slow.heard)).toEqual(['key 0']));
    const line = (slow.socket as unknown as { _socket: Socket })._socket;
    line.pause();
    const sent: string[] = ['key 0'];
    // Half a megabyte each, more than sockets hold by themselves; the quick one takes each before the next comes.
    for (let n = 1; n < 80; n += 1) {
      stage.take(picture(`${n}`, n % 10 === 0, 500_000));
      sent.push(n % 10 === 0 ? `key ${n}` : `${n}`);
      await vi.waitFor(() => expect(pictures(quick.heard)).toHaveLength(sent.length), { interval: 5 });
    }
    expect(pictures(quick.heard)).toEqual(sent);
    line.resume();
    await vi.waitFor(() => expect(pictures(slow.heard).length).toBeGreaterThan(3));
    // It has caught up once it gets a key frame as soon as that comes.
    await vi.waitFor(
      () => {
        stage.take(picture('again', true));
        expect(pictures(slow.heard).at(-1)).toBe('key again');
      },
      { timeout: 10_000 },
    );
    const got = pictures(slow.heard);
    expect(got.length).toBeLessThan(sent.length);
    // Whatever was left out, decoding goes on at a key frame only.
    for (const [index, name] of got.entries()) {
      if (index === 0 || name.startsWith('key')) continue;
      const before = sent[sent.indexOf(name) - 1];
      expect(got[index - 1], `${name} comes right after what it needs`).toBe(before);
    }
    slow.socket.close();
    quick.socket.close();
    await vi.waitFor(() => expect(stage.feed.report().depth).toBe(0));
    expect(stage.feed.report().dropped).toBeGreaterThan(10);
  });

  it('ends soon after the login has ended, when the gateway stops, and for a viewer that talks nonsense', async () => {
    const clock = createFakeClock();
    const { login, look, post, stage } = await start({ clock });
    const cookie = await login('manager');
    const one = await look(cookie);
    const other = await look(await login('admin'));
    await post('/api/logout', {}, cookie);
    await clock.advance(15_000);
    expect(await one.closed).toBe(4401);
    await vi.waitFor(() => expect(stage.feed.report().depth).toBe(1));
    other.socket.send('{"kind":"dance"}');
    expect(await other.closed).toBe(1003);
    await vi.waitFor(() => expect(stage.feed.report().depth).toBe(0));
  });

  it('drops a line that has died', async () => {
    const clock = createFakeClock();
    const { login, look, stage } = await start({ clock });
    const viewer = await look(await login('manager'));
    (viewer.socket as unknown as { _socket: Socket })._socket.pause();
    await clock.advance(15_000);
    expect(stage.feed.report().depth).toBe(1);
    await clock.advance(15_000);
    await vi.waitFor(() => expect(stage.feed.report().depth).toBe(0));
  });
});

describe('clips', () => {
  it('are for managers who ask to see faces; one look is one line in the log, whole or in ranges', async () => {
    const { login, get, world, url } = await start();
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, n) => n % 251));
    world.clips.set('c1', bytes);
    const manager = await login('manager');
    expect((await get('/api/evidence/c1', manager)).status).toBe(403);
    expect((await get('/api/evidence/c1?unblurred=1', await login('viewer'))).status).toBe(403);
    expect(audits(world)).toEqual([]);
    const fetchRange = (range?: string): Promise<Response> =>
      fetch(`${url}/api/evidence/c1?unblurred=1`, { headers: { cookie: manager, ...(range && { range }) } });
    const whole = await fetchRange();
    expect([whole.status, whole.headers.get('content-type'), whole.headers.get('accept-ranges')]).toEqual([
      200,
      'video/mp4',
      'bytes',
    ]);
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
    for (const [range, first, last] of [
      ['bytes=0-', 0, 999],
      ['bytes=100-199', 100, 199],
      ['bytes=990-5000', 990, 999],
      ['bytes=-5', 995, 999],
    ] as const) {
      const part = await fetchRange(range);
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${first}-${last}/1000`]);
      expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(first, last + 1))).toBe(true);
    }
    const beyond = await fetchRange('bytes=1000-');
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */1000']);
    // What is no range that we know is answered with the whole.
    for (const odd of ['bytes=5-2', 'bytes=-', 'lines=1-2', 'bytes=0-1,5-6'])
      expect((await fetchRange(odd)).status).toBe(200);
    expect(audits(world)).toMatchObject([{ action: 'evidence-unblurred', by: 'manager', subject: 'c1' }]);
  });
});
