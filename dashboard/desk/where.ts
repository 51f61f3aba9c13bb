import type { DeskAlert } from './types.ts';

/** The compound first, because a station has many; then the place in it. */
export function whereOf(alert: Pick<DeskAlert, 'place'>): string {
  const site = alert.place.site.name;
  const place = alert.place.name === '' || alert.place.name === site ? '' : alert.place.name.replace(site, '').trim();
  return place === '' ? site : `${site} · ${place.replace(/^[·,，\s]+/, '')}`;
}
