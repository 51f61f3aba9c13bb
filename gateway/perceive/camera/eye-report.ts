import type { EpochMs } from '../../lib/clock.ts';
import type { GateReason } from './gate/index.ts';

/** What a camera's eye has seen and done since it was opened. */
export interface EyeReport {
  readonly gate: 'open' | 'closed';
  readonly gateReason: GateReason;
  /** Media time seen, and how much of it with an open gate. */
  readonly seenMs: number;
  readonly openMs: number;
  /** Time that a decoder ran. */
  readonly decodingMs: number;
  readonly decoderStarts: number;
  /** Key frames looked at as a net, and how often one opened the gate. */
  readonly netLooks: number;
  readonly netWakes: number;
  /** How often decoded pictures showed that nothing moved, and shut the gate. */
  readonly calmed: number;
  /** GOPs that were not decoded: no decoder was free for too long, or the one at work fell behind. */
  readonly gopsDropped: number;
  readonly lastKeyAt: EpochMs | null;
}

export const nothingCounted = {
  seenMs: 0,
  openMs: 0,
  decodingMs: 0,
  decoderStarts: 0,
  netLooks: 0,
  netWakes: 0,
  calmed: 0,
  gopsDropped: 0,
  lastKeyAt: null as EpochMs | null,
};
