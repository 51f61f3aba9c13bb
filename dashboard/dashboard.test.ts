import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createApi } from '../gateway/api/index.ts';
import { makeAlert, makeNotice, makePassage, makeSession } from '../gateway/api/test-samples.ts';
import { createTestWorld, passwords, type TestWorld } from '../gateway/api/test-world.ts';
import type { Change } from '../gateway/domain/change.ts';
import type { EpochMs } from '../gateway/lib/clock.ts';
import { builtDir, ensureBuilt, jpeg, launchBrowser, openPage, part, signInOn, violations } from './test-browser.ts';

let browser: Browser;
beforeAll(async () => {
  ensureBuilt();
  browser = await launchBrowser();
}, 180_000);
afterAll(() => browser.close());

/** The real API over a world in memory, with the built page. `port` for one that comes back where it was. */
async function startGateway(world: TestWorld, port = 0) {
  const options = { ...world.given.options, listen: { host: '127.0.0.1', port } };
  const api = createApi({ ...world.given, options, dashboardDir: join(builtDir, 'gateway') });
  await api.start(new AbortController().signal);
  onTestFinished(() => api.stop());
  return { api, url: api.address() };
}

const passed = (fields: Parameters<typeof makePassage>[0] = {}): Change => ({
  kind: 'event-recorded',
  event: makePassage(fields),
  messageKey: null,
});

