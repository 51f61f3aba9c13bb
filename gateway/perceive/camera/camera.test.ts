import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CameraId } from '../../domain/ids.ts';
import { systemClock, type EpochMs } from '../../lib/clock.ts';
import { startGstRtspServer, type GstRtspServer } from '../../../test/support/gst-rtsp-server.ts';
import type { LiveSourceRequest, SourceStatus, VideoFrame } from '../frame-source.ts';
import { createMotionGateOf } from './motion-gate.ts';
import { createCameraShared } from './shared.ts';
import { openFileSource, openLiveSource } from './index.ts';

const dir = mkdtempSync(join(tmpdir(), 'kanmen-camera-'));
const clip = join(dir, 'clip.mp4');
const servers: GstRtspServer[] = [];
const shared = createCameraShared({ decoders: 4, hardware: 'off', clock: systemClock, onDecoding: () => undefined });
const file = (path: string, startsAt: EpochMs | null = 0 as EpochMs) => ({
  path,
  startsAt,
  framesPerSecond: 5,
  maxWidthPx: 320,
  gate: createMotionGateOf('always'),
  lookEveryMs: 5000,
});
beforeAll(() => {
  execFileSync('ffmpeg', [
    '-v',
    'error',
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=640x360:rate=10:duration=5',
    '-c:v',
    'libx264',
    '-pix_fmt',
    'yuv420p',
    clip,
  ]);
});
afterAll(async () => {
  await shared.close();
  rmSync(dir, { recursive: true, force: true });
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});
const serve = async (...args: string[]): Promise<GstRtspServer> => {
  const server = await startGstRtspServer(args);
  servers.push(server);
  return server;
};
const request = (
  url: string,
  statuses: SourceStatus[] = [],
  change: Partial<LiveSourceRequest> = {},
): LiveSourceRequest => ({
  id: 'gate' as CameraId,
  url,
  framesPerSecond: 5,
  maxWidthPx: 320,
  silentAfterMs: 5000,
  transport: url.includes('transport=udp') ? 'udp' : 'tcp',
  gate: createMotionGateOf('always'),
  lookEveryMs: 5000,
  shared,
  clock: systemClock,
  onStatus: (status) => statuses.push(status),
  ...change,
});
/** Argument lists of every ffmpeg child on the machine. */
const argumentLists = (): string =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    })
    .filter((list) => list.startsWith('ffmpeg'))
    .join('\n');
async function take(
  frames: AsyncIterable<VideoFrame>,
  count: number,
  each: (frame: VideoFrame) => void = () => undefined,
): Promise<VideoFrame[]> {
  const out: VideoFrame[] = [];
  for await (const frame of frames) {
    each(frame);
    out.push({ ...frame, yuv: frame.yuv.slice() });
    if (out.length === count) break;
  }
  return out;
}

