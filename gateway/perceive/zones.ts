import type { ZoneEvent } from '../domain/event.ts';
import type { BoxPx } from '../domain/plate.ts';
import type { Picture } from './picture.ts';
import { contains, type RelativePoint } from './polygon.ts';
import type { ZoneOptions } from './zone-options.ts';

type Size = Pick<Picture, 'widthPx' | 'heightPx'>;
type Subject = ZoneOptions['subjects'][number];

/** A zone that is watched for what comes to stand in it. */
export type WatchedZone = Omit<ZoneOptions, 'use'> & { readonly use: ZoneEvent['use'] };

/** A camera's zones, asked about boxes in its pictures. */
export interface Zones {
  /** Whether a passage of what was seen here counts: inside a reading zone, where there is one, and in no ignore zone. */
  counts(box: BoxPx, picture: Size, subject: Subject): boolean;
  /** Whether a plate here is worth reading: it counts, or it stands in a watched zone. */
  wanted(box: BoxPx, picture: Size): boolean;
  readonly watched: readonly WatchedZone[];
}

/** Zones are asked with the middle of a box: of a plate or a face, which are small beside any zone worth drawing. */
export function createZones(options: readonly ZoneOptions[]): Zones {
  const about = (use: ZoneOptions['use'], subject: Subject): ZoneOptions[] =>
    options.filter((zone) => zone.use === use && zone.subjects.includes(subject));
  const of = {
    vehicle: { reading: about('reading', 'vehicle'), ignore: about('ignore', 'vehicle') },
    person: { reading: about('reading', 'person'), ignore: about('ignore', 'person') },
  };
  const watched = options.flatMap((zone): WatchedZone[] => {
    const { use } = zone;
    return use === 'reading' || use === 'ignore' ? [] : [{ ...zone, use }];
  });
  const inAny = (zones: readonly { readonly points: ZoneOptions['points'] }[], at: RelativePoint): boolean =>
    zones.some(({ points }) => contains(points, at));
  const counts: Zones['counts'] = (box, picture, subject) => {
    const at = middleOf(box, picture);
    const { reading, ignore } = of[subject];
    return (reading.length === 0 || inAny(reading, at)) && !inAny(ignore, at);
  };
  return {
    counts,
    wanted: (box, picture) => {
      if (counts(box, picture, 'vehicle')) return true;
      const at = middleOf(box, picture);
      return inAny(watched, at) && !inAny(of.vehicle.ignore, at);
    },
    watched,
  };
}

/** Middle of a box as shares of the picture. */
export function middleOf([left, top, width, height]: BoxPx, { widthPx, heightPx }: Size): RelativePoint {
  return [(left + width / 2) / Math.max(widthPx, 1), (top + height / 2) / Math.max(heightPx, 1)];
}
