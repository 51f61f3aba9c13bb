import { plateDistance } from '../domain/plate-grammar.ts';
import type { BoxPx } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import { overlapRatio } from './geometry.ts';
import { isOutOfSight } from './out-of-sight.ts';
import type { PresentVehicle, VehicleSighting } from './vehicle-tracks.ts';

/** Below this distance two reads at one gate within a visit's time are one car: one confusable character, or one lost. */
const samePlate = 1.01;
/** An unsure read is one car with a sure one at up to this distance. */
const nearPlate = 3;
/** A car that stood there when it was hidden (a lorry before it, a crowd) is the same visit for so long after. */
const standingVisitMs = 15 * 60_000;
/** Boxes of one standing plate overlap by more, before and after it was hidden. */
const samePlace = 0.4;

/** Frames of one vehicle are no further apart, also where it was lost for a moment. */
const lostForMs = 1500;
/** Between them its plate moves at most so many of its widths, and grows or shrinks by this factor. */
const lostWidths = 3;
const lostGrowth = 2.2;

/** Rows of one gate while an unsure read waits for `sameVisitWithin`. */
const rememberedWays = 12;

interface Told {
  lastAt: EpochMs;
  standsAt: BoxPx | null;
  sure: boolean;
}

/** From when to when a vehicle was seen, and where at both ends. */
type Span = Pick<VehicleSighting, 'startedAt' | 'endedAt' | 'firstBox' | 'lastBox'>;

/**
 * One visit, one row. A plate that was told of is not told of again until it has been away for `sameVisitMs`, or where it
 * was last seen standing, until it comes from somewhere else. A read that is not sure enough waits that long for a better
 * one of the same car, before or after it, and goes only if none comes (at once where the car has driven out of sight); so
 * does a car that left the way it had come, for if it returns it is one visit, and only then is it known which way it went.
 */
