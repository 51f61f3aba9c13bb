import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAlerts, createDuty } from '../gateway/alerts/index.ts';
import { createFollowUp } from '../gateway/app/follow-up.ts';
import { createRulesDesk } from '../gateway/app/rules-desk.ts';
import { gatewaySchema } from '../gateway/config/schema.ts';
import type { ChargingEvent } from '../gateway/domain/event.ts';
import type { AreaId, DeviceKey, EventId } from '../gateway/domain/ids.ts';
import { createPlaces } from '../gateway/domain/place.ts';
import { createLine } from '../gateway/events/index.ts';
import { systemClock, type EpochMs } from '../gateway/lib/clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { systemRandom } from '../gateway/lib/random.ts';
import { createRules, originOf, ruleFolders } from '../gateway/rules/index.ts';
import { createStore } from '../gateway/store/index.ts';
import { projectRoot } from './support/kanmen-process.ts';

/** From a false alarm to a proposed change with its effect on what was really recorded: line, store, rules, backtest. */
describe('a false alarm', () => {
  it('proposes a threshold that would have spared it on the record; who decides puts it in force, in the site’s own copy of the rule', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'kanmen-proposal-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const configuration = gatewaySchema.parse({
      site: { id: 'x', name: 'X' },
      areas: [{ id: 'shed', name: '车棚' }],
      dataDir,
    });
    const common = { clock: systemClock, random: systemRandom, logger: silentLogger };
    const timeZone = configuration.alerts.timeZone;
    const shipped = join(dataDir, 'installed/rules');
    cpSync(resolve(projectRoot, 'rules'), shipped, { recursive: true });
    const folders = ruleFolders({ dir: null, shipped, dataDir });
    const store = createStore({ ...common, file: join(dataDir, 'kanmen.sqlite'), reserveBytes: 0 });
    const places = createPlaces(configuration);
    const rules = createRules({ source: folders, timeZone, options: configuration.rules, logger: silentLogger });
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
    const desk = createRulesDesk({
      ...{ rules, folders, timeZone, options: configuration.rules, ...common },
      database: join(dataDir, 'kanmen.sqlite'),
    });
    const followUp = createFollowUp({
      ...{ configuration, places, store, rules, desk, alerts, duty, ruleFolders: folders, ...common },
      ...{ commit: store.commit, channels: new Map(), wake: () => undefined, accept: () => Promise.resolve() },
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
    if (!proposal) throw new Error('no proposal');

    // Somebody changes the file meanwhile: what was worked out is not what stands there, and nothing is touched.
    const file = join(shipped, 'charging-over-temperature.yaml');
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, `${before}# 电工看过\n`);
    const verdict = { by: '王芳', why: '车棚朝南，夏天插座本来就热' };
    await expect(followUp.api.applyProposal(proposal.id, verdict)).rejects.toMatchObject({
      code: 'proposal.not-applicable',
      message: expect.stringContaining('was changed since') as string,
    });
    expect(readFileSync(file, 'utf8')).toBe(`${before}# 电工看过\n`);
    writeFileSync(file, before);
    await expect(followUp.api.applyProposal('nowhere', verdict)).rejects.toMatchObject({ code: 'proposal.unknown' });

    // Another file of the set is broken: the change would not come into force, so the file is as it was.
    const own = join(dataDir, 'rules/charging-over-temperature.yaml');
    const other = join(shipped, 'fire-smoke.yaml');
    const whole = readFileSync(other, 'utf8');
    writeFileSync(other, 'id: fire-smoke\n');
    await expect(followUp.api.applyProposal(proposal.id, verdict)).rejects.toMatchObject({
      code: 'proposal.not-applicable',
    });
    expect(existsSync(own)).toBe(false);
    writeFileSync(other, whole);

    const { failing } = await followUp.api.applyProposal(proposal.id, verdict);
    // The program's own files belong to the next upgrade.
    expect(readFileSync(file, 'utf8')).toBe(before);
    const after = readFileSync(own, 'utf8');
    expect(after.split('\n')[0]).toBe('# yaml-language-server: $schema=./rule.schema.json');
    expect(existsSync(join(dataDir, 'rules/rule.schema.json'))).toBe(true);
    expect(after).toContain('params: { warnC: 64, criticalC: 70 }');
    expect(after).toMatch(/^# \d{4}-\d\d-\d\d \d\d:\d\d 王芳: params\.warnC 60 → 64 \(alert /m);
    expect(after).toContain('# 车棚朝南，夏天插座本来就热');
    // Its examples were written for 60 °C.
    expect(failing).toContain('61 °C is orange at once');
    const inForce = rules.list().find(({ id }) => id === 'charging-over-temperature');
    expect(inForce?.params).toMatchObject({ warnC: 64 });
    expect(store.proposal(proposal.id)?.applied).toMatchObject({ ...verdict, ruleVersion: inForce?.version });
    const [audited] = store.audit({ before: null, limit: 1 });
    expect(audited).toMatchObject({ by: '王芳', action: 'proposal-applied' });
    expect(audited?.subject).toContain('params.warnC 60 → 64');
    // Once is enough.
    await expect(followUp.api.applyProposal(proposal.id, verdict)).rejects.toMatchObject({
      code: 'proposal.not-applicable',
    });

    // An upgrade replaces the pack: the site's threshold stays in force, and who looks is told that there is a newer rule.
    const standing = () => rules.list().find(({ id }) => id === 'charging-over-temperature');
    const originNow = () => originOf(standing() ?? { id: '', file: '', text: '' }, folders);
    expect(originNow()).toBe('own');
    writeFileSync(file, before.replace('criticalC: 70', 'criticalC: 68'));
    expect(desk.reload()).toMatchObject({ loaded: true, rules: 37 });
    expect(standing()?.params).toMatchObject({ warnC: 64, criticalC: 70 });
    expect(originNow()).toBe('own, the pack has a newer one');
    // Without its copy the site has the pack's rule again.
    rmSync(own);
    expect(desk.reload()).toMatchObject({ loaded: true, rules: 37 });
    expect(standing()).toMatchObject({ file, params: { warnC: 60, criticalC: 68 } });
  }, 120_000);
});