describe('camera over RTSP, served by GStreamer', () => {
  for (const [name, args, query] of [
    ['Digest over TCP', ['--user', 'installer', '--password', 'p@ss/w:rd'], ''],
    ['Basic over TCP', ['--user', 'installer', '--password', 'p@ss/w:rd', '--basic'], ''],
    ['Digest over UDP', ['--user', 'installer', '--password', 'p@ss/w:rd'], '?transport=udp'],
    ['no password', [], ''],
  ] as const) {
    it(`gives frames with their capture times: ${name}`, async () => {
      const server = await serve(...args);
      const user = args.length > 0 ? 'installer:p%40ss%2Fw%3Ard@' : '';
      const statuses: SourceStatus[] = [];
      const end = new AbortController();
      let lists = '';
      const source = openLiveSource(request(`rtsp://${user}127.0.0.1:${server.port}/live${query}`, statuses));
      const frames = await take(source.frames(end.signal), 6, () => {
        lists = argumentLists();
      });
      end.abort();
      expect(frames.map((frame) => [frame.widthPx, frame.heightPx, frame.yuv.length])).toEqual(
        Array(6).fill([320, 180, (320 * 180 * 3) / 2]),
      );
      expect(statuses).toEqual([{ kind: 'connecting' }, { kind: 'connected', widthPx: 640, heightPx: 360 }]);
      const gaps = frames.slice(1).map((frame, i) => frame.mediaMs - frames[i]!.mediaMs);
      expect(gaps.every((gap) => gap >= 195 && gap <= 305)).toBe(true);
      expect(Math.abs(frames.at(-1)!.capturedAt - Date.now())).toBeLessThan(3000);
      expect(lists).toContain('ffmpeg');
      expect(lists).not.toMatch(/p@ss|p%40ss/);
    });
  }

  it.each([
    ['h265', ['--codec', 'h265'], ''],
    ['h265 over UDP', ['--codec', 'h265'], '?transport=udp'],
  ])('gives frames of a camera that sends %s', { timeout: 60_000 }, async (_what, args, query) => {
    const server = await serve(...args);
    const end = new AbortController();
    const statuses: SourceStatus[] = [];
    const source = openLiveSource(request(`rtsp://127.0.0.1:${server.port}/live${query}`, statuses));
    const codecs: string[] = [];
    source.fragments.attach({
      begin: (init) => codecs.push(init.mimeCodec),
      take: () => undefined,
      end: () => undefined,
    });
    const frames = await take(source.frames(end.signal), 5);
    end.abort();
    expect(frames.map((frame) => [frame.widthPx, frame.heightPx])).toEqual(Array(5).fill([320, 180]));
    expect(statuses).toEqual([{ kind: 'connecting' }, { kind: 'connected', widthPx: 640, heightPx: 360 }]);
    expect(codecs).toEqual([expect.stringMatching(/^hvc1\./)]);
    expect(Math.abs(frames.at(-1)!.capturedAt - Date.now())).toBeLessThan(5000);
  });

  it.each([
    ['Digest', []],
    ['Basic', ['--basic']],
  ])(
    'gives frames over rtsps with %s, and nothing readable goes over the wire',
    { timeout: 60_000 },
    async (_what, args) => {
      const pem = join(dir, 'camera.pem');
      const { cert, private: key } = await generate([{ name: 'commonName', value: 'camera' }], { keySize: 2048 });
      writeFileSync(pem, `${cert}\n${key}\n`);
      const server = await serve('--user', 'installer', '--password', 'secret-word', '--tls', pem, ...args);
      // Between camera and gateway somebody listens.
      const heard: Buffer[] = [];
      const wire = createServer((socket) => {
        const camera = connect(server.port, '127.0.0.1');
        for (const [from, to] of [
          [socket, camera],
          [camera, socket],
        ] as const) {
          from.on('data', (bytes: Buffer) => {
            heard.push(bytes);
            to.write(bytes);
          });
          from.on('error', () => to.destroy());
          from.on('close', () => to.destroy());
        }
      });
      await new Promise<void>((resolve) => wire.listen(0, '127.0.0.1', resolve));
      const { port } = wire.address() as { port: number };
      const statuses: SourceStatus[] = [];
      const end = new AbortController();
      const source = openLiveSource(request(`rtsps://installer:secret-word@127.0.0.1:${port}/live`, statuses));
      const frames = await take(source.frames(end.signal), 5);
      end.abort();
      wire.close();
      expect(frames).toHaveLength(5);
      expect(statuses).toEqual([{ kind: 'connecting' }, { kind: 'connected', widthPx: 640, heightPx: 360 }]);
      const text = Buffer.concat(heard).toString('latin1');
      expect(text.length).toBeGreaterThan(5000);
      for (const word of ['RTSP/1.0', 'DESCRIBE', 'secret-word', 'installer', 'H264']) expect(text).not.toContain(word);
    },
  );

  it('says that the password is wrong and asks only once', async () => {
    const server = await serve('--user', 'installer', '--password', 'right');
    const statuses: SourceStatus[] = [];
    const end = new AbortController();
    const done = take(
      openLiveSource(request(`rtsp://installer:wrong@127.0.0.1:${server.port}/live`, statuses)).frames(end.signal),
      1,
    );
    await expect
      .poll(() => statuses.at(-1), { timeout: 10_000 })
      .toEqual({ kind: 'failed', cause: 'wrong-password', reason: 'the camera refuses this user or password' });
    end.abort();
    expect(await done).toEqual([]);
    expect(statuses.map((status) => status.kind)).toEqual(['connecting', 'failed']);
  });

  it('connects again after the camera went away and came back', { timeout: 60_000 }, async () => {
    const first = await serve();
    const statuses: SourceStatus[] = [];
    const end = new AbortController();
    let frames = 0;
    const reading = (async () => {
      for await (const frame of openLiveSource(request(`rtsp://127.0.0.1:${first.port}/live`, statuses)).frames(
        end.signal,
      ))
        frames += frame.widthPx > 0 ? 1 : 0;
    })();
    await expect.poll(() => frames, { timeout: 10_000 }).toBeGreaterThan(2);
    await first.stop();
    await expect
      .poll(() => statuses.filter((status) => status.kind === 'failed').length, { timeout: 15_000 })
      .toBeGreaterThan(1);
    expect(
      statuses.find((status) => status.kind === 'failed' && status.reason.includes('cannot be reached')),
    ).toBeDefined();
    await serve('--port', String(first.port));
    const before = frames;
    await expect.poll(() => frames, { timeout: 20_000 }).toBeGreaterThan(before + 2);
    expect(statuses.filter((status) => status.kind === 'connected')).toHaveLength(2);
    end.abort();
    await reading;
  });

  it('calls a camera that accepts but never answers silent, and leaves no child behind', async () => {
    const mute = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as { port: number };
    const statuses: SourceStatus[] = [];
    const end = new AbortController();
    const done = take(
      openLiveSource(request(`rtsp://127.0.0.1:${port}/live`, statuses, { silentAfterMs: 700 })).frames(end.signal),
      1,
    );
    await expect.poll(() => statuses.at(-1)?.kind, { timeout: 10_000 }).toBe('silent');
    end.abort();
    await done;
    mute.close();
    expect(argumentLists()).not.toContain(`127.0.0.1:${port}`);
  });

  it('calls garbage garbage', async () => {
    const liar = createServer((socket) => socket.write(Buffer.alloc(100_000, 0x41)));
    await new Promise<void>((resolve) => liar.listen(0, '127.0.0.1', resolve));
    const { port } = liar.address() as { port: number };
    const statuses: SourceStatus[] = [];
    const end = new AbortController();
    const done = take(openLiveSource(request(`rtsp://127.0.0.1:${port}/live`, statuses)).frames(end.signal), 1);
    await expect
      .poll(() => statuses.at(-1), { timeout: 10_000 })
      .toMatchObject({ kind: 'failed', reason: expect.stringContaining('not RTSP') as string });
    end.abort();
    await done;
    liar.close();
  });

  it(
    'lets frames go that have grown old while their reader was slow, and counts them',
    { timeout: 60_000 },
    async () => {
      const server = await serve('--fps', '20');
      const end = new AbortController();
      const source = openLiveSource(request(`rtsp://127.0.0.1:${server.port}/live`, [], { framesPerSecond: 20 }));
      const agesMs: number[] = [];
      const times: number[] = [];
      for await (const frame of source.frames(end.signal)) {
        const before = Buffer.from(frame.yuv);
        agesMs.push(Date.now() - frame.capturedAt);
        times.push(frame.mediaMs);
        // Slow for longer than any frame stays fresh; the decoder waits meanwhile.
        await expect.poll(() => Date.now() - frame.capturedAt, { timeout: 10_000 }).toBeGreaterThan(4000);
        // Nobody wrote into the frame while its reader had it.
        expect(before.equals(Buffer.from(frame.yuv))).toBe(true);
        if (times.length === 3) break;
      }
      end.abort();
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(Math.max(...agesMs.slice(1))).toBeLessThan(3000);
      expect(source.dropped()).toBeGreaterThan(20);
    },
  );
});

