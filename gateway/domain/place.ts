import type { AreaId, GridId, SiteId } from './ids.ts';

export interface Site {
  readonly id: SiteId;
  readonly name: string;
}
export interface Area {
  readonly id: AreaId;
  readonly name: string;
  readonly grid: GridId | null;
}
export interface Grid {
  readonly id: GridId;
  readonly name: string;
  readonly people: readonly string[];
}

/** The compound's own map of names: read from the configuration, used by every room that tells people where. */
export interface Places {
  readonly site: Site;
  area(id: AreaId | null): Area | null;
  grid(id: GridId | null): Grid | null;
}

/** The compound's map from its parts. Areas and grids that are not there answer null. */
export function createPlaces(parts: {
  readonly site: Site;
  readonly areas: readonly Area[];
  readonly grids: readonly Grid[];
}): Places {
  const areas = new Map(parts.areas.map((area) => [area.id, area]));
  const grids = new Map(parts.grids.map((grid) => [grid.id, grid]));
  return {
    site: parts.site,
    area: (id) => (id === null ? null : (areas.get(id) ?? null)),
    grid: (id) => (id === null ? null : (grids.get(id) ?? null)),
  };
}
