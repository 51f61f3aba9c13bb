import type { Alert } from '../domain/alert.ts';
import { followUpOf } from './follow-up.ts';
import type { ExplainedCondition, FactValue, MatchExplanation } from '../domain/match.ts';
import type { NewsKind, NoticeData } from '../domain/notice.ts';
import type { Places } from '../domain/place.ts';
import type { EpochMs } from '../lib/clock.ts';
import { rfc3339 } from '../lib/local-time.ts';

/** Why recipients are told now. */
export interface News {
  readonly kind: NewsKind;
  readonly by: string;
  readonly at: EpochMs;
  readonly text: string;
}

/** By when the next answer is due: an acknowledgement, then an outcome; null where none is awaited. */
export function deadlineOf(alert: Alert): EpochMs | null {
  if (alert.closedAt !== null || alert.followUp.resolvedAt !== null) return null;
  return alert.acknowledgedAt === null ? (alert.acknowledgeBy ?? alert.outcomeBy) : alert.outcomeBy;
}

/** What all recipients of one version are told alike. */
export type SharedNoticeData = Omit<NoticeData, 'noticeId' | 'form'>;

/**
 * CloudEvents `data` of one version (interfaces.md). The evidence carries neither `url` nor `inline` yet: the channel
 * adds what its recipient can take when it sends.
 */
export function noticeData(
  alert: Alert,
  news: News,
  context: { readonly places: Places; readonly gateway: string; readonly timeZone: string },
): SharedNoticeData {
  const { places, gateway, timeZone } = context;
  const time = (at: EpochMs): string => rfc3339(at, timeZone);
  const timeOrNull = (at: EpochMs | null): string | null => (at === null ? null : time(at));
  const area = places.area(alert.area);
  const grid = places.grid(area?.grid ?? null);
  return {
    alertId: alert.id,
    version: alert.version,
    tier: alert.tier,
    kind: alert.kind,
    state: alert.state,
    title: alert.title,
    message: alert.message,
    occurredAt: time(alert.occurredAt),
    raisedAt: time(alert.raisedAt),
    lastAt: time(alert.lastAt),
    count: alert.count,
    place: {
      site: { id: places.site.id, name: places.site.name },
      area: area && { id: area.id, name: area.name },
      grid: grid && { id: grid.id, name: grid.name, people: [...grid.people] },
      name: area?.name ?? places.site.name,
    },
    gateway,
    source: alert.source,
    facts: { ...alert.facts },
    evidence: alert.evidence.map(({ id, kind, sha256, capturedAt, camera }) => ({
      id,
      kind,
      mediaType: kind === 'picture' ? 'image/jpeg' : 'video/mp4',
      sha256,
      capturedAt: time(capturedAt),
      camera,
    })),
    owner: alert.owner,
    acknowledgedAt: timeOrNull(alert.acknowledgedAt),
    escalation: alert.escalation,
    deadline: timeOrNull(deadlineOf(alert)),
    rule: { id: alert.rule, version: alert.ruleVersion },
    ...(alert.why && { why: whyOf(alert.why, time) }),
    news: { ...news, at: time(news.at) },
    ...((news.kind === 'escalated' || news.kind === 'transferred') && {
      history: followUpOf(alert).history.map(({ at, step, to, by, why }) => ({
        at: time(at),
        step: step ?? null,
        state: to,
        by,
        why,
      })),
    }),
  };
}

function whyOf(why: MatchExplanation, time: (at: EpochMs) => string): NonNullable<NoticeData['why']> {
  const condition = ({ expression, values }: ExplainedCondition) => ({
    expression,
    values: values.map(([name, value]): [string, FactValue] => [name, value]),
  });
  return {
    conditions: why.conditions.map(condition),
    time: 'since' in why.time ? { ...why.time, since: time(why.time.since) } : why.time,
    tier: { ...why.tier, condition: why.tier.condition && condition(why.tier.condition) },
    lateByS: why.lateByS,
  };
}
