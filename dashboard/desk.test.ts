/** The desk's pages in a real browser: what officers do, with a gateway that the test plays or with the real one. */
import { createHash } from 'node:crypto';
import { v7 } from 'uuid';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noticeEvent, password } from '../test/desk/fixture.ts';
import { readQr } from '../test/support/read-qr.ts';
import { manyAlerts, startDeskWithPage } from './test-alerts.ts';
import { ensureBuilt, jpeg, launchBrowser, openPage, part, signInOn, violations } from './test-browser.ts';

let browser: Browser;
beforeAll(async () => {
  ensureBuilt();
  browser = await launchBrowser();
}, 240_000);
afterAll(() => browser.close());

const spill = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
const focusedId = (page: Page): Promise<string | null> =>
  page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset['id'] ?? null);
const picture = (id: string) => ({
  ...{ id, kind: 'picture' as const, mediaType: 'image/jpeg', camera: 'shed' },
  sha256: createHash('sha256').update(jpeg).digest('hex'),
  capturedAt: new Date().toISOString(),
  inline: jpeg.toString('base64'),
});

describe('the desk', () => {
  it('is calm when nothing happens, and cannot be missed when red comes', async () => {
    const { desk, gateway } = await startDeskWithPage();
    await desk.addUser('liu', 'duty');
    const { page, faults } = await openPage(browser, desk.url);
    await signInOn(page, 'liu', password);
    await page.waitForSelector(`${part('live')}.ok`);
    expect(await page.textContent(part('title'))).toBe('东门派出所');
    expect(await page.textContent(part('summary'))).toContain('没有未办结的预警');
    const sounded = (): Promise<number> =>
      page.getAttribute(part('sound'), 'data-sounded').then((text) => Number(text));
    expect(await sounded()).toBe(0);
    const icon = (): Promise<string | null> => page.getAttribute('link[rel=icon]', 'href');
    const calm = await icon();

    const alertId = v7();
    await gateway.send(noticeEvent('raised', { alertId, version: 1 }));
    await page.waitForSelector(`${part('group-red')} ${part('alert')}`);
    await expect.poll(sounded).toBeGreaterThan(0);
    expect(await page.textContent(part('red-banner'))).toContain('有 1 条红色预警没人接');
    expect(await page.title()).toMatch(/^\(1\) 🔴/u);
    expect(await icon()).not.toBe(calm);
    expect(await page.textContent(part('alert'))).toContain('测试小区 · 3号楼充电棚');
    expect(await page.textContent(part('deadline'))).toMatch(/^还剩 [45] 分钟$/);
    // It stands over every page, not only over the inbox.
    await page.click(part('nav-/gateways'));
    await page.click(`${part('red-banner')} a`);
    await page.click(part('answer-acknowledge'));
    await page.waitForSelector(`${part('alert-head')}:has-text("负责人：liu")`);
    await page.waitForSelector(part('red-banner'), { state: 'detached' });
    expect(await icon()).toBe(calm);
    expect(await page.title()).not.toContain('🔴');
    expect(faults).toEqual([]);
  });

  it('shows how far an answer has come, and takes each with one press', async () => {
    const { desk, gateway } = await startDeskWithPage();
    await desk.addUser('liu', 'duty');
    const alertId = v7();
    await gateway.send(noticeEvent('raised', { alertId, version: 1 }));
    const { page, faults } = await openPage(browser, desk.url);
    await signInOn(page, 'liu', password);
    await page.click(part('alert'));
    await page.click(part('answer-acknowledge'));
    await page.waitForSelector('[data-relay=waiting]');
    const { cursor, feedback } = await gateway.poll('', 5);
    expect(feedback).toMatchObject([{ alertId, kind: 'acknowledged', by: 'liu' }]);
    await page.waitForSelector('[data-relay=sent]');
    await gateway.poll(cursor, 0);
    await page.waitForSelector('[data-relay=received]');
    expect(await page.textContent(part('last-answer'))).toContain('小区网关已收到');

    await page.click(part('answer-arrived'));
    await page.waitForSelector(`${part('life')}:has-text("已到现场")`);
    await page.fill('textarea[name=text]', '请物业先断电');
    await page.click(part('answer-ask'));
    await page.waitForSelector(`${part('life')}:has-text("追问"):has-text("请物业先断电")`);
    await page.click(part('answer-hand-over'));
    await page.fill('input[name=to]', '王警官');
    await page.press('input[name=to]', 'Enter');
    await page.waitForSelector(`${part('life')}:has-text("移交"):has-text("转给 王警官")`);
    await page.click(part('answer-transfer'));
    await page.fill('input[name=to]', '消防救援站');
    expect(await page.isDisabled(part('chooser-send'))).toBe(true);
    await page.click(`${part('chooser-reason')}:has-text("属消防职责")`);
    await page.click(part('chooser-send'));
    await page.waitForSelector(`${part('state')}:has-text("已转办")`);
    const later = await gateway.poll(cursor, 5);
    expect(later.feedback).toMatchObject([
      { kind: 'progress', text: '已到现场' },
      { kind: 'progress', mark: 'asked', text: '请物业先断电' },
      { kind: 'progress', mark: 'handed-over', to: '王警官' },
      { kind: 'transferred', to: '消防救援站', text: '属消防职责' },
    ]);
    expect(faults).toEqual([]);
  });

  it('gives two officers who press at once one clear result', async () => {
    const { desk, gateway } = await startDeskWithPage();
    const names = ['liu', 'wang'] as const;
    for (const name of names) await desk.addUser(name, 'duty');
    await gateway.send(noticeEvent('raised', { alertId: v7(), version: 1 }));
    const pages = await Promise.all(
      names.map(async (name) => {
        const { page } = await openPage(browser, desk.url);
        await signInOn(page, name, password);
        await page.click(part('alert'));
        await page.waitForSelector(part('answer-acknowledge'));
        return page;
      }),
    );
    await Promise.all(
      pages.map((page) =>
        page.evaluate((at) => document.querySelector<HTMLElement>(at)?.click(), part('answer-acknowledge')),
      ),
    );
    const owners = await Promise.all(
      pages.map(async (page) => {
        await page.waitForSelector(`${part('alert-head')}:has-text("负责人")`);
        return /负责人：(\w+)/.exec((await page.textContent(part('alert-head'))) ?? '')?.[1];
      }),
    );
    expect(owners[0]).toBe(owners[1]);
    const faults = await Promise.all(pages.map((page) => page.locator(part('answer-fault')).allTextContents()));
    const loser = names.findIndex((name) => name !== owners[0]);
    // Whoever was later is told so; if the first one's news came before the press, there was nothing left to press.
    expect(faults[1 - loser]).toEqual([]);
    if (faults[loser]!.length > 0) expect(faults[loser]).toEqual([`${owners[0]} 已经先确认，由他负责`]);
  });

  it('serves a person who has only a keyboard, from the login to the end of a matter', async () => {
    const { desk, gateway } = await startDeskWithPage();
    await desk.addUser('liu', 'duty');
    const { page, faults } = await openPage(browser, desk.url);
    await page.waitForSelector('input[name=name]');
    const tabTo = async (what: string): Promise<void> => {
      for (let presses = 0; presses < 40; presses += 1) {
        if (await page.evaluate((at) => document.activeElement?.matches(at) ?? false, what)) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`Tab never came to ${what}`);
    };
    await tabTo('input[name=name]');
    await page.keyboard.type('liu');
    await tabTo('input[name=password]');
    await page.keyboard.type(password);
    await page.keyboard.press('Enter');
    await page.waitForSelector(part('summary'));
    const [first, second] = manyAlerts(2, Date.now() - 60_000);
    for (const event of [first!, second!]) await gateway.send(event);
    await page.waitForSelector(`[data-id="${second!.data.alertId}"]`);

    await page.keyboard.press('?');
    await page.waitForSelector(`${part('key-help')}[open]`);
    expect(await page.textContent(part('key-help'))).toContain('确认收到选中的预警');
    await page.keyboard.press('Escape');
    await page.waitForSelector(`${part('key-help')}[open]`, { state: 'detached' });

    await page.keyboard.press('j');
    expect(await focusedId(page)).toBe(first!.data.alertId);
    await page.keyboard.press('j');
    expect(await focusedId(page)).toBe(second!.data.alertId);
    await page.keyboard.press('k');
    await page.keyboard.press('a');
    await page.waitForSelector(`[data-id="${first!.data.alertId}"]:has-text("负责人：liu")`);
    await page.keyboard.press('Enter');
    await page.waitForSelector(part('answer-steady'));
    await page.keyboard.press('s');
    await page.waitForSelector(`${part('life')}:has-text("现场已平稳")`);
    await page.keyboard.press('n');
    await page.keyboard.type('已断电，无人受伤');
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector(`${part('life')}:has-text("已断电，无人受伤")`);
    await page.keyboard.press('t');
    await page.keyboard.type('消防救援站');
    await page.keyboard.press('Escape');
    await page.waitForSelector(part('chooser'), { state: 'detached' });
    await page.keyboard.press('y');
    await page.waitForSelector(`${part('state')}:has-text("已处理")`);
    await page.keyboard.press('r');
    await page.waitForSelector(`${part('state')}:has-text("已回访")`);
    await page.keyboard.press('b');
    await page.waitForSelector(part('summary'));
    await page.keyboard.press('2');
    await page.waitForSelector('input[name=text]:focus');
    expect(faults).toEqual([]);
  });

  it('asks twice before a key ends a matter as a false alarm', async () => {
    const { desk, gateway } = await startDeskWithPage();
    await desk.addUser('liu', 'duty');
    await gateway.send(noticeEvent('raised', { alertId: v7(), version: 1 }));
    const { page } = await openPage(browser, desk.url);
    await signInOn(page, 'liu', password);
    await page.click(part('alert'));
    await page.waitForSelector(part('answer-false-alarm'));
    await page.keyboard.press('x');
    await page.waitForSelector(`${part('answer-false-alarm')}:has-text("再按一次确认")`);
    await page.keyboard.press('Escape');
    await page.waitForSelector(`${part('answer-false-alarm')}:has-text("误报")`);
    expect(await page.textContent(part('state'))).toBe('等待确认');
    await page.keyboard.press('x');
    await page.keyboard.press('x');
    await page.waitForSelector(`${part('state')}:has-text("误报")`);
  });

  it('shows the picture once it is there, lets a viewer look only, and speaks English throughout on a phone', async () => {
    const { desk, gateway } = await startDeskWithPage();
    await desk.addUser('zhao', 'viewer');
    await gateway.send(noticeEvent('raised', { alertId: v7(), version: 1, evidence: [picture('e1')] }));
    const { page, faults } = await openPage(browser, desk.url, 390);
    await page.click(part('language'));
    await signInOn(page, 'zhao', password);
    await page.click(part('alert'));
    await page.waitForSelector(part('evidence'));
    await expect
      .poll(() => page.locator(part('evidence')).evaluate((image) => (image as HTMLImageElement).naturalWidth))
      .toBe(1);
    expect(await page.textContent(part('viewer-note'))).toBe('Your account can look but not answer.');
    expect(await page.locator('[data-test^=answer-]').count()).toBe(0);
    await page.keyboard.press('a');
    for (const to of ['', '/', '/search', '/shift', '/figures', '/gateways', '/me']) {
      if (to !== '') await page.click(part(`nav-${to}`));
      await page.waitForSelector('main h1');
      const text = (await page.innerText('main')).replace(/测试小区|3号楼充电棚|小区 east|东门派出所/g, '');
      expect(text.match(/\p{Script=Han}+/gu), to).toBeNull();
      expect(await spill(page), to).toBeLessThanOrEqual(0);
    }
    // What a viewer may not, is not offered.
    for (const hidden of ['nav-/users', 'nav-/audit', 'hand-over', 'pairing']) {
      expect(await page.locator(part(hidden)).count(), hidden).toBe(0);
    }
    expect(faults).toEqual([]);
  });

  it(
    'takes a shift over, asks why passages are searched, connects a compound, adds a person, and keeps it all on record',
    { timeout: 90_000 },
    async () => {
      const { desk, gateway } = await startDeskWithPage();
      await desk.addUser('chen', 'admin');
      await desk.addUser('wang', 'community');
      await gateway.send(noticeEvent('raised', { alertId: v7(), version: 1 }));
      const { page, faults } = await openPage(browser, desk.url);
      page.setDefaultTimeout(15_000);
      await signInOn(page, 'chen', password);
      await page.waitForSelector(part('summary'));

      await page.click(part('nav-/shift'));
      await page.waitForSelector(`${part('open-matters')} ${part('alert')}`);
      await page.fill(`${part('hand-over')} input[name=to]`, 'wang');
      await page.fill(`${part('hand-over')} textarea[name=note]`, '3号楼的烟感等物业回复');
      await page.click(part('hand-over-send'));
      await page.waitForSelector('text=已交班给 wang');
      await page.waitForSelector('text=chen → wang');

      await page.click(part('nav-/search'));
      await page.fill('input[name=text]', '浙B');
      await page.check('input[value=passage]');
      expect(await page.isDisabled(part('search'))).toBe(true);
      await page.fill('input[name=reason]', '案件 2026-118');
      await page.click(part('search'));
      await page.waitForSelector('text=没有找到');

      await page.click(part('nav-/gateways'));
      await page.fill('input[name=gatewayName]', '滨河花园');
      await page.fill('input[name=gatewayId]', 'river');
      await page.click(part('invite'));
      expect(await page.textContent(part('pairing-code'))).toMatch(/^\s*[A-Z0-9]{4}(-[A-Z0-9]{4})+\s*$/);
      const scanned = await readQr(await page.locator(`${part('invited')} ${part('qr')}`).screenshot());
      expect(`kanmen pair '${scanned}'`).toBe((await page.textContent(`${part('invited')} code`))?.trim());

      await page.click(part('nav-/users'));
      await page.fill('input[name=newName]', 'zhao');
      await page.selectOption('select[name=newRole]', 'leader');
      await page.click(part('user-add-send'));
      await page.waitForSelector(part('user-zhao'));
      expect((await page.textContent(`${part('made')} .password`))?.length).toBeGreaterThan(9);

      await page.click(part('nav-/audit'));
      const log = page.locator(part('audit'));
      await log.waitFor();
      const text = (await log.textContent()) ?? '';
      expect(text).toContain('案件 2026-118');
      await page.click(part('verify'));
      await page.waitForSelector(`${part('verdict')}[data-verdict=intact]`);

      // Whoever answers for compounds only is offered no more than that.
      await page.click(part('logout'));
      await signInOn(page, 'wang', password);
      await page.waitForSelector(part('summary'));
      for (const hidden of ['nav-/users', 'nav-/audit']) expect(await page.locator(part(hidden)).count()).toBe(0);
      await page.click(part('nav-/search'));
      await page.waitForSelector('input[value=note]');
      expect(await page.locator('input[value=passage]').count()).toBe(0);
      await page.goto(`${desk.url}/#/users`);
      await page.waitForSelector(`${part('users-fault')}:has-text("你的账号没有这个权限")`);
      expect(faults).toEqual([]);
    },
  );

  it('has no serious finding of axe-core on any page, in light and dark', { timeout: 120_000 }, async () => {
    const { desk, gateway } = await startDeskWithPage(['east', 'west']);
    await desk.addUser('chen', 'admin');
    const events = manyAlerts(12, Date.now() - 600_000);
    events[0] = { ...events[0]!, data: { ...events[0]!.data, evidence: [picture('e1')] } };
    for (const event of events) await gateway.send(event);
    const { page } = await openPage(browser, desk.url);
    const found: Record<string, readonly string[]> = { login: await violations(page) };
    await signInOn(page, 'chen', password);
    await page.waitForSelector(part('summary'));
    const paths = [
      '/',
      `/alerts/${events[0].data.alertId}`,
      '/wall',
      '/search',
      '/shift',
      '/figures',
      '/gateways',
      '/gateways/east',
      '/users',
      '/audit',
      '/me',
    ];
    for (const look of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: look, reducedMotion: 'reduce' });
      for (const path of paths) {
        await page.goto(`${desk.url}/#${path}`);
        await page.waitForSelector('main h1');
        if (path.startsWith('/alerts')) await page.waitForSelector(part('plan'));
        found[`${look} ${path}`] = await violations(page);
      }
    }
    expect(Object.fromEntries(Object.entries(found).filter(([, list]) => list.length > 0))).toEqual({});
  });
});
