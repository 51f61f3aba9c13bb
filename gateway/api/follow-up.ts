/** What the API asks about the following up of alerts, and how it shows it. */
import type { Alert, AlertFollowUp, DeadlineKind, Notice } from '../domain/alert.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { MonthFigures } from '../domain/figures.ts';
import type { AlertId } from '../domain/ids.ts';
import type { Places } from '../domain/place.ts';
import type { RuleProposal } from '../domain/proposal.ts';
import type { EpochMs } from '../lib/clock.ts';
import { iso, isoOrNull } from './represent.ts';
import type { FiguresJson, FollowUpJson, PersonJson } from './schemas/follow-up.ts';

/** How somebody who is told stands now. */
export interface PersonReport {
  readonly recipient: Recipient;
  readonly onDuty: boolean;
  readonly nextChangeAt: EpochMs | null;
  readonly way: {
    readonly state: 'unknown' | 'working' | 'broken';
    readonly since: EpochMs;
    readonly lastReceiptAt: EpochMs | null;
    readonly reason: string | null;
  } | null;
}

/** What the API asks of the composition about following up. */
export interface ApiFollowUp {
  /** What an alert still waits for. */
  awaits(alert: Alert): {
    readonly sides: readonly Notice['form'][];
    readonly deadlines: readonly { readonly kind: DeadlineKind; readonly at: EpochMs }[];
  };
  /** `month` as `2026-11`. */
  figures(month: string): Promise<MonthFigures>;
  /** The month that runs, local. */
  thisMonth(): string;
  people(): readonly PersonReport[];
  proposals(id: AlertId): readonly RuleProposal[];
  /** Puts a proposed change in force. Throws `proposal.unknown`, `proposal.not-applicable`. */
  applyProposal(
    id: string,
    verdict: { readonly by: string; readonly why: string },
  ): Promise<{ readonly proposal: RuleProposal; readonly file: string; readonly failing: readonly string[] }>;
  readonly timeZone: string;
}

export const proposalJson = (value: RuleProposal): FollowUpJson['proposals'][number] => ({
  id: value.id,
  rule: value.rule,
  madeAt: iso(value.madeAt),
  change: { ...value.change },
  reason: value.reason,
  yaml: value.yaml,
  effect: value.effect && {
    ...value.effect,
    since: iso(value.effect.since),
    until: iso(value.effect.until),
    missed: [...value.effect.missed],
  },
  note: value.note,
  applied: value.applied ? { ...value.applied, at: iso(value.applied.at) } : null,
});

/** How far the following up of one alert has come. */
export function followUpJson(alert: Alert, given: ApiFollowUp | undefined): FollowUpJson {
  const follow: AlertFollowUp = alert.followUp;
  const { sides, deadlines } = given?.awaits(alert) ?? { sides: [], deadlines: [] };
  return {
    awaits: [...sides],
    deadlines: [...deadlines].sort((a, b) => a.at - b.at).map(({ kind, at }) => ({ kind, at: iso(at) })),
    missed: [...(follow.missed ?? [])],
    steadyAt: isoOrNull(follow.steadyAt ?? null),
    revisitAskedAt: isoOrNull(follow.revisitAskedAt ?? null),
    reopened: follow.reopened ?? 0,
    transfers: (follow.transfers ?? []).map((transfer) => ({
      ...transfer,
      at: iso(transfer.at),
      acceptedAt: isoOrNull(transfer.acceptedAt),
      endedAt: isoOrNull(transfer.endedAt),
    })),
    proposals: (given?.proposals(alert.id) ?? []).map(proposalJson),
  };
}

export function figuresJson({ month, from, to, whole, ...groups }: MonthFigures): FiguresJson {
  return {
    month,
    from: iso(from),
    to: iso(to),
    whole,
    total: groups.total,
    byTier: [...groups.byTier],
    byGrid: [...groups.byGrid],
    byRule: [...groups.byRule],
    byDepartment: [...groups.byDepartment],
  };
}

export function personJson(
  { recipient, onDuty, nextChangeAt, way }: PersonReport,
  all: readonly PersonReport[],
  places: Places,
): PersonJson {
  const grid = places.grid(recipient.grid as Parameters<Places['grid']>[0]);
  return {
    id: recipient.id,
    name: recipient.name,
    role: recipient.role,
    grid: grid && { id: grid.id, name: grid.name },
    channel: recipient.channel,
    level: recipient.level ?? 0,
    onDuty,
    nextChangeAt: isoOrNull(nextChangeAt),
    standIns: (recipient.standIns ?? []).flatMap((id) => {
      const other = all.find((person) => person.recipient.id === id);
      return other ? [{ id, name: other.recipient.name, onDuty: other.onDuty }] : [];
    }),
    way: way && { ...way, since: iso(way.since), lastReceiptAt: isoOrNull(way.lastReceiptAt) },
  };
}
