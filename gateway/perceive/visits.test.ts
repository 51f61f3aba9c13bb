import { describe, expect, it } from 'vitest';
import type { BoxPx } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { KeptFrame } from './evidence-frame.ts';
import { createVisits } from './visits.ts';
import type { VehicleSighting } from './vehicle-tracks.ts';

const at = (seconds: number): EpochMs => (seconds * 1000) as EpochMs;
const picture = { widthPx: 1280, heightPx: 720, rgb: new Uint8Array(3) };

function sighting(text: string, endedS: number, accepted = true, more: Partial<VehicleSighting> = {}): VehicleSighting {
  const evidence: KeptFrame = { picture, capturedAt: at(endedS), box: [0, 0, 1, 1] };
  return {
    plate: {
      text,
      confidenceRatio: accepted ? 0.95 : 0.5,
      characterConfidenceRatios: [],
      kind: 'small',
      color: 'blue',
      accepted,
    },
    rejected: accepted ? null : 'low-confidence',
    agreeing: 3,
    reads: 3,
    motion: 'nearer',
    startedAt: at(endedS - 5),
    endedAt: at(endedS),
    firstBox: [100, 100, 60, 20],
    lastBox: [300, 400, 160, 53],
    counts: true,
    evidence,
    ...more,
  };
}
const texts = (list: readonly VehicleSighting[]): string[] => list.map(({ plate }) => plate.text);

