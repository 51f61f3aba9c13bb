import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAlerts, createDuty } from '../gateway/alerts/index.ts';
import { createFollowUp } from '../gateway/app/follow-up.ts';
import { gatewaySchema } from '../gateway/config/schema.ts';
import type { ChargingEvent } from '../gateway/domain/event.ts';
import type { AreaId, DeviceKey, EventId } from '../gateway/domain/ids.ts';
import { createPlaces } from '../gateway/domain/place.ts';
import { createLine } from '../gateway/events/index.ts';
import { systemClock, type EpochMs } from '../gateway/lib/clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { systemRandom } from '../gateway/lib/random.ts';
import { createRules } from '../gateway/rules/index.ts';
import { createStore } from '../gateway/store/index.ts';
import { projectRoot } from './support/kanmen-process.ts';

/** From a false alarm to a proposed change with its effect on what was really recorded: line, store, rules, backtest. */
describe('a false alarm', () => {
  it('proposes a threshold that would have spared it on the record, and says what else it would have done', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'kanmen-proposal-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const configuration = gatewaySchema.parse({
      site: { id: 'x', name: 'X' },
      areas: [{ id: 'shed', name: '车棚' }],
      dataDir,
    });
    const common = { clock: systemClock, random: systemRandom, logger: silentLogger };
    const timeZone = configuration.alerts.timeZone;
    const rulesDir = resolve(projectRoot, 'rules');
    const store = createStore({ ...common, file: join(dataDir, 'kanmen.sqlite'), reserveBytes: 0 });
    const places = createPlaces(configuration);
    const rules = createRules({ source: rulesDir, timeZone, options: configuration.rules, logger: silentLogger });
    const duty = createDuty([], timeZone);
    const alerts = createAlerts({
      ...{ options: configuration.alerts, policies: configuration.tiers, recipients: [], duty, places },
      ...{ gateway: 'gw-1', random: systemRandom, reads: store },
    });
    const line = createLine({
      ...{ store, rules, alerts, ...common },
      register: { knows: () => null },
      areas: { of: () => 'shed' as AreaId },
    });
    const signal = new AbortController().signal;
    await store.start(signal);
    onTestFinished(() => store.stop());
    await line.start(signal);
    onTestFinished(() => line.stop());
    const followUp = createFollowUp({
      ...{ configuration, places, store, rules, alerts, duty, rulesDir, ...common },
      ...{ commit: store.commit, channels: [], wake: () => undefined, accept: () => Promise.resolve() },
    });
    const judged: Promise<unknown>[] = [];
    line.onEffect((effect) => {
      if (effect.kind === 'false-alarm-judged') judged.push(followUp.judgedFalse(effect.alert));
    });

    // A port that warms up to 63 °C and cools down: a warm shed, as the property finds.
    const begun = systemClock.now() - 40 * 60_000;
    const report = (minute: number, portC: number): ChargingEvent => ({
      ...{ kind: 'charging', id: systemRandom.id() as EventId, device: 'charger/p1' as DeviceKey, port: 1 },
      ...{ at: (begun + minute * 60_000) as EpochMs, receivedAt: (begun + minute * 60_000) as EpochMs },
      ...{ area: null, late: false, report: 'telemetry', state: 'charging', powerW: 300, voltageV: 220, currentA: 1.4 },
      ...{ energyKwh: 1, durationS: 600, ambientC: 30, portC, order: null, stopReason: null },
    });
    for (let minute = 0; minute < 30; minute += 1)
      await line.accept(report(minute, minute < 5 || minute > 20 ? 40 : 63), null);
    const [alert] = store.openAlerts().filter(({ rule }) => rule === 'charging-over-temperature');
    if (!alert)
      throw new Error(
        `no alert: ${store
          .openAlerts()
          .map(({ rule }) => rule)
          .join()}`,
      );
    await line.answer({
      ...{ id: 'f1', alertId: alert.id, kind: 'outcome', by: '物业', at: systemClock.now(), text: '车棚温度高' },
      ...{ outcome: 'false-alarm', recipient: null },
    });
    await Promise.all(judged);
    const [proposal] = store.proposalsOf(alert.id);
    // The rule asks for warnC or more: at 63 it would still hold.
    expect(proposal).toMatchObject({
      change: { setting: 'params.warnC', from: 60, to: 64 },
      note: null,
      effect: { after: 0, falseAlarms: 1, falseAlarmsSpared: 1, missed: [] },
    });
    expect(proposal?.effect?.before).toBeGreaterThan(0);
    expect(followUp.api.proposals(alert.id)).toHaveLength(1);
  }, 120_000);
});
