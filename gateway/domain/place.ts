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
