import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CameraId } from '../../gateway/domain/ids.ts';
import { systemClock, type Clock, type EpochMs } from '../../gateway/lib/clock.ts';
import {
  loadClip,
  loadHevcClip,
  startClipCamera,
  type Clip,
  type ClipCamera,
} from '../support/simulators/clip-camera.ts';
import type { LiveSource, SourceStatus } from '../../gateway/perceive/frame-source.ts';
import type { Fragment } from '../../gateway/perceive/camera/fragment.ts';
import { openLiveSource } from '../../gateway/perceive/camera/live-source.ts';
import { createMotionGateOf } from '../../gateway/perceive/camera/motion-gate.ts';
import { createCameraShared } from '../../gateway/perceive/camera/shared.ts';

const dir = mkdtempSync(join(tmpdir(), 'kanmen-faults-'));
const clips = { small: null as Clip | null, large: null as Clip | null, hevc: null as Clip | null };
beforeAll(async () => {
  for (const [name, size] of [
    ['small', '320x180'],
    ['large', '640x360'],
  ] as const) {
    const path = join(dir, `${name}.mp4`);
    const input = `-v error -f lavfi -i testsrc2=size=${size}:rate=10:duration=4 -pix_fmt yuv420p`;
    execFileSync('ffmpeg', `${input} -c:v libx264 -preset ultrafast -tune zerolatency -g 10 ${path}`.split(' '));
    clips[name] = await loadClip(path, 10);
  }
  const path = join(dir, 'hevc.mp4');
  const input = '-v error -f lavfi -i testsrc2=size=320x180:rate=10:duration=4 -pix_fmt yuv420p';
  const coding = '-c:v libx265 -preset ultrafast -tune zerolatency -x265-params keyint=10:log-level=none';
  execFileSync('ffmpeg', `${input} ${coding} ${path}`.split(' '));
  clips.hevc = await loadHevcClip(path, 10);
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** ffmpeg children of this process. */
function children(): number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      return stat.includes('(ffmpeg)') && Number(stat.split(') ')[1]?.split(' ')[1]) === process.pid
        ? [Number(name)]
        : [];
    } catch {
      return [];
    }
  });
}
const openThings = (): number =>
  process.getActiveResourcesInfo().filter((name) => /TCP|Pipe|UDP|Process/.test(name)).length;

interface Watched {
  readonly camera: ClipCamera;
  readonly source: LiveSource;
  readonly statuses: (SourceStatus & { at: number })[];
  readonly fragments: Fragment[];
  /** Of each stream. */
  readonly codecs: string[];
  frames: number;
  stop(): Promise<void>;
}

