import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock, type EpochMs } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import {
  createPerception,
  type CameraChange,
  type InspectLine,
  type ZoneChange,
} from '../../gateway/perceive/index.ts';
import { cameraOptions, modelsOptions, perceptionOptions, type CameraOptions } from '../../gateway/perceive/options.ts';
import type { PassageCandidate } from '../../gateway/perceive/worker-protocol.ts';
import { covered, createRandom, drawView, noisy, withParked } from './drawn-view.ts';
import type { Picture } from '../../gateway/perceive/picture.ts';

const dir = mkdtempSync(join(tmpdir(), 'kanmen-file-camera-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const recorded = join(dir, 'recorded.mp4');
const createdAt = Date.UTC(2026, 10, 20, 4, 0, 0);
const random = createRandom(31);
/** What the recording shows, one picture a second: nothing, a parked car, nothing, a bag over the lens, nothing. */
const spans = { quiet: 40, parked: 120, gone: 60, bag: 170, clear: 40 };

/** A recording as a camera would make it: few pictures a second, a key frame every 2 s, with its creation time. */
function record(path: string, pictures: readonly Picture[]): void {
  const raw = Buffer.concat(pictures.map(({ rgb }) => rgb));
  const input = '-f rawvideo -pix_fmt rgb24 -s 640x360 -r 1 -i pipe:0';
  const coding = '-c:v libx264 -preset ultrafast -crf 24 -g 2 -bf 0 -pix_fmt yuv420p';
  const stamp = `-metadata creation_time=${new Date(createdAt).toISOString()}`;
  execFileSync('ffmpeg', `-v error -y ${input} ${coding} ${stamp} ${path}`.split(' '), {
    input: raw,
    maxBuffer: 1 << 28,
  });
}

beforeAll(async () => {
  const empty = await (await drawView(4)).at(0);
  const parked = withParked(empty, 0.6, 0.7, 0.28);
  const bag = covered(empty, 100, random);
  const many = (picture: Picture, count: number): Picture[] =>
    Array.from({ length: count }, () => noisy(picture, random, 2));
  record(recorded, [
    ...many(empty, spans.quiet),
    ...many(parked, spans.parked),
    ...many(empty, spans.gone),
    ...many(bag, spans.bag),
    ...many(empty, spans.clear),
  ]);
}, 120_000);

const zones = [
  {
    ...{ id: 'lane', name: 'Fire lane', use: 'fire-lane', standsFor: '10s' },
    points: [
      [0.2, 0.55],
      [0.95, 0.55],
      [0.95, 0.86],
      [0.2, 0.86],
    ],
  },
];
const camera = (more: object = {}): CameraOptions =>
  cameraOptions.parse({ id: 'gate', name: 'Gate', url: pathToFileURL(recorded).href, zones, ...more });

async function perceive(cameras: readonly CameraOptions[], inspectAs?: CameraOptions) {
  const passages: PassageCandidate[] = [];
  const changes: CameraChange[] = [];
  const stood: ZoneChange[] = [];
  const perception = createPerception({
    cameras,
    ...(inspectAs ? { inspectAs } : {}),
    models: modelsOptions.parse({}),
    perception: perceptionOptions.parse({ workers: 1 }),
    clock: systemClock,
    logger: silentLogger,
    unit: () => 0.5,
    onPassage: (passage) => {
      passages.push(passage);
      return Promise.resolve();
    },
    onCamera: (change) => changes.push(change),
    onZone: (_camera, change) => stood.push(change),
  });
  await perception.start(new AbortController().signal);
  onTestFinished(() => perception.stop());
  return { perception, passages, changes, stood };
}

/** Seconds of the recording that a capture time stands for. */
const secondsAt = (at: EpochMs): number => (at - createdAt) / 1000;

describe('a video file in a camera’s place', () => {
  it(
    'is played at speed, with events at the file’s own times, and is over at its end',
    { timeout: 180_000 },
    async () => {
      const { perception, changes, stood } = await perceive([camera()]);
      const startedMs = performance.now();
      await expect.poll(() => perception.cameras()[0]!.state, { timeout: 150_000, interval: 100 }).toBe('ended');
      // 430 s of recording.
      expect(performance.now() - startedMs).toBeLessThan(200_000);
      expect(stood.map(({ change, zone, subject }) => [change, zone, subject])).toEqual([
        ['entered', 'lane', 'object'],
        ['left', 'lane', 'object'],
      ]);
      const [entered, left] = stood;
      expect(secondsAt(entered!.at)).toBeGreaterThanOrEqual(spans.quiet + 10);
      expect(secondsAt(entered!.at)).toBeLessThan(spans.quiet + 40);
      expect(secondsAt(left!.at)).toBeGreaterThan(spans.quiet + spans.parked - 15);
      expect(secondsAt(left!.at)).toBeLessThan(spans.quiet + spans.parked + 15);
      const bagS = spans.quiet + spans.parked + spans.gone;
      expect(changes.map(({ change }) => change)).toEqual(['connected', 'blind', 'seeing']);
      expect(secondsAt(changes[1]!.at)).toBeGreaterThanOrEqual(bagS + 118);
      expect(secondsAt(changes[1]!.at)).toBeLessThan(bagS + 145);
      expect(secondsAt(changes[2]!.at)).toBeGreaterThan(bagS + spans.bag - 1);
      const status = perception.cameras()[0]!;
      expect(status).toMatchObject({ state: 'ended', reason: 'the file is over', blind: null, widthPx: 640 });
      expect(status.counters.stream).toMatchObject({ fragments: 430, connections: 1 });
    },
  );

  it('is told of as failed, once, where it cannot be played', { timeout: 60_000 }, async () => {
    const broken = join(dir, 'broken.mp4');
    writeFileSync(broken, 'no video');
    const { perception, changes } = await perceive([camera({ url: pathToFileURL(broken).href })]);
    await expect.poll(() => perception.cameras()[0]!.state, { timeout: 40_000 }).toBe('failed');
    expect(changes.map(({ change }) => change)).toEqual(['failed']);
    expect(changes[0]!.reason).toContain('cannot be decoded as video');
  });
});

describe('inspecting a video', () => {
  it(
    'sees in a file what a camera sees, with the camera’s zones and the file’s times',
    { timeout: 180_000 },
    async () => {
      const { perception } = await perceive([], camera());
      const lines: InspectLine[] = [];
      for await (const line of perception.inspect([recorded], { crop: false })) lines.push(line);
      const [line] = lines;
      if (!line || !('passages' in line)) throw new Error(JSON.stringify(line));
      expect(line).toMatchObject({ startsAt: new Date(createdAt).toISOString(), startsFrom: 'file', persons: 0 });
      expect(line.zones.map(({ change, zone, use }) => [change, zone, use])).toEqual([
        ['entered', 'lane', 'fire-lane'],
        ['left', 'lane', 'fire-lane'],
      ]);
      expect(line.views.map(({ change }) => change)).toEqual(['blind', 'seeing']);
      // Times in the line count from the beginning.
      expect(line.zones[0]!.atMs).toBeGreaterThanOrEqual((spans.quiet + 10) * 1000);
      expect(line.zones[0]!.atMs).toBeLessThan((spans.quiet + 40) * 1000);
    },
  );

  it('says from when the file is where it does not say so itself', { timeout: 120_000 }, async () => {
    const short = join(dir, 'short.mp4');
    execFileSync('ffmpeg', [
      ...['-v', 'error', '-y', '-i', recorded, '-t', '10', '-c', 'copy', '-map_metadata', '-1', '-fflags', '+bitexact'],
      short,
    ]);
    const said = camera({ startsAt: '2026-11-22T08:00:00+08:00' });
    for (const [as, startsFrom] of [
      [undefined, 'modified'],
      [said, 'option'],
    ] as const) {
      const { perception } = await perceive([], as);
      for await (const line of perception.inspect([short], { crop: false })) {
        expect(line).toMatchObject({ startsFrom });
        if ('startsAt' in line && startsFrom === 'option') expect(line.startsAt).toBe('2026-11-22T00:00:00.000Z');
      }
    }
  });

  it('counts what lies outside of the zones in a picture, and lists it as rejected', { timeout: 120_000 }, async () => {
    const { drawnScene } = await import('./drawn-scene.ts');
    const { encodeJpeg } = await import('../../gateway/perceive/picture.ts');
    const { drawPlate } = await import('../support/simulators/plate-picture.ts');
    const plate = drawPlate({ text: '浙B12345', kind: 'small', color: 'blue' }, 1);
    const scene = drawnScene(1280, 720, [{ plate, centreX: 320, centreY: 500, widthPx: 150 }]);
    const picture = join(dir, 'gate.jpg');
    writeFileSync(picture, await encodeJpeg(scene, { maxBytes: 500_000 }));
    const zone = (left: number, right: number) =>
      camera({
        zones: [
          {
            id: 'lane',
            use: 'reading',
            points: [
              [left, 0],
              [right, 0],
              [right, 1],
              [left, 1],
            ],
          },
        ],
      });
    const plates: (string[] | null)[] = [];
    const reasons: string[][] = [];
    for (const as of [zone(0, 0.5), zone(0.5, 1)]) {
      const { perception } = await perceive([], as);
      for await (const line of perception.inspect([picture], { crop: false })) {
        plates.push('plates' in line ? line.plates.map(({ text }) => text) : null);
        reasons.push('rejected' in line ? line.rejected.map(({ reason }) => reason) : []);
      }
    }
    expect(plates).toEqual([['浙B12345'], []]);
    expect(reasons[0]).not.toContain('outside-zone');
    expect(reasons[1]).toContain('outside-zone');
  });
});
