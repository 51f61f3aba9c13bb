/** Pictures of the desk with 0, 1, 12 and 300 open alerts, for a person to look at: `KANMEN_SHOTS=DIR`. */
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { password } from '../test/desk/fixture.ts';
import { manyAlerts, startDeskWithPage } from './test-alerts.ts';
import { ensureBuilt, launchBrowser, openPage, part, signInOn } from './test-browser.ts';

const shots = process.env['KANMEN_SHOTS'];
const screens = [
  { name: 'wall', width: 1920, height: 1080, path: '/wall', calm: `${part('wall-page')}[data-loaded=true]` },
  { name: 'desk', width: 1366, height: 860, path: '/', calm: part('summary') },
  { name: 'phone', width: 390, height: 844, path: '/', calm: part('summary') },
] as const;

describe('the desk fits every screen, whatever is open', () => {
  let browser: Browser;
  beforeAll(async () => {
    ensureBuilt();
    browser = await launchBrowser();
  }, 240_000);
  afterAll(() => browser.close());

  // Without a folder for pictures the two ends are looked at: nothing, and more than anybody can read.
  for (const count of shots === undefined ? [0, 300] : [0, 1, 12, 300]) {
    it(`with ${count} open alerts, in both languages, light and dark`, { timeout: 300_000 }, async () => {
      const { desk, gateway } = await startDeskWithPage();
      await desk.addUser('liu', 'duty');
      const reds = count > 12 ? 12 : count;
      for (const event of manyAlerts(count, Date.now() - count * 1000 - 30_000, 'east', reds))
        await gateway.send(event);
      const { page, faults } = await openPage(browser, desk.url);
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await signInOn(page, 'liu', password);
      await page.waitForSelector(part('summary'));
      for (const language of ['zh', 'en'] as const) {
        await page.evaluate((next) => localStorage.setItem('kanmen.language', next), language);
        for (const look of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme: look });
          for (const screen of screens) {
            await page.setViewportSize(screen);
            await page.goto(`${desk.url}/#${screen.path}`);
            await page.reload();
            await page.waitForSelector(screen.calm);
            const spill = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
            expect(spill, `${screen.name} ${language} ${count}`).toBeLessThanOrEqual(0);
            if (screen.name === 'wall') {
              const over = await page.evaluate(() => document.documentElement.scrollHeight - window.innerHeight);
              expect(over, `the wall scrolls: ${language} ${count}`).toBeLessThanOrEqual(0);
            }
            if (shots !== undefined) {
              await page.screenshot({ path: join(shots, `${count}-${screen.name}-${language}-${look}.png`) });
            }
          }
        }
      }
      expect(faults).toEqual([]);
    });
  }
});
