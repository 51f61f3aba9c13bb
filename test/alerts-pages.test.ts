import { join, resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { builtDir, ensureBuilt, launchBrowser, openPage, part, signInOn } from '../dashboard/test-browser.ts';
import { createFigures, type FigureReads } from '../gateway/alerts/index.ts';
import { createApi } from '../gateway/api/index.ts';
import { makeAlert } from '../gateway/api/test-samples.ts';
import { createTestWorld, passwords, places, recipients } from '../gateway/api/test-world.ts';
import type { Alert } from '../gateway/domain/alert.ts';
import type { AlertId, RuleId } from '../gateway/domain/ids.ts';
import type { RuleProposal } from '../gateway/domain/proposal.ts';
import { tiers } from '../gateway/domain/tier.ts';
import type { EpochMs } from '../gateway/lib/clock.ts';

/** The pages of the gateway's dashboard about following alerts up, on the real API, in a real browser. */

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** 2026-11-20 10:00 in Shanghai. */
const nowMs = Date.UTC(2026, 10, 20, 2, 0, 0) as EpochMs;

/** A month and a half of alerts: every third late, every seventh false, every ninth transferred. */
function history(): Alert[] {
  const rules = [
    'charging-over-temperature',
    'fire-smoke',
    'unknown-vehicle-at-night',
    'device-silent',
    'pile-fire-alarm',
  ];
  return Array.from({ length: 90 }, (_, n) => {
    const raisedAt = (nowMs - (n * dayMs) / 2) as EpochMs;
    const isFalse = n % 7 === 3;
    const transferred = n % 9 === 4;
    return makeAlert({
      id: `a${n}` as AlertId,
      tier: tiers[n % 4] ?? 'blue',
      rule: (rules[n % rules.length] ?? 'x') as RuleId,
      area: (n % 5 === 0 ? 'gate-east' : 'shed-1') as never,
      raisedAt,
      state: isFalse ? 'false-alarm' : n % 11 === 0 ? 'acknowledged' : 'closed',
      closedAt: n % 11 === 0 && !isFalse ? null : ((raisedAt + 3 * 3_600_000) as EpochMs),
      escalation: n % 3 === 0 ? 1 : 0,
      to: [n % 2 === 0 ? 'community' : 'station'],
      followUp: {
        ...{ titleWeight: 1, toldAt: raisedAt, toldCount: 1, answered: [], revisitBy: null },
        deliveredAt: (raisedAt + 2000) as EpochMs,
        firstAcknowledgedAt: (raisedAt + (n % 13) * minuteMs) as EpochMs,
        resolvedAt: n % 11 === 0 ? null : ((raisedAt + n * 7 * minuteMs) as EpochMs),
        missed: n % 3 === 0 ? ['acknowledge'] : [],
        revisitAskedAt: n % 4 < 2 ? ((raisedAt + 3 * dayMs) as EpochMs) : null,
        revisitedAt: n % 4 === 0 ? ((raisedAt + 4 * dayMs) as EpochMs) : null,
        transfers: transferred
          ? [
              {
                ...{ at: raisedAt, by: '李警官', to: '消防救援站', recipient: null, why: '电气隐患' },
                ...{ acceptedAt: raisedAt, endedAt: null },
              },
            ]
          : [],
      },
    });
  });
}

async function startGateway() {
  let proposal: RuleProposal = {
    ...{ id: 'p1', alertId: 'a3' as AlertId, rule: 'charging-over-temperature' as RuleId, ruleVersion: '1' },
    ...{ madeAt: nowMs, change: { setting: 'params.warnC', from: 60, to: 64 }, note: null },
    reason: { zh: '误报时 portC 为 63，阈值 warnC 为 60。', en: 'portC was 63 at a threshold of 60.' },
    yaml: 'rules:\n  settings:\n    charging-over-temperature: { params: { warnC: 64 } }\n',
    effect: {
      ...{ since: (nowMs - 30 * dayMs) as EpochMs, until: nowMs, before: 9, after: 5 },
      ...{ falseAlarms: 4, falseAlarmsSpared: 4, missed: [] },
    },
  };
  const rows = history();
  const reads: FigureReads = {
    figureRows: (from, to) => ({
      rows: rows.filter(({ raisedAt }) => raisedAt >= from && raisedAt < to),
      more: false,
    }),
  };
  const figures = createFigures({
    ...{ reads, places, recipients, timeZone: 'Asia/Shanghai', now: () => nowMs },
    ruleName: (rule) => ({ 'fire-smoke': '烟感报警', 'charging-over-temperature': '充电口过热' })[rule] ?? rule,
  });
  const world = createTestWorld();
  const way = { state: 'working', since: nowMs, lastReceiptAt: nowMs, reason: null } as const;
  const given = {
    ...world.given,
    dashboardDir: join(builtDir, 'gateway'),
    followUp: {
      awaits: () => ({
        sides: ['notification' as const],
        deadlines: [{ kind: 'revisit' as const, at: (nowMs + 3 * dayMs) as EpochMs }],
      }),
      figures: (month: string) => figures.of(month),
      thisMonth: () => '2026-11',
      people: () =>
        recipients.map((recipient, index) => ({
          ...{ recipient, onDuty: index === 0, nextChangeAt: (nowMs + 8 * 3_600_000) as EpochMs },
          way: index === 0 ? way : { ...way, state: 'broken' as const, reason: 'ECONNREFUSED' },
        })),
      proposals: () => [proposal],
      applyProposal: (_id: string, verdict: { readonly by: string; readonly why: string }) => {
        proposal = { ...proposal, applied: { at: nowMs, ...verdict, ruleVersion: '2' } };
        return Promise.resolve({ proposal, file: 'rules/charging-over-temperature.yaml', failing: [] });
      },
      timeZone: 'Asia/Shanghai',
    },
  };
  const api = createApi(given);
  await api.start(new AbortController().signal);
  onTestFinished(() => api.stop());
  return { url: api.address(), world };
}

let browser: Browser;
beforeAll(async () => {
  ensureBuilt();
  browser = await launchBrowser();
}, 300_000);
afterAll(() => browser.close());

/** For whoever wants to look: KANMEN_SCREENSHOTS names a folder. */
const shot = async (page: { screenshot(options: object): Promise<unknown> }, name: string): Promise<void> => {
  const folder = process.env['KANMEN_SCREENSHOTS'];
  if (folder !== undefined) await page.screenshot({ path: resolve(folder, `${name}.png`), fullPage: true });
};

describe('pages about following up', () => {
  it('show the figures of a month against the one before, and open the report to print', async () => {
    const { url } = await startGateway();
    const { page, faults } = await openPage(browser, url);
    await signInOn(page, 'viewer', passwords.viewer);
    await page.waitForSelector(part('summary'));
    await page.goto(`${url}/#/figures`);
    await page.waitForSelector(part('by-rule'));
    expect(await page.textContent(part('cards'))).toContain('按期');
    expect(await page.textContent(part('by-department'))).toContain('消防救援站');
    await shot(page, 'figures');
    const opened = page.context().waitForEvent('page');
    await page.click(part('print'));
    const report = await opened;
    await report.waitForSelector('h1');
    expect(await report.textContent('h1')).toBe('预警处置月报');
    expect(await report.textContent('body')).toContain('花园小区');
    await shot(report, 'report');
    // One page of A4, with margins, whatever the number of groups.
    const pdf = (await report.pdf({ preferCSSPageSize: true })).toString('latin1');
    expect([...pdf.matchAll(/\/Type\s*\/Page\b/g)]).toHaveLength(1);
    expect(faults).toEqual([]);
  }, 120_000);

  it('give the figures as a table that a spreadsheet reads', async () => {
    const { url } = await startGateway();
    const login = await fetch(`${url}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'viewer', password: passwords.viewer }),
    });
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    const reply = await fetch(`${url}/api/figures.csv?month=2026-11`, { headers: { cookie } });
    expect(reply.headers.get('content-disposition')).toBe('attachment; filename="kanmen-2026-11.csv"');
    const bytes = new Uint8Array(await reply.arrayBuffer());
    expect([...bytes.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    const lines = new TextDecoder().decode(bytes).split('\r\n').filter(Boolean);
    expect(lines[0]).toContain('raised 发出');
    expect(lines[1]).toMatch(/^total 合计,,花园小区,2026-11,39,/);
    expect(lines[2]).toMatch(/^total 合计,,花园小区,2026-10,51,/);
    const columns = (lines[0] ?? '').split(',').length;
    expect(lines.every((line) => line.split(',').length === columns)).toBe(true);
    expect((await fetch(`${url}/api/figures.csv?month=2026-13`, { headers: { cookie } })).status).toBe(400);
    expect((await fetch(`${url}/api/figures/report`)).status).toBe(401);
  }, 60_000);

  it('tell who is on duty, which way is broken, what an alert waits for and what a false alarm suggests', async () => {
    const { url, world } = await startGateway();
    world.health = {
      ...world.health,
      status: 'degraded',
      parts: [{ name: 'canary 物业值班室', status: 'unhealthy', note: 'ECONNREFUSED' }],
    };
    await world.commit([{ kind: 'alert-saved', alert: makeAlert({ state: 'resolved' }) }]);
    const { page, faults } = await openPage(browser, url);
    await signInOn(page, 'manager', passwords.manager);
    await page.waitForSelector(part('broken-way'));
    expect(await page.textContent(part('broken-way'))).toContain('通往“物业值班室”的线路不通');
    await shot(page, 'overview');
    await page.click(part('alert'));
    await page.waitForSelector(part('proposal'));
    expect(await page.textContent(part('follow-up'))).toContain('等物业或网格反馈');
    expect(await page.textContent(part('proposal'))).toContain('4 次误报中可免去 4 次');
    // A manager may not change rules.
    expect(await page.$(part('proposal-apply'))).toBeNull();
    await page.click(part('answer-unsolved'));
    await shot(page, 'alert');
    await page.goto(`${url}/#/people`);
    await page.waitForSelector(part('people'));
    const text = await page.textContent(part('people'));
    for (const words of ['城东派出所', '在岗', '不在岗', '畅通', '不通']) expect(text).toContain(words);
    await shot(page, 'people');
    expect(faults).toEqual([]);
  }, 120_000);

  it('let an administrator put a proposed change in force, with a reason', async () => {
    const { url, world } = await startGateway();
    await world.commit([{ kind: 'alert-saved', alert: makeAlert({ state: 'resolved' }) }]);
    const { page, faults } = await openPage(browser, url);
    await signInOn(page, 'admin', passwords.admin);
    await page.click(part('alert'));
    await page.waitForSelector(part('proposal-apply'));
    await page.fill(`${part('proposal-apply')} input`, '车棚朝南，夏天插座本来就热');
    await shot(page, 'proposal');
    await page.click(`${part('proposal-apply')} button`);
    await page.waitForSelector(part('proposal-applied'));
    expect(await page.textContent(part('proposal-applied'))).toContain('车棚朝南');
    await shot(page, 'proposal-applied');
    expect(faults).toEqual([]);
  }, 120_000);
});
