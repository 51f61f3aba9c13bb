import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { recipientsOptions } from '../gateway/alerts/options.ts';
import { createApi } from '../gateway/api/index.ts';
import type { ApiDeliveries, DeliveryRecord } from '../gateway/api/deliveries.ts';
import type { DiskReport } from '../gateway/api/collaborators.ts';
import { createTestWorld, passwords } from '../gateway/api/test-world.ts';
import { someDelivery } from '../gateway/channels/contract.ts';
import type { AlertId, DeliveryId, RecipientId } from '../gateway/domain/ids.ts';
import type { EpochMs } from '../gateway/lib/clock.ts';
import { builtDir, ensureBuilt, launchBrowser, openPage, part, signInOn, violations } from './test-browser.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

let browser: Browser;
beforeAll(async () => {
  ensureBuilt();
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const base = Date.UTC(2026, 0, 2, 3, 4, 5);
const record = (n: number, changes: Partial<DeliveryRecord> = {}): DeliveryRecord => {
  return {
    ...someDelivery({ id: `d-${n}` as DeliveryId, createdAt: (base - n) as EpochMs }),
    ...{ state: 'dead', attempts: 3, lastError: 'rejected: status 410', receipt: null },
    title: { zh: '1号车棚烟雾报警', en: 'Smoke in bike shed 1' },
    tries: [
      { at: base as EpochMs, state: 'pending', result: 'status 503' },
      { at: (base + 60_000) as EpochMs, state: 'dead', result: 'rejected: status 410' },
    ],
    ...changes,
  };
};

async function started(disk: DiskReport) {
  const records = [
    record(1),
    record(2, { item: 'passage', title: null, alertId: null, tier: 'blue', recipient: 'community' as RecipientId }),
    record(3, { state: 'delivered', lastError: null, receipt: '204 sha256:abc', alertId: 'a-3' as AlertId }),
  ];
  const resent: Parameters<ApiDeliveries['resend']>[0][] = [];
  const world = createTestWorld({
    disk: () => disk,
    dashboardDir: `${builtDir}/gateway`,
    recipients: recipientsOptions.parse([
      { id: 'station', name: '东苑派出所', role: 'station', channel: 'desk' },
      { id: 'community', name: '物业', role: 'community', channel: 'desk' },
    ]),
    deliveries: {
      page: ({ state, recipient }) =>
        records.filter(
          (each) => (state === null || each.state === state) && (recipient === null || each.recipient === recipient),
        ),
      find: (id) => records.find((each) => each.id === id),
      resend: (request) => {
        resent.push(request);
        return Promise.resolve(1);
      },
    },
  });
  const api = createApi(world.given);
  onTestFinished(() => api.stop());
  await api.start(new AbortController().signal);
  return { url: api.address(), resent };
}
const enough: DiskReport = { freeBytes: 9e9, totalBytes: 1e10, state: 'ok', refused: [] };

describe('the page of deliveries', () => {
  it('shows what was given up, what came back and when, and sends it again', async () => {
    const { url, resent } = await started(enough);
    const { page, faults } = await openPage(browser, url);
    await signInOn(page, 'manager', passwords.manager);
    await page.click('a[href="#/deliveries"]');
    const rows = page.locator('[data-delivery]');
    await rows.nth(1).waitFor();
    expect(await rows.count()).toBe(2);
    expect(await rows.first().innerText()).toMatch(/1号车棚烟雾报警[\s\S]*东苑派出所[\s\S]*没能送到[\s\S]*status 410/);
    await rows.first().locator(part('show')).click();
    expect(await page.locator(part('tries')).innerText()).toMatch(/稍后重试[\s\S]*status 503[\s\S]*放弃[\s\S]*d-1/);
    if (process.env['KANMEN_SCREENSHOTS'])
      await page.screenshot({ path: `${process.env['KANMEN_SCREENSHOTS']}/deliveries.png` });
    await rows.first().locator(part('resend')).click();
    await page.locator(part('said')).waitFor();
    expect(await page.locator(part('said')).innerText()).toContain('已重新发送 1 条');
    expect(resent).toEqual([{ by: 'manager', which: { kind: 'ids', ids: ['d-1'] } }]);
    expect(await violations(page)).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('lets lookers look', async () => {
    const { url } = await started(enough);
    const { page } = await openPage(browser, url, 390);
    await signInOn(page, 'viewer', passwords.viewer);
    await page.goto(`${url}/#/deliveries`);
    await page.locator('[data-delivery]').first().waitFor();
    expect(await page.locator(part('resend')).count()).toBe(0);
    if (process.env['KANMEN_SCREENSHOTS'])
      await page.screenshot({ path: `${process.env['KANMEN_SCREENSHOTS']}/deliveries-phone.png` });
  });
});

describe('every page', () => {
  it('says what is not recorded any more for want of room on the disk', async () => {
    const { url } = await started({ ...enough, freeBytes: 350e6, state: 'low', refused: ['clips', 'pictures'] });
    const { page } = await openPage(browser, url);
    await signInOn(page, 'viewer', passwords.viewer);
    const note = page.locator(part('disk'));
    await note.waitFor();
    expect(await note.innerText()).toBe('存储空间不足。 剩余 350 MB。 已停止记录：视频片段、图片。');
    if (process.env['KANMEN_SCREENSHOTS'])
      await page.screenshot({ path: `${process.env['KANMEN_SCREENSHOTS']}/disk.png` });
  });

  it('says that the disk is full', async () => {
    const { url } = await started({
      ...enough,
      freeBytes: 0,
      state: 'full',
      refused: ['clips', 'pictures', 'passages', 'readings'],
    });
    const { page } = await openPage(browser, url);
    await signInOn(page, 'viewer', passwords.viewer);
    await page.locator(part('disk')).waitFor();
    expect(await page.locator(part('disk')).innerText()).toContain('只保存和送达红色、橙色预警');
  });
});
