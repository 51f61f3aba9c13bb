import type { EpochMs } from '../lib/clock.ts';
import type { Pixels } from './picture.ts';
import { readSmallView } from './small-view.ts';
import { createStandingThings } from './standing-things.ts';
import type { PresentVehicle } from './vehicle-tracks.ts';
import { createViewWatch, type ViewChange } from './view-watch.ts';
import { createZoneVisits, type ZoneChange } from './zone-visits.ts';
import type { WatchedZone } from './zones.ts';

/** What one look at the whole picture has brought to light. */
export interface SceneChanges {
  readonly view: ViewChange | null;
  readonly zones: readonly ZoneChange[];
}

/** Pictures of a busy camera come several times a second; so often is enough. */
const viewEveryMs = 5000;
const zonesEveryMs = 1000;

/**
 * The slow questions about a camera's whole picture: does it still see, and what has come to stand in its zones. Asked of
 * pictures as they come, decoded ones while something moves and key frames while nothing does; by capture time.
 */
export function createSceneWatch(options: {
  readonly zones: readonly WatchedZone[];
  /** Begins the name of every visit to a zone. */
  readonly prefix: string;
  /** Null: whether it sees is not judged. */
  readonly blindAfterMs: number | null;
  readonly isDay: (at: EpochMs) => boolean;
}) {
  const { zones, prefix, blindAfterMs, isDay } = options;
  let lastAt = -Infinity;
  const view = blindAfterMs === null ? null : createViewWatch({ blindAfterMs, isDay });
  const standing = createStandingThings(zones);
  const visits = createZoneVisits({ zones, prefix });
  const everyMs = zones.length > 0 ? zonesEveryMs : viewEveryMs;
  return {
    /** Answers null where it is too soon for another look, or nobody wants one. */
    look: (picture: Pixels, at: EpochMs, vehicles: () => readonly PresentVehicle[]): SceneChanges | null => {
      if ((view === null && zones.length === 0) || at - lastAt < everyMs) return null;
      lastAt = at;
      const small = readSmallView(picture);
      const changed = view?.look(small, at) ?? null;
      // Through a bag nothing can be seen to leave.
      if (zones.length === 0 || view?.suspects() === true) return { view: changed, zones: [] };
      standing.look(small, at);
      return {
        view: changed,
        zones: visits.update({ at, picture, vehicles: vehicles(), things: standing.things() }),
      };
    },
    /** The stream has begun anew: what is still wrong is told once more. */
    begin: (): void => view?.tellAgain(),
    /** Nobody will look any more. */
    finish: (): SceneChanges => ({ view: null, zones: visits.finish() }),
    standing: () => visits.standing(),
  };
}

export type SceneWatch = ReturnType<typeof createSceneWatch>;
