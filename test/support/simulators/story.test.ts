import { describe, expect, it } from 'vitest';
import { visitEndsMs } from './camera-plan.ts';
import { compare, type Seen } from './compare.ts';
import { expected, type Expected } from './expected.ts';
import { lastEventMs, makeStory, storyDevices, type Story } from './story.ts';

const seeds = Array.from({ length: 150 }, (_, index) => index + 1);
const startMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const options = {
  recipients: { red: ['station', 'community'], orange: ['station', 'community'] },
  acknowledgedBy: 'station',
};
const energies = (wanted: Expected): Map<string, number> =>
  new Map(wanted.sessions.map((session, index) => [session.order, 0.001 * (index + 1)]));

/** What a gateway that did everything right would show. */
function perfect(story: Story, wanted: Expected): Seen {
  const kwh = energies(wanted);
  const answers = (rows: Expected['receipts']): { alertId: string; recipient: string }[] =>
    rows.map(({ alert, recipient }) => ({ alertId: `id of ${alert}`, recipient }));
  return {
    passages: wanted.passages.map((one) => ({ ...one, atMs: startMs + one.fromMs + 9000 })),
    persons: wanted.persons.map((one) => ({ ...one, atMs: startMs + one.toMs })),
    sessions: wanted.sessions.map((one) => ({
      ...one,
      endedAtMs: one.endedMs === null ? null : startMs + one.endedMs,
      energyKwh: one.endedMs === null ? null : (kwh.get(one.order) ?? null),
    })),
    alerts: wanted.alerts.map((one) => ({
      id: `id of ${one.name}`,
      tier: one.tier,
      kind: one.kinds[0]!,
      area: one.area,
      source: one.sources[0]!,
      atMs: startMs + one.fromMs + 6000,
      evidenceCameras: story.cameras.filter((camera) => camera.area === one.area).map((camera) => camera.id),
    })),
    receipts: answers(wanted.receipts),
    acknowledgements: answers(wanted.acknowledgements),
  };
}

const check = (wanted: Expected, seen: Seen) =>
  compare(wanted, seen, { storyStartMs: startMs, energyKwhByOrder: energies(wanted) });
const wrongRows = (wanted: Expected, seen: Seen) => check(wanted, seen).filter((row) => !row.ok);

describe('story', () => {
  it('is the same for the same seed', () => {
    expect(makeStory(7)).toEqual(makeStory(7));
    expect(makeStory(7)).not.toEqual(makeStory(8));
  });

  it.each(seeds)('has everything the demo shows, and ends in time (seed %i)', (seed) => {
    const story = makeStory(seed);
    expect(story.cameras).toHaveLength(2);
    for (const camera of story.cameras) {
      expect(camera.vehicles.length).toBeGreaterThanOrEqual(3);
      expect(camera.vehicles.length).toBeLessThanOrEqual(5);
      camera.vehicles.forEach((visit, index) => {
        expect(visitEndsMs(visit)).toBeLessThanOrEqual(lastEventMs);
        const next = camera.vehicles[index + 1];
        if (next) expect(next.atMs).toBeGreaterThan(visitEndsMs(visit) + 2000);
      });
    }
    const waits = story.cameras.flatMap((camera) => camera.vehicles.map((visit) => visit.approach.waitMs));
    expect(waits.filter((ms) => ms > 12_000)).toHaveLength(1);
    expect(story.cameras.flatMap((camera) => camera.persons)).toHaveLength(1);
    expect(new Set(story.cameras.flatMap((camera) => camera.vehicles.map((visit) => visit.plate.text))).size).toBe(
      waits.length,
    );
    expect(story.piles).toHaveLength(20);
    expect(story.sensors).toHaveLength(50);
    expect(new Set(storyDevices(story).map(({ key }) => key)).size).toBe(70);
    const ended = story.sessions.filter((session) => session.endsAfterMs !== null);
    expect(ended.length).toBeGreaterThanOrEqual(5);
    for (const session of ended) expect(session.atMs + (session.endsAfterMs ?? 0)).toBeLessThanOrEqual(lastEventMs);
    expect(new Set(story.sessions.map(({ pile, port }) => `${pile}/${port}`)).size).toBe(story.sessions.length);
  });

  it.each(seeds)('burns in one shed, within a minute, before a camera, and nowhere else (seed %i)', (seed) => {
    const story = makeStory(seed);
    const [heat] = story.heats;
    const [smoke] = story.smokes;
    const pile = story.piles.find(({ id }) => id === heat?.pile);
    const sensor = story.sensors.find(({ id }) => id === smoke?.sensor);
    expect(sensor?.area).toBe(pile?.area);
    expect(story.cameras.some((camera) => camera.area === pile?.area)).toBe(true);
    expect(heat?.toC).toBeGreaterThan(60);
    expect(heat?.toC).toBeLessThan(70);
    const gapMs = smoke!.atMs - heat!.atMs;
    expect(gapMs).toBeGreaterThan(15_000);
    expect(gapMs).toBeLessThan(50_000);
    // The hot port is charging when it becomes hot, and no session is anywhere near another rule's limit.
    const session = story.sessions.find((one) => one.pile === heat?.pile && one.port === heat.port);
    expect(session!.atMs).toBeLessThan(heat!.atMs);
    expect(session!.atMs + session!.endsAfterMs!).toBeGreaterThan(smoke!.atMs);
    expect(Math.max(...story.sessions.map((one) => one.powerW))).toBeLessThan(800);
    expect(story.heats).toHaveLength(1);
    expect(story.smokes).toHaveLength(1);
  });
});

