/** What opening one alert shows, and time running down on it, in a real browser. */
import { createHash } from 'node:crypto';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { v7 } from 'uuid';
import type { NoticeData } from '../gateway/domain/notice.ts';
import { noticeEvent, password } from '../test/desk/fixture.ts';
import { startDeskWithPage } from './test-alerts.ts';
import { ensureBuilt, jpeg, launchBrowser, openPage, part, signInOn } from './test-browser.ts';

const pieceOf = (id: string, kind: 'picture' | 'clip', bytes: Buffer): NoticeData['evidence'][number] => ({
  ...{ id, kind, mediaType: kind === 'picture' ? 'image/jpeg' : 'video/mp4', url: '' },
  ...{ capturedAt: new Date().toISOString(), camera: '东门进口', inline: bytes.toString('base64') },
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

describe('one alert, opened', () => {
  let browser: Browser;
  beforeAll(async () => {
    ensureBuilt();
    browser = await launchBrowser();
  }, 240_000);
  afterAll(() => browser.close());

  it(
    'shows what happened, where, picture and clip, facts and rule, what was there lately, who was told, and its life',
    { timeout: 120_000 },
    async () => {
      const { desk, gateway } = await startDeskWithPage();
      await desk.addUser('liu', 'duty');
      const [earlier, alertId] = [v7(), v7()];
      const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);
      await gateway.send(
        noticeEvent('closed', {
          ...{ alertId: earlier, version: 1, at: minutesAgo(600), state: 'closed', deadline: null, tier: 'yellow' },
          title: { zh: '电量低', en: 'Battery low' },
        }),
      );
      const at = minutesAgo(2);
      const told: Partial<NoticeData> = {
        ...{
          count: 3,
          facts: { smokeDbm: 0.21, temperatureC: 61 },
          rule: { id: 'fire-smoke', version: '0123456789ab' },
        },
        deadline: new Date(Date.now() + 95_000).toISOString(),
        message: { zh: '烟雾浓度 0.21 dB/m，超过报警线', en: 'Smoke at 0.21 dB/m, over the alarm line' },
        evidence: [pieceOf('p-1', 'picture', jpeg), pieceOf('c-1', 'clip', Buffer.from('no film, but bytes'))],
        why: {
          conditions: [{ expression: 'event.smokeDbm >= 0.15', values: [['event.smokeDbm', 0.21]] }],
          time: { kind: 'for', askedS: 10, heldS: 12, since: at.toISOString() },
          ...{ tier: { tier: 'red', condition: null, passedOver: 0 }, lateByS: null },
        },
        receipts: [
          { name: '城东派出所', role: 'station', channel: 'desk', state: 'delivered', at: at.toISOString() },
          { name: '物业值班室', role: 'community', channel: 'wecom', state: 'pending', at: null },
        ],
      };
      await gateway.send(noticeEvent('raised', { ...told, alertId, version: 1, at }));
      const news = { kind: 'escalated' as const, by: 'kanmen', at: minutesAgo(1).toISOString(), text: '' };
      await gateway.send(
        noticeEvent('escalated', { ...told, alertId, version: 2, at: minutesAgo(1), escalation: 1, news }),
      );
      const { page, faults } = await openPage(browser, desk.url);
      await page.clock.install();
      await signInOn(page, 'liu', password);
      await page.click(part('alert'));
      const head = await page.textContent(part('alert-head'));
      for (const words of ['红色', '烟感报警', '烟雾浓度 0.21 dB/m，超过报警线', '测试小区 · 3号楼充电棚'])
        expect(head).toContain(words);
      // Where: among the compound's areas, the one that it is in.
      expect(await page.textContent(part('plan-here'))).toContain('3号楼充电棚');
      await page.waitForFunction(() => {
        const picture = document.querySelector<HTMLImageElement>('main img');
        return picture !== null && picture.naturalWidth > 0;
      });
      expect(await page.getAttribute(part('clip'), 'src')).toContain(`api/alerts/${alertId}/evidence/1`);
      const facts = await page.textContent(part('facts'));
      for (const words of ['0.21', '61', 'fire-smoke', 'event.smokeDbm >= 0.15', '12 秒', '10 秒'])
        expect(facts).toContain(words);
      expect(await page.textContent(part('around'))).toContain('电量低');
      expect((await page.locator(part('receipt')).allTextContents()).map((text) => text.trim().split(' ')[0])).toEqual([
        expect.stringContaining('已送达'),
        expect.stringContaining('还没送到'),
      ]);
      const life = await page.textContent(part('life'));
      expect(life).toMatch(/发出预警.*升级/s);

      // Time runs: the deadline down, then over; the age up.
      const left = (): Promise<string | null> => page.textContent(`${part('alert-head')} ${part('deadline')}`);
      expect(await left()).toMatch(/还剩 1 分钟/);
      await page.clock.fastForward(50_000);
      await expect.poll(left).toMatch(/还剩 \d+ 秒/);
      await page.clock.fastForward(120_000);
      await expect.poll(left).toMatch(/已超时 1 分钟/);
      expect(faults).toEqual([]);
    },
  );
});
