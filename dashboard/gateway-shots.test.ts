/** The gateway's pages as a community manager sees them, empty and on a busy evening: `KANMEN_SHOTS=DIR` keeps pictures. */
import { join } from 'node:path';
import sharp from 'sharp';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createApi, type CameraReport } from '../gateway/api/index.ts';
import { makeAlert, makePassage, makeSession } from '../gateway/api/test-samples.ts';
import { createTestWorld, passwords, recipients } from '../gateway/api/test-world.ts';
import type { FigureGroup, FigureLine, MonthFigures } from '../gateway/domain/figures.ts';
import type { Tier } from '../gateway/domain/tier.ts';
import type { EpochMs } from '../gateway/lib/clock.ts';
import { builtDir, ensureBuilt, launchBrowser, openPage, part, signInOn, violations } from './test-browser.ts';

const shots = process.env['KANMEN_SHOTS'];
const pages = ['/', '/alerts', '/passages', '/charging', '/cameras', '/figures', '/people'] as const;
const minuteMs = 60_000;

function figuresOf(month: string, busy: boolean): MonthFigures {
  const spread = (minutes: number) => ({ n: 20, meanMs: minutes * minuteMs, p90Ms: 3 * minutes * minuteMs });
  const line = (raised: number): FigureLine => ({
    ...{ raised, byTier: { red: 1, orange: 4, yellow: raised - 5, blue: 0 } },
    ...{ inTime: Math.max(0, raised - 3), late: Math.min(2, raised), pending: Math.min(1, raised), escalated: 1 },
    ...{ transferred: 2, transfersAccepted: 2, falseAlarms: 3, reopened: 0, closed: raised, revisitsAsked: 2 },
    ...{ revisitsDone: 1, delivered: spread(1), acknowledged: spread(2), resolved: spread(95) },
  });
  const group = (key: string, name: string, raised: number): FigureGroup => ({
    ...{ key, name, now: line(raised), before: line(raised + 4) },
  });
  const none: readonly FigureGroup[] = [];
  return {
    ...{ month, from: Date.UTC(2026, 10, 1) as EpochMs, to: Date.UTC(2026, 11, 1) as EpochMs, whole: false },
    total: group('', '花园小区', busy ? 48 : 0),
    byTier: busy ? (['red', 'orange', 'yellow', 'blue'] as const).map((tier, n) => group(tier, tier, 6 + 9 * n)) : none,
    byGrid: busy ? [group('g1', '第一网格', 30), group('g2', '第二网格（含沿街商铺与地下车库）', 18)] : none,
    byRule: busy
      ? [group('smoke', '烟雾报警', 4), group('port', '插口过热', 17), group('plate', '陌生车辆夜间停留', 27)]
      : none,
    byDepartment: busy ? [group('fire', '消防', 21), group('property', '物业', 27)] : none,
  };
}

const camera = (id: string, name: string, more: Partial<CameraReport> = {}): CameraReport => ({
  ...{ id: id as CameraReport['id'], name, area: 'gate-east' as CameraReport['area'], direction: 'in' },
  ...{
    state: 'connected',
    cause: null,
    reason: null,
    lastFrameAt: Date.now() as EpochMs,
    passages: 412,
    rejected: { small: 12 },
  },
  stream: {
    ...{
      bitsPerSecond: 3_100_000,
      pictures: 90_000,
      packetsLost: 0,
      picturesLost: 0,
      lastKeyAt: Date.now() as EpochMs,
    },
    ...{ gate: 'closed', gateOpenRatio: 0.07, decodingMs: 1800, decodedWith: 'software', framesDropped: 0 },
    ...{ gopsDropped: 0, reconnects: 1, driftPpm: null },
  },
  ...more,
});