describe('table of expected against seen', () => {
  const story = makeStory(3);
  const wanted = expected(story, options);
  const good = perfect(story, wanted);

  it('is all right when everything was seen once', () => {
    const rows = check(wanted, good);
    expect(rows.filter((row) => !row.ok)).toEqual([]);
    expect(rows).toHaveLength(wanted.passages.length + wanted.persons.length + wanted.sessions.length + 2 + 4 + 2);
  });

  it.each(['passages', 'persons', 'sessions', 'receipts', 'acknowledgements'] as const)(
    'misses each of the %s when it is not there, and only that one',
    (list) => {
      for (let index = 0; index < good[list].length; index += 1) {
        const less = { ...good, [list]: good[list].filter((_, at) => at !== index) };
        expect(wrongRows(wanted, less).map((row) => row.seen)).toEqual(['–']);
      }
    },
  );

  it.each(['passages', 'persons', 'sessions', 'alerts', 'receipts', 'acknowledgements'] as const)(
    'finds one too many among the %s',
    (list) => {
      const more = { ...good, [list]: [...good[list], good[list][0]] };
      expect(wrongRows(wanted, more).map((row) => row.expected)).toEqual(['–']);
    },
  );

  it('misses an alert together with its receipts and acknowledgement', () => {
    const less = { ...good, alerts: good.alerts.slice(1) };
    // The answers to it then belong to nothing that is known.
    expect(new Set(wrongRows(wanted, less).map((row) => row.what))).toEqual(
      new Set(['alert', 'receipt', 'acknowledgement']),
    );
  });

  it('sets a misread plate beside the vehicle it belongs to', () => {
    const [first, ...rest] = good.passages;
    const misread = { ...good, passages: [...rest, { ...first!, text: '京A00000' }] };
    const [row, ...others] = wrongRows(wanted, misread);
    expect(others).toEqual([]);
    expect(row?.expected).toContain(first!.text!);
    expect(row?.seen).toContain('京A00000');
  });

  it.each([
    ['kind', { kind: 'unknown' }],
    ['colour', { color: 'yellow-green' }],
    ['direction', { direction: 'unknown' }],
    ['camera', { camera: 'gate-north' }],
    ['time', { atMs: startMs + 1_000_000 }],
  ])('refuses a passage with the wrong %s', (_, change) => {
    const [first, ...rest] = good.passages;
    expect(wrongRows(wanted, { ...good, passages: [{ ...first!, ...change }, ...rest] })).not.toEqual([]);
  });

  it.each([
    ['tier', { tier: 'yellow' }],
    ['area', { area: 'tower-1' }],
    ['kind', { kind: 'device.silent' }],
    ['source', { source: 'charger/1' }],
    ['picture', { evidenceCameras: [] }],
    ['moment', { atMs: startMs - 60_000 }],
  ])('refuses an alert with the wrong %s', (_, change) => {
    const [first, ...rest] = good.alerts;
    expect(wrongRows(wanted, { ...good, alerts: [{ ...first!, ...change }, ...rest] })).not.toEqual([]);
  });

  it('refuses a session whose energy is not what the pile measured', () => {
    const at = good.sessions.findIndex((session) => session.endedAtMs !== null);
    const sessions = good.sessions.map((session, index) => (index === at ? { ...session, energyKwh: 9 } : session));
    expect(wrongRows(wanted, { ...good, sessions })).toHaveLength(1);
  });
});
