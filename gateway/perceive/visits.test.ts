import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../lib/clock.ts';
import type { KeptFrame } from './evidence-frame.ts';
import { createVisits } from './visits.ts';
import type { VehicleSighting } from './vehicle-tracks.ts';

const at = (seconds: number): EpochMs => (seconds * 1000) as EpochMs;
const picture = { widthPx: 1, heightPx: 1, rgb: new Uint8Array(3) };

function sighting(text: string, endedS: number, accepted = true): VehicleSighting {
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
    motion: 'nearer',
    startedAt: at(endedS - 5),
    endedAt: at(endedS),
    evidence,
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

  it('goes on with a visit while the car is still there', () => {
    const visits = createVisits({ sameVisitMs: 20_000 });
    visits.settle([sighting('浙B12345', 30)], at(30), false);
    for (let second = 31; second < 600; second += 1) {
      visits.present('浙B12345', at(second));
      visits.settle([], at(second), false);
    }
    expect(visits.settle([sighting('浙B12345', 605)], at(609), false)).toEqual([]);
  });
});