/** The world of an evening: cars come home, bikes charge, some things want an answer. */
async function startWorld(busy: boolean): Promise<string> {
  const now = Date.now();
  const world = createTestWorld({
    followUp: {
      awaits: () => ({ sides: [], deadlines: [] }),
      figures: (month) => Promise.resolve(figuresOf(month, busy)),
      thisMonth: () => '2026-11',
      people: () =>
        recipients.map((recipient, n) => ({
          ...{ recipient, onDuty: true, nextChangeAt: null },
          way: {
            ...{ state: n === 1 && busy ? ('broken' as const) : ('working' as const), since: now as EpochMs },
            ...{ lastReceiptAt: (now - 40_000) as EpochMs, reason: n === 1 && busy ? 'status 502' : null },
          },
        })),
      proposals: () => [],
      applyProposal: () => Promise.reject(new Error('nothing to apply')),
      timeZone: 'Asia/Shanghai',
    },
  });
  world.cameras = [
    camera('east-in', '东门进口'),
    camera('east-out', '东门出口', { direction: 'out', passages: 398 }),
    ...(busy
      ? [
          camera('garage', '地下车库B区入口（临时机位）', {
            state: 'failed',
            cause: 'unreachable',
            reason: 'connection refused',
            passages: 0,
          }),
          camera('shed', '3号车棚', { blind: { since: (now - 9e5) as EpochMs, kind: 'covered', reason: null } }),
        ]
      : []),
  ];
  if (busy) {
    const picture = await sharp({ create: { width: 320, height: 180, channels: 3, background: '#54606c' } })
      .jpeg()
      .toBuffer();
    const plates = ['浙B12345', '浙A8K2D6', '沪AD12345', '浙B00001', '苏E7788挂'];
    const kinds = ['small', 'small', 'nev-small', 'small', 'trailer'] as const;
    const colors = ['blue', 'blue', 'yellow-green', 'white', 'yellow'] as const;
    for (let n = 0; n < 60; n += 1) {
      const id = `picture-${n}`;
      world.pictures.set(id, { blurred: picture, plain: picture });
      const at = (now - n * 2.4 * minuteMs) as EpochMs;
      const text = plates[n % 5] ?? '';
      const plate = makePassage().plate!;
      await world.commit([
        {
          kind: 'event-recorded',
          messageKey: null,
          event: makePassage({
            ...{ at, evidence: id as never, direction: n % 3 === 0 ? 'out' : 'in', registered: n % 4 !== 1 },
            ...(n % 9 === 8
              ? { subject: 'person' as const, plate: null, registered: null as never }
              : { plate: { ...plate, text, kind: kinds[n % 5]!, color: colors[n % 5]!, accepted: n % 7 !== 6 } }),
          }),
        },
      ]);
    }
    for (let n = 0; n < 24; n += 1) {
      const startedAt = (now - n * 11 * minuteMs) as EpochMs;
      await world.commit([
        {
          kind: 'session-saved',
          session: makeSession({
            ...{ startedAt, port: (n % 10) + 1, lastAt: now as EpochMs, energyKwh: 0.1 * n, maxPortC: 31 + n * 1.7 },
            ...(n < 9 ? {} : { endedAt: (startedAt + 40 * minuteMs) as EpochMs, stopReason: 'full' as never }),
          }),
        },
      ]);
    }
    const tiers: readonly Tier[] = ['red', 'orange', 'yellow', 'blue', 'yellow', 'orange'];
    for (const [n, tier] of tiers.entries()) {
      const raisedAt = (now - (n + 1) * 13 * minuteMs) as EpochMs;
      await world.commit([
        {
          kind: 'alert-saved',
          alert: makeAlert({
            ...{ tier, raisedAt, count: n + 1, escalation: n === 1 ? 2 : 0 },
            ...(tier === 'blue' ? { acknowledgeBy: null, outcomeBy: null } : {}),
            ...(n === 2 ? { state: 'acknowledged' as const, owner: '张伟', acknowledgedAt: raisedAt } : {}),
            title: {
              zh: n === 4 ? '第二网格地下车库B区入口通道被多辆未登记的电动自行车长时间占用' : '1号车棚烟雾报警',
              en:
                n === 4
                  ? 'The way into garage B has been taken up by unregistered e-bikes for long'
                  : 'Smoke in shed 1',
            },
          }),
        },
      ]);
    }
  }
  const api = createApi({ ...world.given, dashboardDir: join(builtDir, 'gateway') });
  await api.start(new AbortController().signal);
  onTestFinished(() => api.stop());
  return api.address();
}

describe('the gateway’s pages fit every screen', () => {
  let browser: Browser;
  beforeAll(async () => {
    ensureBuilt();
    browser = await launchBrowser();
  }, 240_000);
  afterAll(() => browser.close());

  it.each([
    ['a quiet morning', false],
    ['a busy evening', true],
  ] as const)('on %s, in both languages, light and dark', { timeout: 300_000 }, async (name, busy) => {
    const url = await startWorld(busy);
    const { page, faults } = await openPage(browser, url);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await signInOn(page, 'manager', passwords.manager);
    await page.waitForSelector(part('summary'));
    for (const language of ['zh', 'en'] as const) {
      await page.evaluate((next) => localStorage.setItem('kanmen.language', next), language);
      for (const look of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: look });
        for (const path of pages) {
          await page.setViewportSize({ width: 1280, height: 900 });
          await page.goto(`${url}/#${path}`);
          await page.reload();
          await page.waitForSelector(`${part('live')}.ok`);
          await page.waitForSelector('main h1');
          // Only for the looking at: pictures and charts come a moment later.
          if (shots !== undefined) await page.waitForTimeout(400);
          for (const width of [1280, 390]) {
            await page.setViewportSize({ width, height: 900 });
            const what = `${name} ${path} ${language} ${look} ${width}`;
            const spill = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
            expect(spill, what).toBeLessThanOrEqual(0);
            if (shots !== undefined) {
              const file = `gateway-${busy ? 'busy' : 'calm'}${path.replace('/', '-')}-${language}-${look}-${width}.png`;
              await page.screenshot({ path: join(shots, file), fullPage: true });
            }
          }
          if (language === 'zh') expect(await violations(page), `${name} ${path} ${look}`).toEqual([]);
        }
      }
    }
    expect(faults).toEqual([]);
  });
});