describe('a reader that was blocked', () => {
  it('gets the present next, not what piled up meanwhile', { timeout: 60_000 }, async () => {
    const server = await serve('--size', '1280x720', '--fps', '15');
    const end = new AbortController();
    const source = openLiveSource(request(`rtsp://127.0.0.1:${server.port}/live`, [], { maxWidthPx: 1280 }));
    const agesMs: number[] = [];
    for await (const frame of source.frames(end.signal)) {
      agesMs.push(Date.now() - frame.capturedAt);
      // As a model does: nothing else runs on this thread.
      if (agesMs.length === 10) for (const until = Date.now() + 5000; Date.now() < until;);
      if (agesMs.length === 14) break;
    }
    end.abort();
    expect(Math.max(...agesMs.slice(11))).toBeLessThan(1500);
  });
});

describe('video files', () => {
  it('gives every frame once, in order, however slow the reader is', async () => {
    const frames = await take(openFileSource(file(clip)).frames(new AbortController().signal), 1000, () => {
      for (let i = 0; i < 1e6; i += 1);
    });
    expect(frames.map((frame) => frame.mediaMs)).toEqual(Array.from({ length: 25 }, (_, i) => i * 200));
    expect(frames.every((frame) => frame.widthPx === 320 && frame.heightPx === 180)).toBe(true);
  });
  it('says that a file is no video', async () => {
    const path = join(dir, 'no-video.mp4');
    writeFileSync(path, 'not a video');
    await expect(take(openFileSource(file(path)).frames(new AbortController().signal), 1)).rejects.toMatchObject({
      code: 'video.unreadable',
    });
  });
  it(
    'takes its capture times from what is said, from the file, or from its last change',
    { timeout: 60_000 },
    async () => {
      const stamped = join(dir, 'stamped.mp4');
      const created = '2026-11-20T01:02:03.000Z';
      execFileSync('ffmpeg', [
        '-v',
        'error',
        '-y',
        '-i',
        clip,
        '-c',
        'copy',
        '-metadata',
        `creation_time=${created}`,
        stamped,
      ]);
      const bare = join(dir, 'bare.mp4');
      execFileSync('ffmpeg', [
        '-v',
        'error',
        '-y',
        '-i',
        clip,
        '-c',
        'copy',
        '-map_metadata',
        '-1',
        '-fflags',
        '+bitexact',
        bare,
      ]);
      const changedAt = new Date('2026-11-21T10:00:00Z');
      utimesSync(bare, changedAt, changedAt);
      const said = Date.UTC(2026, 0, 1) as EpochMs;
      for (const [path, startsAt, from, begins] of [
        [stamped, said, 'option', said],
        [stamped, null, 'file', Date.parse(created)],
        // 5 s long.
        [bare, null, 'modified', changedAt.getTime() - 5000],
      ] as const) {
        const starts: unknown[] = [];
        const source = openFileSource({ ...file(path, startsAt), onStart: (start) => starts.push(start) });
        const frames = await take(source.frames(new AbortController().signal), 1000);
        expect(starts).toEqual([{ startsAt: begins, from }]);
        expect(frames.map((frame) => frame.capturedAt - begins)).toEqual(frames.map((frame) => frame.mediaMs));
        expect(source.seenUntil()).toBe(begins + 5000);
        expect(source.report()).toMatchObject({ fragments: 50, connections: 1 });
      }
    },
  );
  it('ends when its reader has had enough', async () => {
    expect(await take(openFileSource(file(clip)).frames(new AbortController().signal), 2)).toHaveLength(2);
    expect(argumentLists()).not.toContain(clip);
  });
});
