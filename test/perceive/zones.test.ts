import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { formatFault, loadConfiguration } from '../../gateway/config/index.ts';
import type { EpochMs } from '../../gateway/lib/clock.ts';
import { cameraOptions, perceptionOptions } from '../../gateway/perceive/options.ts';
import { createCameraWatch } from '../../gateway/perceive/camera-watch.ts';
import type { Picture } from '../../gateway/perceive/picture.ts';
import { areaOf, contains, crossingSides } from '../../gateway/perceive/polygon.ts';
import { createSceneWatch } from '../../gateway/perceive/scene-watch.ts';
import type { PassageCandidate } from '../../gateway/perceive/worker-protocol.ts';
import type { ZoneChange } from '../../gateway/perceive/zone-visits.ts';
import { zonesOptions } from '../../gateway/perceive/zone-options.ts';
import { createZones } from '../../gateway/perceive/zones.ts';
import { createRandom, drawView, infrared, lit, noisy, withParked } from './drawn-view.ts';
import type { Scenario } from '../bench/passages/scenario.ts';
import { laneX } from '../support/simulators/view.ts';
import { createScriptedGate } from './scripted-gate.ts';

const square = (left: number, top: number, right: number, bottom: number) => [
  [left, top],
  [right, top],
  [right, bottom],
  [left, bottom],
];
const noon = Date.UTC(2026, 10, 22, 4);

describe('polygons', () => {
  it('know what lies in them, how large they are, and which of their sides cross', () => {
    const arrow = [
      [0.1, 0.1],
      [0.9, 0.5],
      [0.1, 0.9],
      [0.4, 0.5],
    ] as const;
    expect(contains(arrow, [0.6, 0.5])).toBe(true);
    expect(contains(arrow, [0.2, 0.5])).toBe(false);
    expect(areaOf(arrow)).toBeCloseTo(0.2, 6);
    expect(crossingSides(arrow)).toBeNull();
    expect(crossingSides([...arrow.slice(0, 2), arrow[3], arrow[2]])).toBeNull();
    expect(
      crossingSides([
        [0, 0],
        [1, 1],
        [1, 0],
        [0, 1],
      ]),
    ).toEqual([0, 2]);
  });
});

