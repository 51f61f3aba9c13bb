/**
 * What is done at the desk now and then, in a real browser with the real gateway behind: the plan of a compound, the second
 * factor, a gateway shut out and let in again, the duty list, what is printed. With `KANMEN_SHOTS=DIR` pictures of each.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret, TOTP } from 'otpauth';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDevice, createCommunity, smokeAlarm, type Community } from '../test/support/community.ts';
import {
  addDevices,
  addUser,
  kanmen,
  type IssuedCredential,
  type KanmenProcess,
} from '../test/support/kanmen-process.ts';
import { ensureBuilt, launchBrowser, openPage, part, signInOn, violations } from './test-browser.ts';

const shots = process.env['KANMEN_SHOTS'];
const word = 'night-duty-4711';
const sensors = ['shed-3', 'garage', 'gate-room', 'roof'] as const;
let community: Community;
let gateway: KanmenProcess;
let desk: KanmenProcess;
let browser: Browser;
const credentials = new Map<string, IssuedCredential>();

beforeAll(async () => {
  ensureBuilt();
  community = await createCommunity({
    devices: [],
    areas: sensors,
    desk: { title: '城东派出所' },
  });
  for (const sensor of sensors) {
    const [issued] = await addDevices(community.gatewayConfig, [`fire/${sensor}`], sensor);
    if (issued) credentials.set(sensor, issued);
  }
  for (const [name, role] of [
    ['zhao', 'admin'],
    ['qian', 'leader'],
    ['liu', 'duty'],
  ] as const)
    await addUser(community.deskConfig, name, role, word);
  desk = await community.startDesk();
  gateway = await community.startGateway();
  browser = await launchBrowser();
}, 240_000);
afterAll(async () => {
  await browser?.close();
  await community?.close();
});

async function raise(sensor: string): Promise<void> {
  const issued = credentials.get(sensor)!;
  const device = await connectDevice(gateway, issued);
  await device.publishAsync(`${issued.topicPrefix}/alarm`, smokeAlarm(sensor), { qos: 1 });
  await device.endAsync();
}

async function signedIn(name: string, path = '/'): Promise<{ page: Page; faults: string[] }> {
  const { page, faults } = await openPage(browser, desk.ready.api);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await signInOn(page, name, word);
  await page.waitForSelector(`${part('live')}.ok`);
  if (path !== '/') await page.goto(`${desk.ready.api}/#${path}`);
  return { page, faults };
}

/** Both languages, light and dark, wide and as a phone: nothing spills, axe finds nothing serious, nothing is left in the other language. */
async function inEveryLook(page: Page, name: string, selector: string): Promise<void> {
  for (const language of ['zh', 'en'] as const) {
    const other = await page.getAttribute(part('language'), 'lang');
    if ((other === 'en') !== (language === 'zh')) await page.click(part('language'));
    for (const look of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: look });
      await page.waitForSelector(`html[data-theme=${look}]`);
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 900 });
        await page.waitForSelector(selector);
        const spill = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(spill, `${name} ${language} ${look} ${width}`).toBeLessThanOrEqual(0);
        if (shots !== undefined) {
          await page.locator(selector).first().scrollIntoViewIfNeeded();
          await page.screenshot({ path: join(shots, `care-${name}-${language}-${look}-${width}.png`), fullPage: true });
        }
      }
      await page.setViewportSize({ width: 1280, height: 900 });
      expect(await violations(page), `${name} ${language} ${look}`).toEqual([]);
    }
  }
  await page.click(part('language'));
  await page.emulateMedia({ colorScheme: 'light' });
}

