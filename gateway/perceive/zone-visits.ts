import type { ZoneEvent } from '../domain/event.ts';
import type { PlateReading } from '../domain/plate.ts';
import { plateDistance } from '../domain/plate-grammar.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Picture } from './picture.ts';
import { contains } from './polygon.ts';
import { overlap, type RelativeBox, type StandingThing } from './standing-things.ts';
import type { PresentVehicle } from './vehicle-tracks.ts';
import { middleOf, type WatchedZone } from './zones.ts';

/** Something came to stand in a zone, or is gone from it: what a `zone` event says, without the camera. */
export type ZoneChange = Pick<ZoneEvent, 'at' | 'zone' | 'use' | 'change' | 'subject' | 'visit' | 'plate' | 'seconds'>;

/** Not seen for so long, with looks that would have shown it: it has left. Passers-by hide a plate for less. */
const goneMs = 30_000;
/** Who has not stood long enough to be told of, and is not there for so long, has not stood. */
const passedMs = 4000;
/** Between looks further apart than this nobody watched. */
const mostStepMs = 15_000;

interface Visit {
  readonly zone: WatchedZone;
  readonly id: string;
  readonly since: EpochMs;
  box: RelativeBox;
  subject: 'vehicle' | 'object';
  plate: PlateReading | null;
  lastAt: EpochMs;
  missedMs: number;
  told: boolean;
}

interface Seen {
  readonly zone: number;
  readonly box: RelativeBox;
  readonly subject: 'vehicle' | 'object';
  readonly plate: PlateReading | null;
  readonly since: EpochMs;
}

/**
 * Who stands in which zone, from the plates that are followed and from what has come to stand, which are often the same
 * car. One visit from its coming to its going, told of once it has lasted `standsFor`.
 */
export function createZoneVisits(options: {
  readonly zones: readonly WatchedZone[];
  /** Begins every visit's name, so that none comes twice, after a new start either. */
  readonly prefix: string;
}) {
  const { zones, prefix } = options;
  let visits: Visit[] = [];
  let number = 0;
  let lastAt: EpochMs | null = null;

  const tell = (visit: Visit, change: ZoneChange['change'], at: EpochMs): ZoneChange => ({
    ...{ at, change, zone: visit.zone.id, use: visit.zone.use, subject: visit.subject, visit: visit.id },
    plate: visit.plate,
    seconds: change === 'left' ? Math.round((visit.lastAt - visit.since) / 1000) : null,
  });

  const vehiclesIn = (vehicles: readonly PresentVehicle[], picture: Size): Seen[] =>
    vehicles.flatMap(({ standsAt, standsSince, plate }): Seen[] => {
      if (standsAt === null) return [];
      const middle = middleOf(standsAt, picture);
      const [, , width, height] = standsAt;
      const box = [
        middle[0] - width / picture.widthPx / 2,
        middle[1] - height / picture.heightPx / 2,
        width / picture.widthPx,
        height / picture.heightPx,
      ] as const;
      return zones.flatMap((zone, index): Seen[] =>
        contains(zone.points, middle) ? [{ zone: index, box, subject: 'vehicle', plate, since: standsSince }] : [],
      );
    });

  /** A plate on something that has come to stand is that thing's. */
  const joined = (things: readonly StandingThing[], vehicles: readonly Seen[]): Seen[] => {
    const free = new Set(vehicles);
    const all = things.map(({ zone, box, since }): Seen => {
      const own = vehicles.find(
        (vehicle) => free.has(vehicle) && vehicle.zone === zone && overlap(box, vehicle.box) > 0.5,
      );
      if (own) free.delete(own);
      return { zone, box, subject: own ? 'vehicle' : 'object', plate: own?.plate ?? null, since };
    });
    return [...all, ...free];
  };

  const visitOf = (seen: Seen): Visit | undefined => {
    const here = visits.filter(({ zone }) => zone === zones[seen.zone]);
    const { plate } = seen;
    return (
      here.find(
        (visit) => plate !== null && visit.plate !== null && plateDistance(visit.plate.text, plate.text) < 1.01,
      ) ??
      here.find(
        (visit) =>
          overlap(visit.box, seen.box) > 0.5 &&
          (plate === null || visit.plate === null || plateDistance(visit.plate.text, plate.text) < 3),
      )
    );
  };

  return {
    /** One look: what was seen standing at `at`. Answers what is to be told. */
    update: (given: {
      readonly at: EpochMs;
      readonly picture: Size;
      readonly vehicles: readonly PresentVehicle[];
      readonly things: readonly StandingThing[];
    }): ZoneChange[] => {
      const { at, picture } = given;
      const stepMs = lastAt === null ? 0 : Math.min(Math.max(at - lastAt, 0), mostStepMs);
      lastAt = at;
      const now = new Set<Visit>();
      for (const seen of joined(given.things, vehiclesIn(given.vehicles, picture))) {
        const zone = zones[seen.zone];
        if (!zone) continue;
        let visit = visitOf(seen);
        if (!visit) {
          const { box, subject, plate } = seen;
          number += 1;
          visit = {
            ...{ zone, id: `${prefix}-${number}`, since: seen.since, box, subject, plate },
            ...{ lastAt: at, missedMs: 0, told: false },
          };
          visits.push(visit);
        }
        now.add(visit);
        visit.lastAt = at;
        visit.missedMs = 0;
        visit.box = seen.box;
        // Once it is known to be a car, and which, it stays so while its plate is hidden.
        if (seen.subject === 'vehicle') visit.subject = 'vehicle';
        if (seen.plate && (visit.plate === null || seen.plate.confidenceRatio > visit.plate.confidenceRatio))
          visit.plate = seen.plate;
      }
      const changes: ZoneChange[] = [];
      for (const visit of visits) {
        if (!now.has(visit)) visit.missedMs += stepMs;
        else if (!visit.told && at - visit.since >= visit.zone.standsFor) {
          visit.told = true;
          changes.push(tell(visit, 'entered', at));
        }
      }
      const left = visits.filter(({ missedMs, told }) => missedMs >= (told ? goneMs : passedMs));
      visits = visits.filter((visit) => !left.includes(visit));
      return [...changes, ...left.filter(({ told }) => told).map((visit) => tell(visit, 'left', visit.lastAt))];
    },
    /** Nobody will watch any more: what happens to those who stand there will not be known. */
    finish: (): ZoneChange[] => {
      const open = visits.filter(({ told }) => told);
      visits = [];
      return open.map((visit) => tell(visit, 'left', visit.lastAt));
    },
    /** Who stands in a zone now, for those who look on. */
    standing: (): { readonly zone: string; readonly box: RelativeBox; readonly since: EpochMs }[] =>
      visits.filter(({ told }) => told).map(({ zone, box, since }) => ({ zone: zone.id, box, since })),
  };
}

type Size = Pick<Picture, 'widthPx' | 'heightPx'>;