describe('zones in the configuration', () => {
  const faultsOf = (zones: string): string[] => {
    const dir = mkdtempSync(join(tmpdir(), 'kanmen-zones-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const file = join(dir, 'kanmen.yaml');
    const head =
      'site: { id: s, name: S }\ncameras:\n  - id: gate\n    name: Gate\n    url: rtsp://10.0.0.7/1\n    zones:\n';
    writeFileSync(file, head + zones);
    const loaded = loadConfiguration(file);
    return loaded.ok ? [] : loaded.faults.map((fault) => formatFault(fault).replace(`${dir}/`, ''));
  };

  it('are taken where they are right, and refused with line, path and reason where they are not', () => {
    expect(faultsOf('      - { id: a, use: reading, points: [[0, 0.3], [1, 0.3], [1, 1], [0, 1]] }\n')).toEqual([]);
    expect(
      faultsOf(
        [
          '      - id: crossed',
          '        use: fire-lane',
          '        points:',
          '          - [0.1, 0.1]',
          '          - [0.9, 0.9]',
          '          - [0.9, 0.1]',
          '          - [0.1, 0.9]',
          '      - { id: pixels, use: ignore, points: [[640, 360], [0.5, 0.1], [0.2, 0.9]] }',
          '      - { id: line, use: reading, points: [[0.1, 0.1], [0.9, 0.9]] }',
          '      - { id: twice, use: reading, points: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.1]] }',
          '      - { id: dot, use: parking, points: [[0.1, 0.1], [0.11, 0.1], [0.11, 0.11]] }',
          '',
        ].join('\n'),
      ),
    ).toEqual([
      expect.stringMatching(
        /^kanmen\.yaml:12:13 cameras\[0\]\.zones\[0\]\.points\[2\] = .*: the side between corners 3–4 crosses the one between 1–2/,
      ),
      expect.stringMatching(/^kanmen\.yaml:14:\d+ cameras\[0\]\.zones\[1\]\.points\[0\]\[0\] = 640: .*at most 1/),
      expect.stringMatching(/^kanmen\.yaml:14:\d+ cameras\[0\]\.zones\[1\]\.points\[0\]\[1\] = 360: .*at most 1/),
      expect.stringMatching(/^kanmen\.yaml:15:\d+ cameras\[0\]\.zones\[2\]\.points = .*at least 3/),
      expect.stringMatching(
        /^kanmen\.yaml:16:\d+ cameras\[0\]\.zones\[3\]\.points\[3\] = .*: this corner stands there twice/,
      ),
      expect.stringMatching(/^kanmen\.yaml:17:\d+ cameras\[0\]\.zones\[4\]\.use = "parking": .*fire-lane, no-parking/),
    ]);
    expect(
      faultsOf(
        '      - { id: a, use: ignore, points: [[0, 0], [1, 0], [1, 1]] }\n      - { id: a, use: reading, points: [[0, 0], [0.01, 0], [0.01, 0.01]] }\n',
      ),
    ).toEqual([
      expect.stringMatching(/zones\[1\]\.points = .*smaller than a thousandth/),
      expect.stringMatching(/zones\[1\]\.id = "a": two zones of this camera have this id; the first is zones\[0\]/),
    ]);
  });
});

describe('reading and ignore zones', () => {
  const size = { widthPx: 1000, heightPx: 1000 };
  it('count what lies in a reading zone and in no ignore zone, for those they are about', () => {
    const zones = createZones(
      zonesOptions.parse([
        { id: 'lane', use: 'reading', subjects: ['vehicle'], points: square(0, 0.5, 1, 1) },
        { id: 'street', use: 'ignore', points: square(0, 0.5, 0.3, 1) },
        { id: 'fire', use: 'fire-lane', points: square(0.6, 0, 1, 0.4) },
      ]),
    );
    const at = (x: number, y: number) => [x * 1000 - 20, y * 1000 - 10, 40, 20] as const;
    expect(zones.counts(at(0.5, 0.7), size, 'vehicle')).toBe(true);
    expect(zones.counts(at(0.5, 0.2), size, 'vehicle')).toBe(false);
    expect(zones.counts(at(0.5, 0.2), size, 'person')).toBe(true);
    expect(zones.counts(at(0.1, 0.7), size, 'vehicle')).toBe(false);
    expect(zones.counts(at(0.1, 0.7), size, 'person')).toBe(false);
    expect(zones.wanted(at(0.8, 0.2), size)).toBe(true);
    expect(zones.counts(at(0.8, 0.2), size, 'vehicle')).toBe(false);
    expect(zones.watched.map(({ id }) => id)).toEqual(['fire']);
  });

  const plate = { text: '浙B12345', kind: 'small', color: 'blue' } as const;
  /** Comes, waits for 40 s, drives on; and a minute of nothing. */
  const scenario: Scenario = {
    ...{ pattern: 'stops', expected: [], durationMs: 110_000 },
    vehicles: [
      {
        ...{ plate, shape: 'car', paint: [90, 90, 90], laneX },
        path: [
          [0, 25],
          [5000, 4.4],
          [45_000, 4.4],
          [47_500, -5],
        ],
      },
    ],
  };

  /** A car that drives through the scripted gate, with a camera that has these zones. */
  async function drive(zones: unknown[]) {
    const { stage, perceiver } = createScriptedGate(createRandom(5));
    const passages: PassageCandidate[] = [];
    const told: ZoneChange[] = [];
    const watch = createCameraWatch({
      camera: cameraOptions.parse({
        id: 'gate',
        name: 'Gate',
        url: 'rtsp://camera/1',
        blindCheck: false,
        faces: false,
        zones,
      }),
      perception: perceptionOptions.parse({}),
      perceiver,
      onPassage: (passage) => {
        passages.push(passage);
        return Promise.resolve();
      },
      onZone: (change) => told.push(change),
    });
    for (let atMs = 0; atMs < scenario.durationMs; atMs += 333) {
      const picture = await stage.draw(scenario, atMs);
      await watch.look({ ...picture, capturedAt: (noon + atMs) as EpochMs, mediaMs: atMs });
    }
    await watch.finish();
    return { passages, told, rejected: watch.counters(0).rejected };
  }

  it(
    'make a row of a car that is read in the zone, and none of one that is read outside of it',
    { timeout: 60_000 },
    async () => {
      const all = await drive([]);
      expect(all.passages).toHaveLength(1);
      expect(all.rejected['outside-zone']).toBe(0);
      const inside = await drive([{ id: 'lane', use: 'reading', points: square(0, 0, 1, 1) }]);
      expect(inside.passages.map(({ plate }) => plate?.text)).toEqual(all.passages.map(({ plate }) => plate?.text));
      const outside = await drive([{ id: 'sky', use: 'reading', points: square(0, 0, 1, 0.1) }]);
      expect(outside.passages).toEqual([]);
      expect(outside.rejected['outside-zone']).toBeGreaterThan(0);
      const ignored = await drive([{ id: 'all', use: 'ignore', points: square(0, 0, 1, 1) }]);
      expect(ignored.passages).toEqual([]);
      expect(ignored.rejected['outside-zone']).toBeGreaterThan(0);
    },
  );

  it(
    'tell of a car that stands in a watched zone with its plate, though no passage is counted there',
    { timeout: 60_000 },
    async () => {
      const { passages, told, rejected } = await drive([
        { id: 'sky', use: 'reading', points: square(0, 0, 1, 0.1) },
        { id: 'lane', use: 'fire-lane', standsFor: '5s', points: square(0, 0.2, 1, 1) },
      ]);
      expect(passages).toEqual([]);
      expect(rejected['outside-zone']).toBeGreaterThan(0);
      expect(told.map(({ change, zone, use, subject }) => ({ change, zone, use, subject }))).toEqual([
        { change: 'entered', zone: 'lane', use: 'fire-lane', subject: 'vehicle' },
        { change: 'left', zone: 'lane', use: 'fire-lane', subject: 'vehicle' },
      ]);
      expect(told[0]!.plate?.text).toBe(told[1]!.plate?.text);
      expect(told[0]!.visit).toBe(told[1]!.visit);
      expect(told[1]!.seconds).toBeGreaterThan(30);
      expect(told[1]!.at).toBeGreaterThan(told[0]!.at);
    },
  );
});

describe('a zone that is watched', () => {
  const random = createRandom(21);
  let empty: Picture;
  beforeAll(async () => {
    empty = await (await drawView(4)).at(0);
  }, 60_000);

  function begin() {
    const { watched } = createZones(
      zonesOptions.parse([{ id: 'lane', use: 'fire-lane', points: square(0.2, 0.55, 0.95, 0.86) }]),
    );
    const scene = createSceneWatch({ zones: watched, prefix: 'gate-1', blindAfterMs: 120_000, isDay: () => true });
    const told: (Pick<ZoneChange, 'change' | 'subject' | 'visit' | 'seconds'> & { afterS: number })[] = [];
    let atMs = noon;
    const show = (picture: (share: number) => Picture, seconds: number, everyMs = 5000): void => {
      const from = atMs;
      for (const until = atMs + seconds * 1000; atMs < until; atMs += everyMs) {
        const looked = noisy(picture((atMs - from) / (seconds * 1000)), random, 4);
        for (const { change, subject, visit, seconds: stood, at } of scene.look(looked, atMs as EpochMs, () => [])
          ?.zones ?? [])
          told.push({ change, subject, visit, seconds: stood, afterS: (at - from) / 1000 });
      }
    };
    const parked = withParked(empty, 0.6, 0.7, 0.28);
    return { show, told, scene, parked, quiet: () => empty };
  }

  it('tells of what has come to stand in it, and of its going, once each', { timeout: 60_000 }, () => {
    const { show, told, scene, parked, quiet } = begin();
    show(quiet, 60);
    show(() => parked, 900);
    expect(told).toEqual([
      { change: 'entered', subject: 'object', visit: 'gate-1-1', seconds: null, afterS: expect.any(Number) as number },
    ]);
    expect(told[0]!.afterS).toBeLessThanOrEqual(30);
    expect(scene.standing().map(({ zone }) => zone)).toEqual(['lane']);
    show(quiet, 120);
    expect(told.slice(1)).toMatchObject([{ change: 'left', visit: 'gate-1-1' }]);
    expect(told[1]!.seconds).toBeGreaterThan(850);
    expect(scene.standing()).toEqual([]);
    // And of the next one.
    show(() => parked, 60);
    expect(told.slice(2)).toMatchObject([{ change: 'entered', visit: 'gate-1-2' }]);
  });

  it('says nothing of what drives through it, or stands outside of it', { timeout: 60_000 }, () => {
    const { show, told, quiet } = begin();
    show(quiet, 60);
    for (let times = 0; times < 5; times += 1) {
      show((share) => withParked(empty, 0.2 + share * 0.7, 0.7, 0.28), 6, 1000);
      show(quiet, 20);
    }
    const beside = withParked(empty, 0.1, 0.3, 0.15);
    show(() => beside, 300);
    expect(told).toEqual([]);
  });

  it('is not fooled by clouds, dusk or infrared, and keeps in mind what stands there', { timeout: 60_000 }, () => {
    const { show, told, parked, quiet } = begin();
    show(quiet, 60);
    show(() => lit(empty, 0.6), 120);
    show((share) => lit(empty, 0.6 - 0.2 * share), 600);
    const dark = infrared(empty);
    show(() => dark, 300);
    show(quiet, 120);
    expect(told).toEqual([]);
    show(() => parked, 60);
    const darkParked = infrared(parked);
    show(() => darkParked, 600);
    show(() => parked, 60);
    expect(told.map(({ change }) => change)).toEqual(['entered']);
    show(quiet, 120);
    expect(told.map(({ change }) => change)).toEqual(['entered', 'left']);
  });

  it('says nothing of a car that stood there from the start and goes', { timeout: 60_000 }, () => {
    const { show, told, parked, quiet } = begin();
    show(() => parked, 120);
    show(quiet, 300);
    expect(told).toEqual([]);
  });
});