describe('the gateway’s dashboard', () => {
  it('lets nobody in without the right password, and says so in words', async () => {
    const { url } = await startGateway(createTestWorld());
    const { page, faults } = await openPage(browser, url);
    await signInOn(page, 'manager', 'wrong');
    await page.waitForSelector(part('login-fault'));
    expect(await page.textContent(part('login-fault'))).toBe('用户名或密码不对');
    await signInOn(page, 'manager', passwords.manager);
    await page.waitForSelector(part('summary'));
    expect(await page.textContent(part('title'))).toBe('花园小区');
    expect(faults).toEqual([]);
  });

  it('shows passages, sessions and alerts as they are stored, without a reload', async () => {
    const world = createTestWorld();
    const { url } = await startGateway(world);
    const { page, faults } = await openPage(browser, url);
    await signInOn(page, 'viewer', passwords.viewer);
    await page.waitForSelector(`${part('live')}.ok`);
    expect(await page.textContent(part('summary'))).toContain('一切正常，没有未办结的预警');
    expect(await page.locator(part('passage')).count()).toBe(0);

    await world.commit([passed()]);
    await page.waitForSelector(part('passage'));
    const row = await page.textContent(part('passage'));
    for (const words of ['浙B·12345', '进', 'east-in', '97%', '刚刚']) expect(row).toContain(words);

    const session = makeSession();
    await world.commit([{ kind: 'session-saved', session }]);
    await page.waitForSelector(part('session'));
    expect(await page.textContent(part('session'))).toContain('38.5 °C');
    await world.commit([{ kind: 'session-saved', session: { ...session, endedAt: session.lastAt } }]);
    await page.waitForSelector(part('session'), { state: 'detached' });

    const alert = makeAlert();
    await world.commit([{ kind: 'alert-saved', alert }]);
    await page.waitForSelector(part('alert'));
    expect(await page.textContent(part('alert'))).toContain('1号车棚烟雾报警');
    expect(await page.textContent(part('tier'))).toBe('红色');
    expect(await page.textContent(part('deadline'))).toMatch(/^还剩 [45] 分钟$/);
    expect(await page.textContent(part('summary'))).toContain('有 1 条预警等待确认');
    expect(await page.title()).toMatch(/^\(1\) /);
    await world.commit([
      { kind: 'alert-saved', alert: { ...alert, state: 'closed', closedAt: alert.raisedAt, version: 2 } },
    ]);
    await page.waitForSelector(part('alert'), { state: 'detached' });
    expect(faults).toEqual([]);
  });

  it('lets a manager acknowledge, note progress and give the outcome; everyone sees it at once', async () => {
    const world = createTestWorld();
    const { url } = await startGateway(world);
    world.pictures.set('e1', { blurred: jpeg, plain: jpeg });
    const alert = makeAlert({
      evidence: [{ id: 'e1' as never, kind: 'picture', sha256: '0'.repeat(64), capturedAt: 1 as EpochMs, camera: 'c' }],
    });
    const [notice, delivery] = makeNotice(alert, 'pending');
    await world.commit([
      { kind: 'alert-saved', alert },
      { kind: 'notice-created', notice },
      { kind: 'delivery-created', delivery },
    ]);
    const manager = await openPage(browser, url);
    await signInOn(manager.page, 'manager', passwords.manager);
    await manager.page.click(part('alert'));
    const viewer = await openPage(browser, url);
    await signInOn(viewer.page, 'viewer', passwords.viewer);
    await viewer.page.click(part('alert'));

    // Who was told, and that it has arrived as soon as it has.
    expect(await viewer.page.textContent(part('receipt'))).toContain('还没送到');
    const delivered = { kind: 'delivery-tried', id: delivery.id, state: 'delivered', attempts: 3, result: '' } as const;
    const at = (alert.raisedAt + 4000) as EpochMs;
    await world.commit([{ ...delivered, at, nextAttemptAt: at }]);
    await viewer.page.waitForSelector(`${part('receipt')}.ok`);
    expect(await viewer.page.textContent(part('receipt'))).toBe('已送达 · 用时 4 秒');

    await viewer.page.waitForSelector(part('viewer-note'));
    expect(await viewer.page.locator('[data-test^=answer-]').count()).toBe(0);
    expect(await viewer.page.locator(part('unblur')).count()).toBe(0);

    await manager.page.click(part('answer-acknowledge'));
    await manager.page.waitForSelector(part('answer-arrived'));
    await viewer.page.waitForSelector(`${part('alert-head')}:has-text("负责人：manager")`);

    await manager.page.fill('textarea[name=text]', '已到现场，正在通风');
    await manager.page.click(part('answer-note'));
    await viewer.page.waitForSelector(`${part('life')}:has-text("已到现场，正在通风")`);

    // What ends the matter is asked for twice: the first press only asks.
    await manager.page.fill('textarea[name=text]', '有人抽烟');
    await manager.page.click(part('answer-false-alarm'));
    expect(await manager.page.textContent(part('answer-false-alarm'))).toContain('再按一次确认');
    expect(await manager.page.textContent(part('state'))).not.toContain('误报');
    await manager.page.click(part('answer-false-alarm'));
    await viewer.page.waitForSelector(`${part('state')}:has-text("误报")`);
    expect(
      world.changes.flatMap((change) => (change.kind === 'feedback-recorded' ? [change.feedback.kind] : [])),
    ).toEqual(['acknowledged', 'progress', 'outcome']);
    expect([...manager.faults, ...viewer.faults]).toEqual([]);
  });

  it('remembers the language that was chosen, and speaks it everywhere', async () => {
    const world = createTestWorld();
    const { url } = await startGateway(world);
    await world.commit([{ kind: 'alert-saved', alert: makeAlert() }, passed()]);
    const { page, faults } = await openPage(browser, url);
    expect(await page.textContent(part('login'))).toBe('登录');
    await page.click(part('language'));
    expect(await page.textContent(part('login'))).toBe('Sign in');
    await page.reload();
    await signInOn(page, 'manager', passwords.manager);
    await page.waitForSelector(part('passage'));
    expect(await page.textContent(part('summary'))).toContain('1 alert is waiting for acknowledgement');
    for (const to of ['/', '/alerts', '/passages', '/charging', '/devices', '/health']) {
      await page.click(part(`nav-${to}`));
      await page.waitForSelector('main h1');
      // Names of places, cameras and plates are the site's own; everything else must have been translated.
      const text = (await page.innerText('main')).replace(/1号车棚|东门|浙B·12345/g, '');
      expect(text.match(/\p{Script=Han}+/gu), to).toBeNull();
    }
    expect(faults).toEqual([]);
  });

  it('says since when it is cut off, comes back by itself and then shows what it missed', async () => {
    const world = createTestWorld();
    const first = await startGateway(world);
    await world.commit([passed()]);
    const { page, faults } = await openPage(browser, first.url);
    await signInOn(page, 'viewer', passwords.viewer);
    await page.waitForSelector(part('passage'));
    await first.api.stop();
    await page.waitForSelector('[role=alert]');
    expect(await page.textContent('[role=alert]')).toMatch(/连接中断，下面是 \d\d:\d\d:\d\d 的内容/);

    const missed = makeAlert();
    await world.commit([passed({ plate: null, subject: 'person' }), { kind: 'alert-saved', alert: missed }]);
    await startGateway(world, Number(new URL(first.url).port));
    await page.waitForSelector(`${part('live')}.ok`);
    await page.waitForSelector(part('alert'));
    expect(await page.locator(part('passage')).count()).toBe(2);
    expect(await page.locator('[role=alert]').count()).toBe(0);
    // Chromium itself names the broken line on the console.
    expect(faults.filter((fault) => !fault.includes('net::ERR'))).toEqual([]);
  });

  it('reads everything anew after a burst that was too fast for it', async () => {
    const world = createTestWorld();
    const { url } = await startGateway(world);
    const { page } = await openPage(browser, url);
    await signInOn(page, 'viewer', passwords.viewer);
    await page.waitForSelector(`${part('live')}.ok`);
    await page.waitForSelector(part('summary'));
    const alert = makeAlert();
    // The alert is the oldest of 3 001 items in one turn: the ring has let it go.
    await world.commit([{ kind: 'alert-saved', alert }, ...Array.from({ length: 3000 }, () => passed())]);
    await page.waitForSelector(part('alert'));
    expect(world.given.live.report().dropped).toBeGreaterThan(0);
  });

  it('asks before a face is shown, and fits a phone', async () => {
    const world = createTestWorld();
    const { url } = await startGateway(world);
    world.pictures.set('e1', { blurred: jpeg, plain: jpeg });
    const alert = makeAlert({
      evidence: [{ id: 'e1' as never, kind: 'picture', sha256: '0'.repeat(64), capturedAt: 1 as EpochMs, camera: 'c' }],
    });
    await world.commit([{ kind: 'alert-saved', alert }, passed(), { kind: 'session-saved', session: makeSession() }]);
    world.health = { ...world.health, status: 'degraded' };
    const { page, faults } = await openPage(browser, url, 390);
    await signInOn(page, 'manager', passwords.manager);
    await page.waitForSelector(part('alert'));
    for (const language of ['zh', 'en']) {
      for (const to of ['/', '/alerts', '/passages', '/charging', '/devices', '/health']) {
        await page.click(part(`nav-${to}`));
        await page.waitForSelector('main h1');
        const spill = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(spill, `${to} ${language}`).toBeLessThanOrEqual(0);
      }
      await page.click(part('language'));
    }
    await page.goto(`${url}/#/alerts/${alert.id}`);
    const audits = () => world.changes.filter((change) => change.kind === 'audited' && change.action !== 'login');
    await page.waitForSelector(part('evidence'));
    expect(audits()).toEqual([]);
    await page.click(part('unblur'));
    await page.waitForSelector('[data-test=evidence][src$="unblurred=1"]');
    await expect.poll(audits).toMatchObject([{ action: 'evidence-unblurred', by: 'manager' }]);
    expect(faults).toEqual([]);
  });

  it('has no serious finding of axe-core on any page, in light and dark', { timeout: 120_000 }, async () => {
    const world = createTestWorld();
    const { url } = await startGateway(world);
    const alert = makeAlert();
    const [notice, delivery] = makeNotice(alert, 'pending');
    await world.commit([
      { kind: 'alert-saved', alert },
      { kind: 'notice-created', notice },
      { kind: 'delivery-created', delivery },
      passed(),
      { kind: 'session-saved', session: makeSession() },
    ]);
    const { page } = await openPage(browser, url);
    const found: Record<string, readonly string[]> = { login: await violations(page) };
    await signInOn(page, 'manager', passwords.manager);
    await page.waitForSelector(part('summary'));
    const links = await page
      .locator('nav .page')
      .evaluateAll((all) => all.map((link) => link.getAttribute('href') ?? ''));
    for (const look of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: look });
      for (const path of [...links, `#/alerts/${alert.id}`]) {
        await page.goto(`${url}/${path}`);
        await page.waitForSelector('main h1');
        found[`${look} ${path}`] = await violations(page);
      }
    }
    expect(links.length).toBeGreaterThan(8);
    expect(Object.fromEntries(Object.entries(found).filter(([, list]) => list.length > 0))).toEqual({});
  });
});
