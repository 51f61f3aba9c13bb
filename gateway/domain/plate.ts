export const plateKinds = [
  'small',
  'large',
  'nev-small',
  'nev-large',
  'police',
  'embassy',
  'consulate',
  'hk-macao',
  'armed-police',
  'military',
  'trailer',
  'school',
  'aviation',
  'temporary',
  'ebike',
  'unknown',
] as const;
export type PlateKind = (typeof plateKinds)[number];

export const plateColors = ['blue', 'yellow', 'green', 'yellow-green', 'white', 'black'] as const;
export type PlateColor = (typeof plateColors)[number];

/** A plate as read: text without dot or space, double row joined top first. */
export interface PlateReading {
  readonly text: string;
  /** 0..1, the product of nothing: the lowest character's voted confidence. */
  readonly confidenceRatio: number;
  readonly characterConfidenceRatios: readonly number[];
  readonly kind: PlateKind;
  readonly color: PlateColor;
  /** False: not sure enough for the log. */
  readonly accepted: boolean;
}

/** [left, top, width, height] in px of the named picture, top left origin. */
export type BoxPx = readonly [number, number, number, number];
export type PointPx = readonly [number, number];
/** Clockwise from the plate's own top left. */
export type CornersPx = readonly [PointPx, PointPx, PointPx, PointPx];

/** Why a read did not become a plate, or a sight not a passage; counted per camera. */
export const rejectReasons = [
  'too-small',
  'low-confidence',
  'no-legal-format',
  'frames-disagree',
  'not-a-plate',
  'outside-zone',
  'not-a-face',
] as const;
export type RejectReason = (typeof rejectReasons)[number];
