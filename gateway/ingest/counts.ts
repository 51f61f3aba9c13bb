/** What has happened at the wall since the start; for `/metrics` and `/health`. */
export interface IngestCounts {
  /** Messages acknowledged after their events were stored. */
  readonly accepted: number;
  /** Malformed or unknown, kept raw and acknowledged. */
  readonly quarantined: number;
  /** Outside the ACL, forged or oversized: disconnected. */
  readonly refused: number;
  readonly loginsFailed: number;
  readonly late: number;
  /** Last wills taken as events. */
  readonly wills: number;
  /** Messages whose sender was held back for being over its rate. */
  readonly overRate: number;
  /** Messages that could not be stored: not acknowledged, to be sent again. */
  readonly notStored: number;
  /** Connections turned away because as many as allowed were open. */
  readonly turnedAway: number;
  /** Messages of an external broker that name no device of ours; also in `quarantined`. */
  readonly unknownDevice: number;
}

export type MutableCounts = { -readonly [Name in keyof IngestCounts]: number };

export function noCounts(): MutableCounts {
  return {
    accepted: 0,
    quarantined: 0,
    refused: 0,
    loginsFailed: 0,
    late: 0,
    wills: 0,
    overRate: 0,
    notStored: 0,
    turnedAway: 0,
    unknownDevice: 0,
  };
}
