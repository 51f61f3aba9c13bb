import type { DeskAlert, Plan } from './types.ts';

export interface PlanMark {
  readonly key: string;
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** The open alerts there, worst first. */
  readonly alerts: readonly DeskAlert[];
  /** Where the alert that is being looked at stands. */
  readonly here: boolean;
}
export interface PlanLayout {
  readonly width: number;
  readonly height: number;
  readonly image: string | null;
  /** A block around each mark: there is no picture to stand on. */
  readonly block: { readonly width: number; readonly height: number } | null;
  readonly marks: readonly PlanMark[];
  /** The place could not be put on the plan: it has no point there. */
  readonly missing: boolean;
}

const rank = { red: 0, orange: 1, yellow: 2, blue: 3 } as const;
/** More blocks than these say nothing on a card of this size. */
const mostBlocks = 24;
const block = { width: 200, height: 110 };
const gap = 24;

/** What an alert's place is called in a plan: the device or camera where it has a point, else its area. */
const keysOf = (alert: DeskAlert): readonly string[] => [
  ...(alert.source === null ? [] : [`source ${alert.source}`]),
  ...(alert.place.area === null ? [] : [`area ${alert.place.area.id}`]),
];

/**
 * Where everything stands: on the compound's own picture, or as blocks in rows where there is none, or where nobody has put
 * anything on it yet. `placing`: on the picture in any case, for whoever is about to. Pure.
 */
export function layoutOf(
  plan: Plan,
  looked: DeskAlert | null,
  open: readonly DeskAlert[],
  placing = false,
): PlanLayout {
  const own = open.filter((alert) => alert.gateway.id === plan.gateway);
  const all = looked && !own.some(({ id }) => id === looked.id) ? [looked, ...own] : own;
  const points = plan.image !== null && (placing || plan.points.length > 0) ? plan.points : null;
  const places = points
    ? points.map((point) => ({ key: `${point.kind} ${point.id}`, name: point.name, point }))
    : areasOf(plan, looked).map(({ id, name }) => ({ key: `area ${id}`, name, point: null }));
  const known = new Set(places.map(({ key }) => key));
  const placeOf = (alert: DeskAlert): string | undefined => keysOf(alert).find((key) => known.has(key));
  const looks = looked ? placeOf(looked) : undefined;
  const width = plan.image && points ? plan.image.widthPx : 0;
  const height = plan.image && points ? plan.image.heightPx : 0;
  const columns = Math.max(1, Math.min(6, Math.ceil(Math.sqrt(places.length * 1.4))));
  const marks = places.map(({ key, name, point }, index) => ({
    key,
    name,
    x: point ? point.xRatio * width : (index % columns) * (block.width + gap) + block.width / 2 + gap,
    y: point ? point.yRatio * height : Math.floor(index / columns) * (block.height + gap) + block.height / 2 + gap,
    alerts: all
      .filter(
        (alert) =>
          placeOf(alert) === key && (alert.id !== looked?.id || !['closed', 'false-alarm'].includes(alert.state)),
      )
      .sort((a, b) => rank[a.tier] - rank[b.tier]),
    here: key === looks,
  }));
  return {
    width: points ? width : columns * (block.width + gap) + gap,
    height: points ? height : Math.max(1, Math.ceil(places.length / columns)) * (block.height + gap) + gap,
    image: points ? (plan.image?.url ?? null) : null,
    block: points ? null : block,
    marks,
    missing: looked !== null && looks === undefined,
  };
}

function areasOf(plan: Plan, looked: DeskAlert | null): readonly { readonly id: string; readonly name: string }[] {
  const areas = plan.places.filter(({ kind }) => kind === 'area').sort((a, b) => a.name.localeCompare(b.name, 'zh-CN'));
  const own = looked?.place.area ?? null;
  const shown = areas.slice(0, mostBlocks);
  return own === null || shown.some(({ id }) => id === own.id) ? shown : [...shown.slice(0, mostBlocks - 1), own];
}
