import { createCanary, createFigures, createProposals, type CanaryReport } from '../alerts/index.ts';
import type { GatewayConfiguration } from '../config/index.ts';
import type { Alert } from '../domain/alert.ts';
import type { Commit } from '../domain/change.ts';
import type { SystemEvent } from '../domain/event.ts';
import type { EventId } from '../domain/ids.ts';
import type { Places } from '../domain/place.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { readRuleTexts, type Rules } from '../rules/index.ts';
import type { Store } from '../store/index.ts';
import { createStrays } from './strays.ts';
import { ruleDocuments } from './rule-documents.ts';

/** How many alerts of one rule a proposal looks at. */
const maxAlertsOfRule = 2000;

/** Joins what comes after an alert with rules and store: canaries, deliveries that lost their channel, proposals, figures. */
export function createFollowUp(given: {
  readonly configuration: GatewayConfiguration;
  readonly places: Places;
  readonly store: Store;
  readonly rules: Rules;
  /** Folder of the documents in force. */
  readonly rulesDir: string;
  /** Ids of the channels that are configured. */
  readonly channels: readonly string[];
  /** Wakes the outbox. */
  readonly wake: () => void;
  /** Takes an event into the line. */
  readonly accept: (event: SystemEvent) => Promise<unknown>;
  readonly commit: Commit;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}) {
  const { configuration, places, store, rules, rulesDir, channels, commit, clock, random, logger } = given;
  const timeZone = configuration.alerts.timeZone;

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
          suppressMs: own ?? ruleDocuments(readRuleTexts(rulesDir)).get(id)?.suppressMs ?? null,
        };
      },
      alertsOfRule: (rule, since) => store.alertsOfRule(rule, since, maxAlertsOfRule),
      backtest: () => Promise.reject(new Error('recorded events cannot be tried on this gateway')),
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
    hasChannel: (id) => channels.includes(id),
    commit,
    wake: given.wake,
    gateway: configuration.gateway.id,
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
      channels,
      recipients: configuration.recipients,
      find: (known, limit) => store.strandedDeliveries(known, limit),
      commit,
      ...{ clock, logger },
    }),
    judgedFalse: (alert: Alert) => proposals.judgedFalse(alert),
  };
}
