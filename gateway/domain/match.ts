import type { EpochMs } from '../lib/clock.ts';
import type { AreaId, EventId, RuleId } from './ids.ts';
import type { Bilingual } from './text.ts';
import type { Tier } from './tier.ts';

/** A fact shown to people and sent along: number with its unit in the name, text or yes/no. */
export type FactValue = string | number | boolean | null;

/** Who is to be told: by role, or by the grid's responsible person. */
export type Addressee = 'station' | 'department' | 'community' | 'grid';

/** A rule's condition held, with the events that made it hold and why this tier. */
export interface Match {
  readonly rule: RuleId;
  /** SHA-256 of the rule's document, first 12 hex digits. */
  readonly ruleVersion: string;
  readonly tier: Tier;
  /** What sort of matter: `fire.smoke`, `charging.over-temperature`, `gate.unknown-vehicle`, `device.silent`. */
  readonly kind: string;
  readonly title: Bilingual;
  readonly message: Bilingual;
  /** Matches with the same key are the same cause: they join the open alert. */
  readonly key: string;
  readonly at: EpochMs;
  readonly area: AreaId | null;
  /** The device or camera that is named to people; null for a whole area. */
  readonly source: string | null;
  readonly facts: Readonly<Record<string, FactValue>>;
  readonly events: readonly EventId[];
  readonly to: readonly Addressee[];
  /** Which of several matches of one event gives a joined alert its title: the highest. */
  readonly weight: number;
}
