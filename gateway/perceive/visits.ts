import { plateDistance } from '../domain/plate-grammar.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { VehicleSighting } from './vehicle-tracks.ts';

/** Below this distance two reads at one gate within a visit's time are one car: one confusable character, or one lost. */
const samePlate = 1.01;
/** An unsure read is one car with a sure one at up to this distance. */
const nearPlate = 3;

/**
 * One visit, one row. A plate that was told of is not told of again until it has been away for `sameVisitMs`; a read that
 * is not sure enough waits that long for a better one of the same car, before or after it, and goes only if none comes.
 */
export function createVisits(options: { readonly sameVisitMs: number }) {
  const told = new Map<string, EpochMs>();
  let waiting: VehicleSighting[] = [];

  const isNear = (a: string, b: string, limit: number): boolean => plateDistance(a, b) < limit;

  return {
    /** A plate is in the picture now: its visit goes on. */
    present: (text: string, at: EpochMs): void => {
      if (told.has(text)) told.set(text, at);
    },
    /** The sightings that are rows of their own now. `all`: nothing more will come. */
    settle: (fresh: readonly VehicleSighting[], at: EpochMs, all: boolean): VehicleSighting[] => {
      const rows: VehicleSighting[] = [];
      for (const [text, last] of told) if (at - last > options.sameVisitMs) told.delete(text);
      for (const sighting of fresh) {
        const { text, accepted } = sighting.plate;
        if (!accepted) {
          if (![...told.keys()].some((other) => isNear(other, text, nearPlate))) waiting.push(sighting);
          continue;
        }
        const known = [...told.keys()].find((other) => isNear(other, text, samePlate));
        if (known === undefined) rows.push(sighting);
        told.set(known ?? text, at);
        waiting = waiting.filter((unsure) => !isNear(unsure.plate.text, text, nearPlate));
      }
      const ripe = waiting.filter((unsure) => all || at - unsure.endedAt >= options.sameVisitMs);
      waiting = waiting.filter((unsure) => !ripe.includes(unsure));
      for (const unsure of ripe) {
        const { text } = unsure.plate;
        if ([...told.keys()].some((other) => isNear(other, text, nearPlate))) continue;
        rows.push(unsure);
        told.set(text, at);
      }
      return rows;
    },
    /** Unsure sightings that still wait. */
    waiting: (): number => waiting.length,
  };
}
