/** The desk in a real browser with the real gateway behind it: one alert's whole life, and the way between the two. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDevice, createCommunity, type Community } from '../test/support/community.ts';
import { addDevices, addUser, type IssuedCredential, type KanmenProcess } from '../test/support/kanmen-process.ts';
import { ensureBuilt, launchBrowser, openPage, part, signInOn } from './test-browser.ts';

const word = 'night-duty-4711';
let community: Community;
let gateway: KanmenProcess;
let desk: KanmenProcess;
let browser: Browser;
const sensors = new Map<string, IssuedCredential>();

beforeAll(async () => {
  ensureBuilt();
  // Each matter in an area of its own, or the second would join the first.
  community = await createCommunity({
    devices: [],
    areas: ['f-1', 'f-2', 'f-3', 'f-4'],
    gateway: {
      recipients: [
        { id: 'station', name: '城东派出所', role: 'station', channel: 'desk' },
        { id: 'fire-station', name: '消防救援站', role: 'department', channel: 'desk' },
      ],
    },
    desk: { title: '城东派出所', log: { level: 'info' } },
  });
  for (const area of ['f-1', 'f-2', 'f-3', 'f-4']) {
    const [issued] = await addDevices(community.gatewayConfig, [`fire/${area}`], area);
    if (issued) sensors.set(area, issued);
  }
  for (const [name, role] of [
    ['liu', 'duty'],
    ['wang', 'duty'],
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

/** A smoke alarm of one sensor, over MQTT. */
async function raise(sensor: string): Promise<void> {
  const device = await connectDevice(gateway, sensors.get(sensor)!);
  await device.publishAsync(
    `${sensors.get(sensor)!.topicPrefix}/alarm`,
    JSON.stringify({ v: 1, ts: new Date().toISOString(), device: sensor, kind: 'smoke', active: true }),
    { qos: 1 },
  );
  await device.endAsync();
}
const received = (page: Page): Promise<unknown> =>
  page.waitForSelector(`${part('last-answer')} [data-relay=received]`, { timeout: 30_000 });

describe('an alert at the desk, from the sensor to the end', () => {
  it(
    'is raised, seen, acknowledged, transferred, resolved, revisited and closed, in Chinese',
    { timeout: 120_000 },
    async () => {
      const { page, faults } = await openPage(browser, desk.ready.api);
      await signInOn(page, 'liu', word);
      await page.waitForSelector(`${part('live')}.ok`);
      await raise('f-1');
      await page.waitForSelector(part('red-banner'), { timeout: 30_000 });
      await page.click(part('alert'));
      const id = /alerts\/([\w-]+)/.exec(page.url())![1]!;
      expect(await page.textContent(part('alert-head'))).toContain('东苑小区');
      await page.waitForSelector(part('plan-here'));
      await page.click(part('answer-acknowledge'));
      await received(page);
      // Everybody who was told stands there, with receipts.
      await page.waitForSelector(`${part('told')}:has-text("消防救援站")`, { timeout: 30_000 });
      await page.click(part('answer-transfer'));
      // The gateway tells whom it can go to with its canaries, once a minute.
      await page.click(`${part('chooser-name')}:has-text("消防救援站")`, { timeout: 90_000 });
      await page.click(`${part('chooser-reason')}:has-text("属消防职责")`);
      await page.click(part('chooser-send'));
      await page.waitForSelector(`${part('state')}:has-text("已转办")`);
      await received(page);
      await page.click(part('answer-acknowledge'));
      await page.waitForSelector(part('answer-true'));
      await page.fill('textarea[name=text]', '电动车电池冒烟，已扑灭');
      await page.click(part('answer-true'));
      await page.waitForSelector(`${part('state')}:has-text("已处理，待回访")`);
      await received(page);
      await page.click(part('answer-revisit'));
      await page.waitForSelector(`${part('state')}:has-text("已办结")`, { timeout: 30_000 });
      expect(await page.textContent(part('answer'))).toContain('这条预警已经办结');
      const life = await page.textContent(part('life'));
      for (const words of [
        '发出预警',
        '确认收到',
        '转给 消防救援站',
        '属消防职责',
        '电动车电池冒烟，已扑灭',
        '回访',
        '办结',
      ]) {
        expect(life).toContain(words);
      }
      const [atGateway] = (await community.alertsAt('gateway')).filter((line) => line.id === id);
      expect(atGateway).toMatchObject({ state: 'closed', acknowledgedBy: 'liu' });
      // What stood there is among what happened there lately.
      await page.click(part('nav-/'));
      await page.waitForSelector(`${part('summary')}:has-text("没有未办结的预警")`);
      expect(faults).toEqual([]);
    },
  );

  it('takes the same way in English', { timeout: 240_000 }, async () => {
    const { page, faults } = await openPage(browser, desk.ready.api);
    await page.click(part('language'));
    await signInOn(page, 'wang', word);
    await page.waitForSelector(`${part('live')}.ok`);
    await raise('f-2');
    await page.click(part('alert'), { timeout: 30_000 });
    await page.click(part('answer-acknowledge'));
    await page.waitForSelector(`${part('alert-head')}:has-text("wang")`);
    await page.click(part('answer-transfer'));
    await page.fill('input[name=to]', 'Property company');
    await page.fill('input[name=why]', 'Theirs to repair');
    await page.click(part('chooser-send'));
    await page.waitForSelector(`${part('life')}:has-text("Property company"):has-text("Theirs to repair")`);
    await page.click(part('answer-acknowledge'));
    await page.click(part('answer-true'));
    await page.click(part('answer-revisit'));
    await page.waitForSelector(`${part('state')}:has-text("Closed")`, { timeout: 30_000 });
    expect((await page.innerText(part('answer'))).match(/\p{Script=Han}+/gu)).toBeNull();
    expect(faults).toEqual([]);
  });

  it('is answered while the gateway is away, and settled when it is back', { timeout: 240_000 }, async () => {
    const { page, faults } = await openPage(browser, desk.ready.api);
    await signInOn(page, 'liu', word);
    await page.waitForSelector(`${part('live')}.ok`);
    await raise('f-3');
    await page.click(part('alert'), { timeout: 30_000 });
    await page.waitForSelector(part('answer-acknowledge'));
    await gateway.stop('SIGKILL');
    await page.click(part('answer-acknowledge'));
    await page.click(part('answer-arrived'));
    await page.waitForSelector(`${part('life')} [data-relay=waiting]`);
    expect(await page.textContent(part('last-answer'))).toContain('还没发给小区网关');
    expect(await page.textContent(part('alert-head'))).toContain('负责人：liu');
    gateway = await community.startGateway();
    await received(page);
    await expect
      .poll(async () => (await community.alertsAt('gateway')).map(({ state }) => state), { timeout: 30_000 })
      .toContain('in-progress');
    expect(faults).toEqual([]);
  });

  it('is shown without a reload after the desk itself was away', { timeout: 240_000 }, async () => {
    const { page, faults } = await openPage(browser, desk.ready.api);
    await signInOn(page, 'wang', word);
    await page.waitForSelector(`${part('live')}.ok`);
    await desk.stop();
    await page.waitForSelector('[role=alert]:has-text("连接中断")');
    await raise('f-4');
    desk = await community.startDesk();
    await page.waitForSelector(`${part('live')}.ok`, { timeout: 30_000 });
    await page.waitForSelector(part('red-banner'), { timeout: 60_000 });
    // Chromium itself names the broken line on the console.
    expect(faults.filter((fault) => !fault.includes('net::ERR'))).toEqual([]);
  });
});