describe('visits', () => {
  it('makes one row of a plate that is lost and found again within the time of a visit', () => {
    const visits = createVisits({ sameVisitMs: 20_000 });
    expect(texts(visits.settle([sighting('浙B12345', 10)], at(14), false))).toEqual(['浙B12345']);
    expect(texts(visits.settle([sighting('浙B12345', 25)], at(29), false))).toEqual([]);
    expect(texts(visits.settle([sighting('浙B1234S', 35)], at(39), false))).toEqual([]);
    expect(texts(visits.settle([sighting('浙B12345', 70)], at(74), false))).toEqual(['浙B12345']);
  });

  it('keeps two plates nose to tail apart', () => {
    const visits = createVisits({ sameVisitMs: 20_000 });
    const both = [sighting('浙B12345', 10), sighting('浙B99999', 10)];
    expect(texts(visits.settle(both, at(14), false))).toEqual(['浙B12345', '浙B99999']);
  });

  it('does not believe one sure read where another car was told of that had just been there', () => {
    const alone = { agreeing: 1, reads: 1, startedAt: at(10.4), firstBox: [320, 420, 165, 50] as BoxPx };
    const visits = createVisits({ sameVisitMs: 20_000 });
    expect(texts(visits.settle([sighting('青J691A4', 10)], at(14), false))).toEqual(['青J691A4']);
    expect(texts(visits.settle([sighting('皖AC0114', 11, true, alone)], at(15), false))).toEqual([]);
    // Elsewhere in the picture, or later, it is a car of its own; and so is one that was read twice alike.
    const elsewhere = { ...alone, firstBox: [1000, 420, 165, 50] as BoxPx };
    expect(texts(visits.settle([sighting('皖AC0114', 11, true, elsewhere)], at(15), false))).toEqual(['皖AC0114']);
    const twice = { ...alone, agreeing: 2, reads: 2 };
    expect(texts(visits.settle([sighting('苏E5G8K2', 11, true, twice)], at(15), false))).toEqual(['苏E5G8K2']);
  });

  it('drops an unsure read when a sure one of the same car comes, before or after it', () => {
    const visits = createVisits({ sameVisitMs: 20_000 });
    expect(visits.settle([sighting('浙B1Z3A5', 3, false)], at(5), false)).toEqual([]);
    expect(texts(visits.settle([sighting('浙B12345', 10)], at(14), false))).toEqual(['浙B12345']);
    expect(visits.settle([sighting('浙B1234', 16, false)], at(20), false)).toEqual([]);
    expect(visits.settle([], at(60), true)).toEqual([]);
  });

  it('tells of an unsure read once nothing better came', () => {
    const visits = createVisits({ sameVisitMs: 20_000 });
    expect(visits.settle([sighting('浙B12345', 10, false)], at(14), false)).toEqual([]);
    expect(visits.waiting()).toBe(1);
    expect(texts(visits.settle([], at(31), false))).toEqual(['浙B12345']);
    expect(visits.waiting()).toBe(0);
  });

  describe('of an unsure car that was read often', () => {
    const often = { reads: 8, agreeing: 6 };
    const atEdge: Partial<VehicleSighting> = { ...often, lastBox: [363, 588, 189, 73] };
    const tells = (more: Partial<VehicleSighting>): number =>
      createVisits({ sameVisitMs: 20_000 }).settle([sighting('浙B12345', 10, false, more)], at(12), false).length;

    it('tells at once when it has driven out of the picture or too far away', () => {
      expect(tells(atEdge)).toBe(1);
      expect(tells({ ...often, motion: 'away', lastBox: [600, 300, 44, 15] })).toBe(1);
    });

    it('waits where it was lost in the middle, stands, went back, or was read seldom or never twice alike', () => {
      expect(tells(often)).toBe(0);
      expect(tells({ ...atEdge, motion: 'still' })).toBe(0);
      expect(tells({ ...atEdge, motion: 'turned' })).toBe(0);
      expect(tells({ ...atEdge, reads: 5, agreeing: 5 })).toBe(0);
      expect(tells({ ...atEdge, agreeing: 3 })).toBe(0);
      expect(tells({ ...often, motion: 'away', lastBox: [600, 300, 140, 46] })).toBe(0);
    });

    it('makes no second row of what is read of it afterwards, however sure', () => {
      const visits = createVisits({ sameVisitMs: 20_000 });
      expect(texts(visits.settle([sighting('藏L6N08W', 10, false, atEdge)], at(12), false))).toEqual(['藏L6N08W']);
      expect(visits.settle([sighting('藏L6N08M', 14)], at(16), false)).toEqual([]);
      expect(visits.settle([], at(90), true)).toEqual([]);
      expect(texts(visits.settle([sighting('藏L6N08M', 100)], at(102), false))).toEqual(['藏L6N08M']);
    });
  });

  it('goes on with a visit while the car is still there', () => {
    const visits = createVisits({ sameVisitMs: 20_000 });
    visits.settle([sighting('浙B12345', 30)], at(30), false);
    for (let second = 31; second < 600; second += 1) {
      visits.present({ text: '浙B12345', standsAt: null, lastSeenAt: at(second) });
      visits.settle([], at(second), false);
    }
    expect(visits.settle([sighting('浙B12345', 605)], at(609), false)).toEqual([]);
  });

  it('waits with a car that went back the way it came, and makes one row of it when it returns', () => {
    const visits = createVisits({ sameVisitMs: 20_000 });
    expect(visits.settle([sighting('浙B12345', 10, true, { motion: 'turned' })], at(14), false)).toEqual([]);
    const [row, ...others] = visits.settle([sighting('浙B12345', 25)], at(29), false);
    expect(others).toEqual([]);
    expect(row).toMatchObject({ motion: 'nearer', startedAt: at(5), endedAt: at(25) });
    expect(visits.settle([], at(90), true)).toEqual([]);
  });

  it('waits on while the car that went back stands there again, however long, and however it is read', () => {
    const visits = createVisits({ sameVisitMs: 20_000 });
    expect(visits.settle([sighting('藏L0435领', 10, true, { motion: 'turned' })], at(14), false)).toEqual([]);
    for (let second = 20; second < 45; second += 1) {
      visits.present({ text: '冀L0435领', standsAt: null, lastSeenAt: at(second) });
      expect(visits.settle([], at(second), false)).toEqual([]);
    }
    const again = sighting('冀L0435领', 45, false, { startedAt: at(19) });
    const rows = visits.settle([again], at(49), false);
    expect(visits.settle([], at(90), true)).toEqual([]);
    expect(rows.map(({ plate, motion }) => [plate.text, motion])).toEqual([['藏L0435领', 'nearer']]);
  });

  it('tells of a car that went back and stayed away, once', () => {
    const visits = createVisits({ sameVisitMs: 20_000 });
    visits.settle([sighting('浙B12345', 10, true, { motion: 'turned' })], at(14), false);
    const rows = visits.settle([], at(31), false);
    expect(rows.map(({ plate, motion }) => [plate.text, motion])).toEqual([['浙B12345', 'turned']]);
    expect(visits.settle([], at(60), true)).toEqual([]);
  });

  it('knows a car again that stood hidden behind another for minutes, and a later visit for a new one', () => {
    const place: BoxPx = [400, 300, 140, 46];
    const visits = createVisits({ sameVisitMs: 20_000 });
    visits.settle([sighting('浙B12345', 30)], at(30), false);
    visits.present({ text: '浙B12345', standsAt: place, lastSeenAt: at(60) });
    visits.settle([], at(200), false);
    const again = sighting('浙B12345', 310, true, { startedAt: at(300), firstBox: [402, 301, 139, 46] });
    expect(visits.settle([again], at(314), false)).toEqual([]);
    const later = sighting('浙B12345', 410, true, { startedAt: at(400), firstBox: [500, 100, 50, 16] });
    expect(texts(visits.settle([later], at(414), false))).toEqual(['浙B12345']);
  });

  it('takes the surer of two sightings of one visit, with its evidence', () => {
    const visits = createVisits({ sameVisitMs: 20_000 });
    visits.settle([sighting('浙B12345', 10, false)], at(14), false);
    const [row] = visits.settle([sighting('浙B12345', 18)], at(22), false);
    expect(row?.plate.accepted).toBe(true);
    expect(row?.evidence.capturedAt).toBe(at(18));
    expect(row?.startedAt).toBe(at(5));
  });

  describe('with reads of which no two agree', () => {
    const doubtful = (text: string, endedS: number, more: Partial<VehicleSighting> = {}): VehicleSighting =>
      sighting(text, endedS, false, { agreeing: 0, ...more });

    it('tells of a vehicle that nobody else can have been, once, as unsure', () => {
      const visits = createVisits({ sameVisitMs: 20_000 });
      expect(visits.settle([doubtful('浙B12345', 10)], at(14), false)).toEqual([]);
      const rows = visits.settle([], at(31), false);
      expect(rows.map(({ plate }) => [plate.text, plate.accepted])).toEqual([['浙B12345', false]]);
      expect(visits.settle([], at(90), true)).toEqual([]);
    });

    it('makes no second row of a car that was lost for a moment, before or after it was read surely', () => {
      const visits = createVisits({ sameVisitMs: 20_000 });
      const sure = sighting('浙B12345', 10, true, { firstBox: [180, 200, 90, 30] });
      const before = doubtful('鲁F30T77', 4.5, { startedAt: at(2), lastBox: [140, 150, 70, 23] });
      const after = doubtful('闽Q88Z31', 11.5, { startedAt: at(10.4), firstBox: [340, 470, 230, 75] });
      expect(texts(visits.settle([before, sure, after], at(14), false))).toEqual(['浙B12345']);
      expect(texts(visits.settle([], at(60), true))).toEqual([]);
    });

    it('makes one row, the surer, of two parts of one way', () => {
      const visits = createVisits({ sameVisitMs: 20_000 });
      const first = doubtful('浙B12345', 5, { startedAt: at(2) });
      const second = doubtful('闽Q88Z31', 7, { startedAt: at(5.5), firstBox: [320, 420, 180, 60] });
      const surer = { ...second, plate: { ...second.plate, confidenceRatio: 0.7 } };
      visits.settle([first, surer], at(8), false);
      expect(texts(visits.settle([], at(60), true))).toEqual(['闽Q88Z31']);
    });

    it('tells of the car behind another one, but of nothing else that is written on a car', () => {
      const visits = createVisits({ sameVisitMs: 20_000 });
      const behind = doubtful('闽Q88Z31', 12, { startedAt: at(6), firstBox: [500, 80, 40, 13] });
      const number = doubtful('13800571', 10, { firstBox: [400, 160, 80, 20] });
      const unknown = { ...number, plate: { ...number.plate, kind: 'unknown' as const } };
      expect(texts(visits.settle([sighting('浙B12345', 10), behind, unknown], at(14), false))).toEqual(['浙B12345']);
      expect(texts(visits.settle([], at(60), true))).toEqual(['闽Q88Z31']);
    });
  });
});