const running: Watched[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

async function watch(clock: Clock = systemClock, password = 'right'): Promise<Watched> {
  const camera = await startClipCamera({ clip: clips.small!, password: 'right' });
  const shared = createCameraShared({ decoders: 2, hardware: 'off', clock, onDecoding: () => undefined });
  const statuses: Watched['statuses'] = [];
  const source = openLiveSource({
    id: 'gate' as CameraId,
    url: camera.urlWith(password),
    framesPerSecond: 5,
    maxWidthPx: 320,
    silentAfterMs: 2000,
    transport: 'tcp',
    gate: createMotionGateOf('always'),
    lookEveryMs: 5000,
    shared,
    clock,
    onStatus: (status) => statuses.push({ ...status, at: Date.now() }),
  });
  const end = new AbortController();
  const watched: Watched = {
    camera,
    source,
    statuses,
    fragments: [],
    codecs: [],
    frames: 0,
    stop: async () => {
      end.abort();
      await reading;
      await shared.close();
      await camera.stop();
    },
  };
  source.fragments.attach({
    begin: ({ codec }) => watched.codecs.push(codec),
    take: (fragment) => watched.fragments.push(fragment),
    end: () => undefined,
  });
  const reading = (async () => {
    for await (const frame of source.frames(end.signal)) watched.frames += frame.widthPx > 0 ? 1 : 0;
  })();
  running.push(watched);
  return watched;
}
const wait = { timeout: 40_000, interval: 50 };
const kinds = ({ statuses }: Watched): string[] => statuses.map(({ kind }) => kind);
const flows = async (one: Watched): Promise<void> => {
  const { fragments, frames } = { fragments: one.fragments.length, frames: one.frames };
  await expect.poll(() => one.fragments.length > fragments + 5 && one.frames > frames + 1, wait).toBe(true);
};

describe('a camera that fails', () => {
  it.each([
    ['drops its links', 'failed', (camera: ClipCamera) => camera.dropAll()],
    ['hangs with its links open', 'silent', (camera: ClipCamera) => camera.setMode('hang')],
    ['answers and sends no video', 'silent', (camera: ClipCamera) => camera.setMode('mute')],
    ['sends noise', 'silent', (camera: ClipCamera) => camera.setMode('garbage')],
  ] as const)(
    'is told of when it %s, comes back by itself, and no other camera notices',
    { timeout: 120_000 },
    async (_what, kind, fault) => {
      const before = { things: openThings(), children: children().length };
      const [victim, other] = [await watch(), await watch()];
      await flows(victim);
      await flows(other);
      const at = Date.now();
      fault(victim.camera);
      await expect.poll(() => kinds(victim).includes(kind), wait).toBe(true);
      expect(victim.statuses.find((status) => status.kind === kind)!.at).toBeGreaterThanOrEqual(at);
      victim.camera.setMode('normal');
      await expect.poll(() => kinds(victim).filter((one) => one === 'connected').length, wait).toBe(2);
      await flows(victim);
      await flows(other);
      expect(kinds(other)).toEqual(['connecting', 'connected']);
      // Times of capture after the break belong to after the break.
      const first = victim.fragments.find(({ stream }) => stream === victim.fragments.at(-1)!.stream)!;
      expect(first.capturedAtMs).toBeGreaterThan(at - 1000);
      for (const one of running.splice(0)) await one.stop();
      await expect.poll(() => children().length, wait).toBe(before.children);
      await expect.poll(() => openThings(), wait).toBeLessThanOrEqual(before.things);
    },
  );

  it('goes on through damaged video', { timeout: 90_000 }, async () => {
    const one = await watch();
    await flows(one);
    one.camera.setMode('corrupt');
    const count = one.fragments.length;
    await expect.poll(() => one.fragments.length, wait).toBeGreaterThan(count + 40);
    one.camera.setMode('normal');
    await flows(one);
    expect(kinds(one).filter((kind) => kind === 'connecting').length).toBeLessThanOrEqual(2);
  });

  it('is asked with a wrong password once, and again only after ten minutes', { timeout: 60_000 }, async () => {
    const waits: number[] = [];
    const clock: Clock = {
      ...systemClock,
      after: (ms, callback) => {
        if (ms >= 100_000) waits.push(ms);
        return systemClock.after(ms >= 100_000 ? 1000 : ms, callback);
      },
    };
    const one = await watch(clock, 'wrong');
    await expect.poll(() => one.camera.refusals, wait).toBe(2);
    expect(waits[0]).toBe(600_000);
    expect(waits.length).toBeLessThanOrEqual(2);
    expect(one.statuses.find(({ kind }) => kind === 'failed')).toMatchObject({
      reason: 'the camera refuses this user or password',
    });
    // Somebody sets the camera to what we have.
    one.camera.setPassword('wrong');
    await flows(one);
    expect(kinds(one).at(-1)).toBe('connected');
  });

  it('may change its size in the middle of a stream', { timeout: 60_000 }, async () => {
    const one = await watch();
    await flows(one);
    one.camera.show(clips.large!);
    await expect.poll(() => one.statuses.at(-1), wait).toMatchObject({ kind: 'resized', widthPx: 640, heightPx: 360 });
    await flows(one);
    expect(kinds(one)).toEqual(['connecting', 'connected', 'resized']);
    expect(one.fragments.at(-1)).toMatchObject({ stream: 2 });
  });

  it(
    'may change its codec in the middle of a stream, and is asked anew what it sends',
    { timeout: 90_000 },
    async () => {
      const [one, other] = [await watch(), await watch()];
      await flows(one);
      one.camera.show(clips.hevc!);
      // What comes on the open link makes no sense until it is asked again.
      await expect.poll(() => one.codecs.at(-1), wait).toBe('hevc');
      await flows(one);
      expect(one.codecs).toEqual(['h264', 'hevc']);
      expect(kinds(one)).toEqual(['connecting', 'connected', 'silent', 'connecting', 'connected']);
      one.camera.show(clips.small!);
      await expect.poll(() => one.codecs.at(-1), wait).toBe('h264');
      await flows(one);
      expect(kinds(other)).toEqual(['connecting', 'connected']);
    },
  );

  it('may set its clock, and so may we: times of capture stay those of the wall', { timeout: 90_000 }, async () => {
    let offsetMs = 0;
    const clock: Clock = { ...systemClock, now: () => (systemClock.now() + offsetMs) as EpochMs };
    const one = await watch(clock);
    await flows(one);
    one.camera.leap(3_600_000);
    await expect.poll(() => one.fragments.at(-1)!.stream, wait).toBe(2);
    await flows(one);
    expect(Math.abs(one.fragments.at(-1)!.capturedAtMs - clock.now())).toBeLessThan(2000);
    offsetMs = -7_200_000;
    await expect.poll(() => one.fragments.at(-1)!.stream, wait).toBe(3);
    await flows(one);
    expect(Math.abs(one.fragments.at(-1)!.capturedAtMs - clock.now())).toBeLessThan(2000);
    expect(kinds(one)).toEqual(['connecting', 'connected']);
  });
});

describe('the decoder', () => {
  it('is started anew when it was killed', { timeout: 60_000 }, async () => {
    const one = await watch();
    await flows(one);
    for (const pid of children()) process.kill(pid, 'SIGKILL');
    await flows(one);
    expect(one.source.report().decoderStarts).toBeGreaterThan(1);
    expect(kinds(one)).toEqual(['connecting', 'connected']);
  });

  it('is ended and started anew when it hangs', { timeout: 120_000 }, async () => {
    const one = await watch();
    await flows(one);
    // More than the pipe to a decoder holds, so that it is noticed soon.
    one.camera.show(clips.large!);
    await expect.poll(() => one.statuses.at(-1)?.kind, wait).toBe('resized');
    await flows(one);
    const hung = children();
    for (const pid of hung) process.kill(pid, 'SIGSTOP');
    const starts = one.source.report().decoderStarts;
    await expect.poll(() => one.source.report().decoderStarts, { ...wait, timeout: 80_000 }).toBeGreaterThan(starts);
    await flows(one);
    expect(kinds(one)).toEqual(['connecting', 'connected', 'resized']);
    await expect.poll(() => children().filter((pid) => hung.includes(pid)), wait).toEqual([]);
  });

  it('is missed aloud when it is not installed, and used as soon as it is', { timeout: 60_000 }, async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nowhere';
    try {
      const one = await watch();
      await expect
        .poll(() => one.statuses.at(-1), wait)
        .toMatchObject({ kind: 'failed', reason: 'ffmpeg is not installed' });
      process.env['PATH'] = path;
      await expect.poll(() => one.frames, wait).toBeGreaterThan(2);
      expect(kinds(one).at(-1)).toBe('connected');
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('falls back to software where the hardware does not work, and says so once', { timeout: 60_000 }, async () => {
    const camera = await startClipCamera({ clip: clips.small! });
    const reports: unknown[] = [];
    const shared = createCameraShared({
      decoders: 1,
      hardware: 'v4l2m2m',
      clock: systemClock,
      onDecoding: (report) => reports.push(report),
    });
    const end = new AbortController();
    const source = openLiveSource({
      ...{ id: 'gate' as CameraId, url: camera.url, framesPerSecond: 5, maxWidthPx: 320, silentAfterMs: 5000 },
      ...{ transport: 'tcp', gate: createMotionGateOf('always'), lookEveryMs: 5000, shared, clock: systemClock },
      onStatus: () => undefined,
    });
    let frames = 0;
    for await (const frame of source.frames(end.signal)) if ((frames += frame.widthPx > 0 ? 1 : 0) === 3) break;
    end.abort();
    await shared.close();
    await camera.stop();
    expect(reports).toEqual([
      { with: 'software', reason: expect.stringContaining('v4l2m2m does not work here') as string },
    ]);
  });
});
