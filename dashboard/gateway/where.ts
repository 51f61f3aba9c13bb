import type { Alert, Passage } from '../shared/types.ts';

/** The place in one phrase: area, else the site; and the device, if one is named. */
export function whereOf(thing: { readonly place: Passage['place'] } & Partial<Pick<Alert, 'source'>>): string {
  const place = thing.place.area?.name ?? thing.place.site.name;
  return thing.source === null || thing.source === undefined
    ? place
    : `${place} · ${thing.source.replace(/^[a-z]+\//, '')}`;
}
