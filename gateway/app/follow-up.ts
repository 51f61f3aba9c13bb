import { join } from 'node:path';
import {
  createCanary,
  createFigures,
  createProposals,
  type Alerts,
  type CanaryReport,
  type Duty,
  type RecordedMatch,
  type RuleChange,
} from '../alerts/index.ts';
import type { GatewayConfiguration } from '../config/index.ts';
import type { Alert } from '../domain/alert.ts';
import type { Commit } from '../domain/change.ts';
import type { SystemEvent } from '../domain/event.ts';
import type { AlertId, EventId, RuleId } from '../domain/ids.ts';
import type { GatewayState } from '../domain/notice.ts';
import type { Places } from '../domain/place.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { localDate } from '../lib/local-time.ts';
import { parseDurationMs } from '../lib/quantities.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { readRuleFolders, type RuleFolders, type Rules } from '../rules/index.ts';
import type { Store } from '../store/index.ts';
import { createStrays } from './strays.ts';
import { createProposalApplier } from './apply-proposal.ts';
import { backtest } from './backtest.ts';
import { ruleDocuments } from './rule-documents.ts';
import type { LateReceipts } from './receipts.ts';
import type { RulesDesk } from './rules-desk.ts';

/** How many alerts of one rule a proposal looks at. */
const maxAlertsOfRule = 2000;

/** Joins what comes after an alert with rules and store: canaries, deliveries that lost their channel, proposals, figures. */
export function createFollowUp(given: {
  readonly configuration: GatewayConfiguration;
  readonly places: Places;
  readonly store: Store;
  readonly rules: Rules;
  /** Puts a change of a rule in force. */
  readonly desk: Pick<RulesDesk, 'apply'>;
  readonly alerts: Pick<Alerts, 'awaits'>;
  readonly duty: Duty;
  /** Where the documents in force stand. */
  readonly ruleFolders: RuleFolders;
  /** The channels that there are now, by id. */
  readonly channels: ReadonlyMap<string, unknown>;
  /** Wakes the outbox. */
  readonly wake: () => void;
  /** Takes an event into the line. */
  readonly accept: (event: SystemEvent) => Promise<unknown>;
  /** How this gateway is, for the station. */
  readonly ownState?: () => GatewayState;
  /** What others have received since the station was told. */
  readonly lateReceipts?: Pick<LateReceipts, 'news'>;
  readonly commit: Commit;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}) {
  const { configuration, places, store, rules, ruleFolders, channels, commit, clock, random, logger } = given;
  const timeZone = configuration.alerts.timeZone;

  /** What one rule, as it is or changed, matches on the record; in a thread of its own, one at a time. */
  let trying: Promise<unknown> = Promise.resolve();
  const tryOnRecord = (
    rule: RuleId,
    change: RuleChange | null,
    since: EpochMs,
    until: EpochMs,
  ): Promise<readonly RecordedMatch[]> => {
    const options = configuration.rules;
    const own = options.settings[rule] ?? { enabled: true, params: {} };
    const suppressMs = change?.suppress === undefined ? null : parseDurationMs(change.suppress);
    const settings =
      change === null
        ? options.settings
        : {
            ...options.settings,
            [rule]: {
              ...own,
              params: { ...own.params, ...change.params },
              ...(suppressMs !== null && { suppress: suppressMs }),
            },
          };
    const run = async (): Promise<readonly RecordedMatch[]> => {
      const report = await backtest({
        database: join(configuration.dataDir, 'kanmen.sqlite'),
        rules: { texts: readRuleFolders(ruleFolders), timeZone, options: { ...options, settings }, only: [rule] },
        fromMs: since,
        toMs: until,
        threads: 1,
      });
      return report.lines.flatMap(({ key, would }) =>
        would ? [{ key, at: would.at as EpochMs, lastAt: would.lastAt as EpochMs, count: would.matches }] : [],
      );
    };
    const result = trying.then(run);
    trying = result.catch(() => undefined);
    return result;
  };

  const proposals = createProposals({
    ask: {
      rule: (id) => {
        const info = rules.list().find((rule) => rule.id === id && rule.enabled);
        if (!info) return null;
        const own = configuration.rules.settings[id]?.suppress;
        return {
          id,
          version: info.version,
          params: info.params,
          suppressMs: own ?? ruleDocuments(readRuleFolders(ruleFolders)).get(id)?.suppressMs ?? null,
        };
      },
      alertsOfRule: (rule, since) => store.alertsOfRule(rule, since, maxAlertsOfRule),
      backtest: (rule, change, since, until) => tryOnRecord(rule, change, since, until),
    },
    commit,
    now: () => clock.now(),
    random,
    logger,
  });

  const figures = createFigures({
    reads: store,
    places,
    recipients: configuration.recipients,
    ruleName: (id) => rules.list().find((rule) => rule.id === id)?.title.zh ?? id,
    timeZone,
    now: () => clock.now(),
  });

  const canaryEvent = (report: CanaryReport): SystemEvent => {
    const at = clock.now();
    const silentMs = report.lastReceiptAt === null ? null : Math.max(0, at - report.lastReceiptAt);
    return {
      kind: 'system',
      id: random.id() as EventId,
      at,
      receivedAt: at,
      area: null,
      late: false,
      part: `${report.channel}/${report.recipient}`,
      change: report.state === 'broken' ? 'canary-failed' : 'canary-ok',
      value: silentMs === null ? null : Math.round(silentMs / 1000),
      reason: report.reason,
    };
  };
  const canary = createCanary({
    options: configuration.alerts.canary,
    recipients: configuration.recipients,
    hasChannel: (id) => channels.has(id),
    commit,
    wake: given.wake,
    gateway: configuration.gateway.id,
    ...(given.ownState && { state: given.ownState }),
    news: (recipient) => given.lateReceipts?.news(recipient) ?? null,
    timeZone,
    ...{ clock, random, logger },
  });
  canary.onChange((report) => {
    given.accept(canaryEvent(report)).catch((error: unknown) => {
      logger.warn({ reason: messageOf(error) }, 'state of a way not recorded');
    });
  });

  return {
    figures,
    canary,
    strays: createStrays({
      channels: [...channels.keys()],
      recipients: configuration.recipients,
      find: (known, limit) => store.strandedDeliveries(known, limit),
      commit,
      ...{ clock, logger },
    }),
    judgedFalse: (alert: Alert) => proposals.judgedFalse(alert),
    api: {
      awaits: (alert: Alert) => given.alerts.awaits(alert),
      figures: (month: string) => figures.of(month),
      thisMonth: () => localDate(clock.now(), timeZone).slice(0, 7),
      people: () => {
        const at = clock.now();
        const ways = new Map(canary.report().map((way) => [way.recipient, way]));
        return configuration.recipients.map((recipient) => ({
          recipient,
          onDuty: given.duty.isThere(recipient, at),
          nextChangeAt: given.duty.nextChange(recipient, at),
          way: ways.get(recipient.id) ?? null,
        }));
      },
      proposals: (id: AlertId) => store.proposalsOf(id),
      applyProposal: createProposalApplier({
        ...{ find: (id: string) => store.proposal(id), desk: given.desk, commit, timeZone },
        now: () => clock.now(),
      }),
      timeZone,
    },
  };
}