export function createVisits(options: { readonly sameVisitMs: number }) {
  const told = new Map<string, Told>();
  let waiting: VehicleSighting[] = [];
  /** Of those that wait, when the same vehicle was last in the picture again. */
  const backAt = new WeakMap<VehicleSighting, EpochMs>();
  /** Of the rows told of last. */
  let ways: Span[] = [];

  const isNear = (a: string, b: string, limit: number): boolean => plateDistance(a, b) < limit;

  const forget = (at: EpochMs): void => {
    for (const [text, { lastAt, standsAt }] of told) {
      if (at - lastAt > (standsAt ? standingVisitMs : options.sameVisitMs)) told.delete(text);
    }
  };

  /** The visit told of that a sighting belongs to. */
  const toldOf = ({ plate: { text, accepted }, startedAt, firstBox }: VehicleSighting): string | undefined =>
    [...told].find(([other, { lastAt, standsAt, sure }]) => {
      if (!isNear(other, text, accepted && sure ? samePlate : nearPlate)) return false;
      const away = startedAt - lastAt;
      return away <= options.sameVisitMs || (standsAt !== null && overlapRatio(standsAt, firstBox) > samePlace);
    })?.[0];

  const tell = (sighting: VehicleSighting): void => {
    const { text, accepted: sure } = sighting.plate;
    told.set(text, { lastAt: sighting.endedAt, standsAt: null, sure });
    ways = [...ways.slice(1 - rememberedWays), sighting];
  };

  /**
   * Whether a sighting whose reads never agreed is a part of a row told of, or of another that waits. One read may be sure and
   * wrong: of a plate that is already half out of the picture the demo once read 皖AC0114 where 青J691A4 had just been told of.
   */
  const isPartOfAnother = (one: VehicleSighting): boolean =>
    one.agreeing < 2 &&
    [...ways, ...waiting.filter((other) => other !== one && rank(other) > rank(one))].some(
      (other) => follows(one, other) || follows(other, one) || (one.plate.kind === 'unknown' && meet(one, other)),
    );

  return {
    /** A plate is in the picture now: its visit goes on. */
    present: ({ text, standsAt, lastSeenAt }: Pick<PresentVehicle, 'text' | 'standsAt' | 'lastSeenAt'>): void => {
      const known = told.get(text);
      if (known) told.set(text, { ...known, lastAt: lastSeenAt, standsAt });
      // What waits for it to come back has it back; which way it goes now is not yet known.
      for (const one of waiting) if (isNear(one.plate.text, text, nearPlate)) backAt.set(one, lastSeenAt);
    },
    /** The sightings that are rows of their own now. `all`: nothing more will come. */
    settle: (fresh: readonly VehicleSighting[], at: EpochMs, all: boolean): VehicleSighting[] => {
      const rows: VehicleSighting[] = [];
      forget(at);
      for (const sighting of fresh) {
        const { text, accepted } = sighting.plate;
        const known = toldOf(sighting);
        if (known !== undefined) {
          const before = told.get(known);
          if (accepted && before) told.set(known, { ...before, lastAt: sighting.endedAt });
          continue;
        }
        const before = waiting.filter((other) => isNear(other.plate.text, text, accepted ? samePlate : nearPlate));
        const joined = before.reduce(join, sighting);
        if (joined.motion === 'turned' || (!joined.plate.accepted && !isOutOfSight(joined))) {
          waiting = [...waiting.filter((other) => !before.includes(other)), joined];
          continue;
        }
        if (isPartOfAnother(joined)) continue;
        rows.push(joined);
        tell(joined);
        waiting = waiting.filter((other) => !isNear(other.plate.text, text, nearPlate));
      }
      const ripe = waiting.filter(
        (one) => all || at - Math.max(one.endedAt, backAt.get(one) ?? 0) >= options.sameVisitMs,
      );
      waiting = waiting.filter((one) => !ripe.includes(one));
      for (const one of [...ripe].sort((a, b) => rank(b) - rank(a))) {
        if (toldOf(one) !== undefined || isPartOfAnother(one)) continue;
        rows.push(one);
        tell(one);
      }
      return rows;
    },
    /** Sightings that still wait. */
    waiting: (): number => waiting.length,
  };
}

/** Two sightings of one visit: from the first to the last, with the surer plate and its evidence, as the later one moved. */
function join(later: VehicleSighting, earlier: VehicleSighting): VehicleSighting {
  const surer = rank(earlier) > rank(later) ? earlier : later;
  return {
    ...surer,
    agreeing: earlier.agreeing + later.agreeing,
    reads: earlier.reads + later.reads,
    motion: later.motion === 'still' ? earlier.motion : later.motion,
    startedAt: earlier.startedAt < later.startedAt ? earlier.startedAt : later.startedAt,
    endedAt: earlier.endedAt > later.endedAt ? earlier.endedAt : later.endedAt,
    firstBox: earlier.firstBox,
    lastBox: later.lastBox,
  };
}

const rank = ({ plate: { accepted, confidenceRatio } }: VehicleSighting): number =>
  (accepted ? 1 : 0) + confidenceRatio;

/** Whether both were seen at the same time. */
const meet = (one: Span, other: Span): boolean => one.startedAt <= other.endedAt && other.startedAt <= one.endedAt;

/** Whether one may be what the other was lost as: it began where and when the other ended. */
function follows(one: Span, other: Span): boolean {
  const gapMs = one.startedAt - other.endedAt;
  if (Math.abs(gapMs) > lostForMs) return false;
  const [left, top, width, height] = one.firstBox;
  const last = other.lastBox;
  const growth = Math.max(width, 1) / Math.max(last[2], 1);
  if (growth > lostGrowth || growth < 1 / lostGrowth) return false;
  const away = Math.hypot(left + width / 2 - last[0] - last[2] / 2, top + height / 2 - last[1] - last[3] / 2);
  return away <= lostWidths * Math.max(width, last[2]);
}