describe('the plan of a compound', () => {
  it(
    'is given a picture and pins by mouse and by keyboard, and an alert shows where it is on it',
    { timeout: 240_000 },
    async () => {
      const { page, faults } = await signedIn('zhao');
      await raise('shed-3');
      await raise('garage');
      await page.waitForFunction((selector) => document.querySelectorAll(selector).length === 2, part('alert'));
      await page.goto(`${desk.ready.api}/#/gateways/gw-1`);
      await page.waitForSelector(part('plan-editor'));
      // Drawn from the areas while nobody has given a picture.
      expect(await page.textContent(part('plan'))).toContain('shed-3');
      await page.setInputFiles('input[name=plan]', {
        name: 'plan.png',
        mimeType: 'image/png',
        buffer: Buffer.from('no'),
      });
      await page.waitForSelector(`${part('plan-editor')} [role=alert]:has-text("图片")`);
      const drawn = await sharp(
        Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="900" height="560"><rect width="900" height="560" fill="#eef1ec"/>
        <g fill="#c9d2dc">${[80, 300, 520, 700].map((x) => `<rect x="${x}" y="60" width="130" height="180"/><rect x="${x}" y="330" width="130" height="160"/>`).join('')}</g></svg>`),
      )
        .png()
        .toBuffer();
      await page.setInputFiles('input[name=plan]', { name: 'plan.png', mimeType: 'image/png', buffer: drawn });
      await page.waitForSelector(`${part('plan')} image`);
      expect(await page.locator(`${part('plan-editor')} [role=alert]`).count()).toBe(0);
      await page.selectOption('select[name=placing]', { label: '○ shed-3' });
      const box = (await page.locator(`${part('plan')} svg`).boundingBox())!;
      await page.mouse.click(box.x + box.width / 2, box.y + box.height / 4);
      await page.waitForSelector(`select[name=placing] option:text("● shed-3")`, { state: 'attached' });
      // The next that stands nowhere has been chosen; by keyboard it is placed with two numbers.
      await page.selectOption('select[name=placing]', { label: '○ garage' });
      await page.fill('input[name=left]', '20');
      await page.press('input[name=left]', 'Tab');
      await page.waitForSelector(`select[name=placing] option:text("● garage")`, { state: 'attached' });
      await page.fill('input[name=top]', '80');
      await page.press('input[name=top]', 'Tab');
      await inEveryLook(page, 'plan', `${part('plan')} image`);
      // Another officer, another page: the alert stands where it was put.
      const other = await signedIn('liu');
      await other.page.click(`${part('alert')}:has-text("garage")`);
      const pin = other.page.locator(`${part('plan-here')} circle`).last();
      await pin.waitFor();
      const [picture, mark] = await Promise.all([
        other.page.locator(`${part('plan')} image`).boundingBox(),
        pin.boundingBox(),
      ]);
      expect((mark!.x + mark!.width / 2 - picture!.x) / picture!.width).toBeCloseTo(0.2, 1);
      expect((mark!.y + mark!.height / 2 - picture!.y) / picture!.height).toBeCloseTo(0.8, 1);
      expect(await other.page.locator('input[name=plan]').count()).toBe(0);
      // And is taken off again.
      await page.selectOption('select[name=placing]', { label: '● garage' });
      await page.click(`${part('plan-editor')} ${part('plan-take-off')}`);
      await page.waitForSelector(`select[name=placing] option:text("○ garage")`, { state: 'attached' });
      expect([...faults, ...other.faults]).toEqual([]);
    },
  );
});

describe('a second factor', () => {
  it(
    'is set up on the own page and asked for at the next sign-in; a recovery code serves once',
    { timeout: 240_000 },
    async () => {
      const { page, faults } = await signedIn('qian', '/me');
      await page.fill('input[name=factorPassword]', 'not-my-password');
      await page.click(part('factor-begin'));
      await page.waitForSelector(part('me-fault'));
      await page.fill('input[name=factorPassword]', word);
      await page.click(part('factor-begin'));
      const secret = await page.textContent(part('factor-secret'));
      const totp = new TOTP({ secret: Secret.fromBase32(secret!.replace(/\s/g, '')) });
      expect(await page.locator(`${part('factor')} svg, ${part('factor')} img`).count()).toBe(1);
      await inEveryLook(page, 'factor', part('factor-secret'));
      await page.fill('input[name=factorCode]', '000000');
      await page.click(part('factor-confirm'));
      await page.waitForSelector(part('me-fault'));
      await page.fill('input[name=factorCode]', totp.generate());
      await page.click(part('factor-confirm'));
      await page.waitForSelector(`${part('factor')}[data-enabled=true]`);
      const codes = (await page.locator(`${part('recovery-codes')} li`).allTextContents()).map((code) => code.trim());
      expect(new Set(codes).size).toBe(10);
      await inEveryLook(page, 'factor-codes', part('recovery-codes'));
      await page.click(part('logout'));

      const enter = async (code: string): Promise<void> => {
        await page.waitForSelector('input[name=code]');
        await page.fill('input[name=code]', code);
        await page.click(part('login'));
      };
      await signInOn(page, 'qian', word);
      await page.waitForSelector('input[name=code]:focus');
      await inEveryLook(page, 'login-code', 'input[name=code]');
      await enter('123456');
      await page.waitForSelector(part('login-fault'));
      // The next step's: the one that confirmed is used up.
      await enter(totp.generate({ timestamp: Date.now() + 30_000 }));
      await page.waitForSelector(`${part('live')}.ok`);
      await page.click(part('logout'));
      await signInOn(page, 'qian', word);
      await enter(codes[0]!);
      await page.waitForSelector(`${part('live')}.ok`);
      await page.goto(`${desk.ready.api}/#/me`);
      await page.waitForSelector(`${part('factor')}:has-text("9")`);
      await page.click(part('logout'));
      await signInOn(page, 'qian', word);
      await enter(codes[0]!);
      await page.waitForSelector(part('login-fault'));
      // Taken off again with password and code, so that the other tests sign in as before.
      await enter(codes[1]!);
      await page.waitForSelector(`${part('live')}.ok`);
      await page.goto(`${desk.ready.api}/#/me`);
      await page.click(part('factor-remove'));
      await page.fill('input[name=factorPassword]', word);
      await page.fill('input[name=factorCode]', codes[2]!);
      await page.press('input[name=factorCode]', 'Enter');
      await page.waitForSelector(`${part('factor')}[data-enabled=false]`);
      expect(faults).toEqual([]);
    },
  );
});

describe('the duty list', () => {
  it(
    'is written by a leader, changed and cleared, and everybody else sees it at once',
    { timeout: 180_000 },
    async () => {
      const { page, faults } = await signedIn('qian', '/shift');
      const other = await signedIn('liu', '/shift');
      await other.page.waitForSelector(part('duty'));
      expect(await other.page.locator(part('duty-add')).count()).toBe(0);
      await page.click(part('duty-add'));
      await page.fill('input[name=people]', '李明、王芳');
      await page.fill('input[name=leader]', '赵局');
      const local = (ms: number): string =>
        new Date(ms - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
      await page.fill('input[name=startsAt]', local(Date.now() - 3_600_000));
      await page.fill('input[name=endsAt]', local(Date.now() - 7_200_000));
      await page.click(part('duty-keep'));
      await page.waitForSelector(`${part('duty')} [role=alert]`);
      await page.fill('input[name=endsAt]', local(Date.now() + 8 * 3_600_000));
      await inEveryLook(page, 'duty', 'input[name=endsAt]');
      await page.click(part('duty-keep'));
      await other.page.waitForSelector(`${part('on-duty')}:has-text("李明、王芳"):has-text("赵局")`);
      await page.click(`${part('duty-entries')} button`);
      await page.fill('input[name=people]', '李明 陈强');
      await page.click(part('duty-keep'));
      await other.page.waitForSelector(`${part('on-duty')}:has-text("李明、陈强")`);
      await page.click(`${part('duty-entries')} button`);
      await page.click(part('duty-remove'));
      await other.page.waitForSelector(`${part('duty')}:has-text("现在没有排班")`);
      expect([...faults, ...other.faults]).toEqual([]);
    },
  );
});

describe('on paper', () => {
  it(
    'shift sheet and figures stand alone: no buttons, nothing cut off, a line to sign on',
    { timeout: 180_000 },
    async () => {
      await raise('gate-room');
      const { page, faults } = await signedIn('zhao', '/shift');
      await page.waitForSelector(`${part('open-matters')} ${part('alert')}`);
      for (const [path, ready] of [
        ['/shift', part('open-matters')],
        ['/figures', part('by-gateway')],
      ] as const) {
        await page.goto(`${desk.ready.api}/#${path}`);
        await page.waitForSelector(ready);
        for (const language of ['zh', 'en'] as const) {
          await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
          // A4 less margins of 12 mm, at the 96 dots an inch that the browser prints with.
          await page.setViewportSize({ width: 703, height: 1032 });
          const name = `print${path.replace('/', '-')}-${language}`;
          const spill = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
          expect(spill, name).toBeLessThanOrEqual(0);
          expect(await page.locator('button:visible, nav:visible, input:visible, select:visible').count(), name).toBe(
            0,
          );
          expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(255, 255, 255)');
          if (path === '/shift') await page.waitForSelector(part('signs'));
          const pdf = await page.pdf({
            format: 'A4',
            margin: { top: '12mm', bottom: '12mm', left: '12mm', right: '12mm' },
          });
          expect(pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length, name).toBe(1);
          if (shots !== undefined) {
            writeFileSync(join(shots, `${name}.pdf`), pdf);
            await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
          }
          await page.emulateMedia({ media: 'screen', colorScheme: 'light' });
          await page.setViewportSize({ width: 1280, height: 900 });
          await page.click(part('language'));
        }
      }
      expect(faults).toEqual([]);
    },
  );
});

describe('a gateway', () => {
  it('is shut out with a reason and let in again by a code from its own page', { timeout: 240_000 }, async () => {
    const { page, faults } = await signedIn('zhao', '/gateways/gw-1');
    await page.click(part('revoke'));
    await page.waitForSelector('input[name=revokeReason]');
    expect(await page.isDisabled(part('revoke-send'))).toBe(true);
    await page.fill('input[name=revokeReason]', '设备送修，防止冒用');
    await inEveryLook(page, 'revoke', 'input[name=revokeReason]');
    await page.click(part('revoke-send'));
    await page.waitForSelector('.pill.bad:has-text("已停用")');
    await inEveryLook(page, 'revoked', '.pill.bad');
    await raise('roof');
    // Its word counts for nothing any more; red is kept at the gateway.
    await expect
      .poll(async () => (await community.alertsAt('gateway')).filter(({ state }) => state === 'raised').length)
      .toBe(1);
    await page.click(part('invite'));
    const code = (await page.textContent(part('pairing-code')))!.trim();
    await inEveryLook(page, 'invited', part('pairing-code'));
    const paired = await kanmen(['pair', `${code}@${desk.ready.api}`, '--json', '-c', community.gatewayConfig]);
    expect([paired.code, paired.stderr]).toEqual([0, '']);
    await page.waitForSelector(`${part('invited')} .notice.ok`);
    await page.waitForSelector('.pill.ok');
    // And what it kept is here, without anybody having started anything anew.
    await page.click(part('nav-/'));
    await page.waitForSelector(`${part('alert')}:has-text("roof")`, { timeout: 60_000 });
    expect(faults).toEqual([]);
  });
});
