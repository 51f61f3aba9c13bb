import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  fireAlarmKinds,
  pileAlarmKinds,
  type FireEvent,
  type GatewayEvent,
  type PileAlarmEvent,
} from '../domain/event.ts';
import type { AreaId, DeviceKey, EventId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { createRules, readRuleTexts, ruleJsonSchema, rulesOptions, testRules } from './index.ts';

const dir = join(import.meta.dirname, '../../rules');
const texts = readRuleTexts(dir);
const options = rulesOptions.parse({});
const pack = () => createRules({ source: dir, timeZone: 'Asia/Shanghai', options, logger: silentLogger });

const base = (atS: number) => ({
  id: `e${atS}` as EventId,
  at: (Date.UTC(2026, 0, 7, 4) + atS * 1000) as EpochMs,
  receivedAt: (Date.UTC(2026, 0, 7, 4) + atS * 1000) as EpochMs,
  area: 'shed-2' as AreaId,
  late: false,
});
const fire = (atS: number, alarm: FireEvent['alarm']): FireEvent => ({
  ...base(atS),
  kind: 'fire',
  device: 'fire/f1' as DeviceKey,
  alarm,
  active: true,
});
const pileAlarm = (alarm: PileAlarmEvent['alarm']): PileAlarmEvent => ({
  ...base(0),
  kind: 'pile-alarm',
  device: 'charger/p1' as DeviceKey,
  port: null,
  alarm,
  active: true,
});
const hotPort = (atS: number, portC: number): GatewayEvent => ({
  ...base(atS),
  kind: 'charging',
  device: 'charger/p1' as DeviceKey,
  port: 3,
  report: 'telemetry',
  state: 'charging',
  powerW: 310,
  voltageV: 220,
  currentA: 1.4,
  energyKwh: 0.3,
  durationS: 1200,
  ambientC: 24,
  portC,
  order: null,
  stopReason: null,
});

describe('the standard pack', () => {
  it.each(testRules(texts, { timeZone: 'Asia/Shanghai', options }))('$rule: $example', ({ fault }) => {
    expect(fault).toBeNull();
  });

  it('holds whatever the site’s time zone is', () => {
    const failed = ['America/St_Johns', 'Pacific/Auckland', 'UTC'].flatMap((timeZone) =>
      testRules(texts, { timeZone, options }).filter(({ ok }) => !ok),
    );
    expect(failed).toEqual([]);
  });

  it('has for every rule an example that matches and one that does not', () => {
    const lacking = texts
      .map(({ text }) => parse(text) as { id: string; examples: { expect: unknown[] }[] })
      .filter(
        ({ examples }) => !examples.some((e) => e.expect.length > 0) || !examples.some((e) => e.expect.length === 0),
      )
      .map(({ id }) => id);
    expect(lacking).toEqual([]);
  });

  it('names each file for its rule and points an editor at the schema', () => {
    for (const { file, text } of texts) {
      expect(file).toContain(`/${(parse(text) as { id: string }).id}.yaml`);
      expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./rule.schema.json');
    }
  });

  it('raises something for every alarm of a sensor or a pile, but nothing for a test', () => {
    const rules = pack();
    const silent = (event: GatewayEvent): boolean => {
      // As at a first start: nothing is remembered of the one before.
      rules.reload([]);
      return rules.evaluate(event).matches.length === 0;
    };
    expect(fireAlarmKinds.filter((alarm) => silent(fire(0, alarm)))).toEqual(['test']);
    expect(pileAlarmKinds.filter((alarm) => silent(pileAlarm(alarm)))).toEqual([]);
  });

  it('turns a hot port orange, and smoke in the same shed within five minutes into one red alert', () => {
    const rules = pack();
    expect(rules.evaluate(hotPort(0, 61)).matches.map(({ rule, tier, key }) => [rule, tier, key])).toEqual([
      ['charging-over-temperature', 'orange', 'port:charger/p1:3:temperature'],
    ]);
    const matches = rules.evaluate(fire(60, 'smoke')).matches;
    expect(matches.map(({ rule, tier, key }) => [rule, tier, key])).toEqual([
      ['fire-smoke-with-charging-heat', 'red', 'fire:shed-2'],
      ['fire-smoke', 'red', 'fire:shed-2'],
    ]);
    const [joined, single] = matches;
    expect(joined?.weight).toBeGreaterThan(single?.weight ?? 0);
    expect(joined?.to).toContain('station');
    expect(joined?.message.zh).toBe('fire/f1 烟雾报警，同区域 charger/p1 第 3 口 温度 61 ℃，疑似电池起火');
  });

  it('lets a site lower a threshold without touching the pack', () => {
    const settings = { 'charging-over-temperature': { params: { warnC: 45 } } };
    const rules = createRules({
      source: dir,
      timeZone: 'Asia/Shanghai',
      options: rulesOptions.parse({ settings }),
      logger: silentLogger,
    });
    expect(rules.evaluate(hotPort(0, 50)).matches).toHaveLength(1);
    expect(pack().evaluate(hotPort(0, 50)).matches).toEqual([]);
  });

  it('is taught by an example that is right', () => {
    const readme = readFileSync(join(dir, 'README.md'), 'utf8');
    const text = /```yaml\n(.*?)```/s.exec(readme)?.[1] ?? '';
    const results = testRules([{ file: 'README.md', text }], { timeZone: 'Asia/Shanghai', options });
    expect(results.map(({ ok }) => ok)).toEqual([true, true]);
  });

  it('ships the schema that is generated from the code', () => {
    const shipped: unknown = JSON.parse(readFileSync(join(dir, 'rule.schema.json'), 'utf8'));
    expect(shipped).toEqual(JSON.parse(JSON.stringify(ruleJsonSchema())));
  });
});
