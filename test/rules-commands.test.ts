import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../gateway/lib/clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { charging, fire, rule } from '../gateway/rules/samples.ts';
import { createStore } from '../gateway/store/index.ts';
import type { EpochMs } from '../gateway/lib/clock.ts';
import type { GatewayEvent } from '../gateway/domain/event.ts';
import { createCommunity, type Community } from './support/community.ts';
import { kanmen, projectRoot } from './support/kanmen-process.ts';

let community: Community | null = null;
let dir = '';
afterEach(async () => {
  await community?.close();
  community = null;
  rmSync(dir, { recursive: true, force: true });
});

const hotBody = 'tier: orange\nwhen: { kind: charging }\nif: event.portC >= 60\nkey: "port:{{event.port}}"';
const warmBody = hotBody.replace('60', '50').replace('orange', 'yellow');

/** A gateway with a folder of rules of its own. */
async function open(bodies: Readonly<Record<string, string>>): Promise<{ all: Community; rulesDir: string }> {
  dir = mkdtempSync(join(tmpdir(), 'kanmen-rules-'));
  const rulesDir = join(dir, 'rules');
  mkdirSync(rulesDir);
  for (const [id, body] of Object.entries(bodies)) writeFileSync(join(rulesDir, `${id}.yaml`), rule(id, body));
  const all = await createCommunity({ devices: [], gateway: { rules: { dir: rulesDir } } });
  community = all;
  return { all, rulesDir };
}

const ids = async (config: string): Promise<string[]> => {
  const { stdout } = await kanmen(['rules', 'list', '-c', config, '--json']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { id: string }).id)
    .sort();
};

describe('kanmen rules', { timeout: 120_000 }, () => {
  it('reloads on command: a wrong set is refused whole with its place, a right one takes over', async () => {
    const { all, rulesDir } = await open({ hot: hotBody });
    const config = all.gatewayConfig;
    await all.startGateway();
    writeFileSync(join(rulesDir, 'warm.yaml'), rule('warm', warmBody.replace('portC', 'portc')));
    const refused = await kanmen(['rules', 'reload', '-c', config]);
    expect(refused).toMatchObject({ code: 78 });
    expect(refused.stdout).toContain('refused whole; in force as before: 1 rules');
    expect(refused.stderr).toMatch(/warm\.yaml:10:11 if: there is no field event\.portc, did you mean "portC"\?/);
    expect(await ids(config)).toEqual(['hot']);
    // What is mended is seen without a command.
    writeFileSync(join(rulesDir, 'warm.yaml'), rule('warm', warmBody));
    await expect.poll(() => ids(config), { timeout: 30_000, interval: 1000 }).toEqual(['hot', 'warm']);
    const apply = ['rules', 'apply', 'nowhere', '--by', '王芳', '--why', '车棚朝南', '-c', config];
    expect(await kanmen(apply)).toMatchObject({ code: 1, stderr: 'not applied: there is no proposal nowhere\n' });
    const shown = await kanmen(['rules', 'show', 'warm', '-c', config]);
    expect(shown.stdout).toContain('event.portC >= 50');
    expect((await kanmen(['rules', 'show', 'cold', '-c', config])).code).toBe(1);
  });

  it('says without a gateway that there is none to reload, and lists what the folder holds', async () => {
    const { all } = await open({ hot: hotBody });
    const refused = await kanmen(['rules', 'reload', '-c', all.gatewayConfig]);
    expect(refused).toMatchObject({ code: 1 });
    const apply = ['rules', 'apply', 'p1', '--by', '王芳', '--why', '车棚朝南', '-c', all.gatewayConfig];
    expect((await kanmen(apply)).code).toBe(1);
    expect(refused.stderr).toContain('no gateway runs');
    expect(await ids(all.gatewayConfig)).toEqual(['hot']);
  });

  it('backtests a draft on the record in place of the rule of its id', async () => {
    const { all } = await open({ hot: hotBody });
    const store = createStore({
      file: join(dirname(all.gatewayConfig), 'data/kanmen.sqlite'),
      clock: systemClock,
      logger: silentLogger,
      reserveBytes: 0,
    });
    await store.start(new AbortController().signal);
    const nowMs = Date.now();
    const recorded = [
      charging(0, { portC: 55, port: 1 }),
      charging(0, { portC: 65, port: 2 }),
      charging(0, { portC: 65, port: 2 }),
      fire(0),
    ].map((event, index): GatewayEvent => {
      const at = (nowMs - 3_600_000 + index * 60_000) as EpochMs;
      return { ...event, at, receivedAt: at };
    });
    await store.commit(recorded.map((event) => ({ kind: 'event-recorded', event, messageKey: null })));
    await store.stop();
    const backtest = async (...more: string[]): Promise<Record<string, unknown>[]> => {
      const { stdout, stderr, code } = await kanmen([
        ...['rules', 'backtest', '-c', all.gatewayConfig, '--since', '1d', '--json'],
        ...more,
      ]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const inForce = await backtest();
    expect(inForce.slice(0, -1)).toMatchObject([
      { rule: 'hot', key: 'port:2', would: { tier: 'orange', matches: 2 }, was: null },
    ]);
    // A smoke alarm is no kind that a rule names: the database passes it over.
    expect(inForce.at(-1)).toMatchObject({ events: 3, rules: [{ rule: 'hot', wouldRaise: 1, onlyWould: 1 }] });
    const draft = join(dir, 'draft.yaml');
    writeFileSync(draft, rule('hot', warmBody));
    expect((await backtest('--rule', draft)).slice(0, -1)).toMatchObject([
      { rule: 'hot', key: 'port:1', would: { tier: 'yellow', matches: 1 } },
      { rule: 'hot', key: 'port:2', would: { tier: 'yellow', matches: 2 } },
    ]);
  });

  it('has the pack that ships pass its own examples', async () => {
    dir = mkdtempSync(join(tmpdir(), 'kanmen-rules-'));
    cpSync(join(projectRoot, 'rules'), dir, { recursive: true });
    const tested = await kanmen(['rules', 'test', '--dir', dir, '--json']);
    expect(tested.code).toBe(0);
    expect(tested.stdout.trim().split('\n').length).toBeGreaterThan(80);
  });

  it('tries the examples of a draft alone, and says which file it cannot read', async () => {
    dir = mkdtempSync(join(tmpdir(), 'kanmen-rules-'));
    const draft = join(dir, 'draft.yaml');
    cpSync(join(projectRoot, 'rules/charging-over-power.yaml'), draft);
    const tested = await kanmen(['rules', 'test', draft, '--json']);
    expect(tested.code).toBe(0);
    const ruleIds = tested.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { rule: string }).rule);
    expect(new Set(ruleIds)).toEqual(new Set(['charging-over-power']));
    const missing = await kanmen(['rules', 'test', draft, join(dir, 'nothing.yaml')]);
    expect(missing).toMatchObject({ code: 78 });
    expect(missing.stderr).toMatch(/nothing\.yaml:1:1.*the file cannot be read/);
  });
});
