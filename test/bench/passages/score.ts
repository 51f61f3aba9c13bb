import { plateDistance } from '../../../gateway/domain/plate-grammar.ts';
import type { CameraRun, Row, Visit } from './run-camera.ts';

export interface Outcome {
  readonly visit: Visit;
  /** Rows that are this visit's: exactly one, or it went wrong. */
  readonly rows: readonly Row[];
  /** Exactly one row, with the right text. */
  readonly right: boolean;
  /** And sure enough for the log. */
  readonly accepted: boolean;
  readonly directionRight: boolean;
}

export interface Scored {
  readonly outcomes: readonly Outcome[];
  /** Rows of nothing that was there. */
  readonly ghosts: readonly Row[];
}

/** A row may lie so much outside the visit. */
const slackMs = 3000;
/** A row with more of its characters wrong is not this vehicle's. */
const sameVehicle = 4;

/** Gives every row to the visit of its time with the nearest text. Pure. */
export function score({ visits, rows }: Pick<CameraRun, 'visits' | 'rows'>): Scored {
  const given = new Map<Visit, Row[]>();
  const ghosts: Row[] = [];
  for (const row of rows) {
    const [nearest] = visits
      .filter(({ fromMs, toMs }) => row.startedMs > fromMs - slackMs && row.startedMs < toMs + slackMs)
      .map((visit) => ({ visit, distance: plateDistance(visit.plate.text, row.text) }))
      .filter(({ distance }) => distance <= sameVehicle)
      .sort((a, b) => a.distance - b.distance);
    if (nearest) given.set(nearest.visit, [...(given.get(nearest.visit) ?? []), row]);
    else ghosts.push(row);
  }
  const outcomes = visits.map((visit): Outcome => {
    const own = given.get(visit) ?? [];
    const [row] = own;
    const right = own.length === 1 && row?.text === visit.plate.text;
    const accepted = right && row.accepted;
    return {
      visit,
      rows: own,
      right,
      accepted,
      directionRight: own.some(({ direction }) => direction === visit.direction),
    };
  });
  return { outcomes, ghosts };
}

/** 95 % interval of a share (Wilson), 0..1. */
export function wilson(hits: number, n: number): readonly [number, number] {
  if (n === 0) return [0, 1];
  const z = 1.96;
  const share = hits / n;
  const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return [Math.max(middle - half, 0), Math.min(middle + half, 1)];
}
