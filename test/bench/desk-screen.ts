/** An officer's screen, for the benchmarks of the desk: a real Chromium on the inbox that writes down when each alert is painted. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { projectRoot } from '../support/kanmen-process.ts';

export interface DeskScreen {
  /** When (epoch ms) the frame with each alert's row was drawn, by the alert's id. */
  shown(): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

/** Runs in the page. It has no types of a browser: the gateway's program knows none. */
const watching = `
  window.kanmenShown = {};
  const note = (row) => requestAnimationFrame(() => setTimeout(() => { window.kanmenShown[row.dataset.id] ??= Date.now(); }));
  const look = (node) => {
    if (node.nodeType !== 1) return;
    if (node.matches('[data-test=alert]')) note(node);
    for (const row of node.querySelectorAll('[data-test=alert]')) note(row);
  };
  new MutationObserver((changes) => { for (const { addedNodes } of changes) addedNodes.forEach(look); })
    .observe(document.body, { childList: true, subtree: true });
`;

/** Opens the inbox as that officer, with every group at full length. A time is taken after the frame that holds the row. */
export async function openDeskScreen(url: string, name: string, password: string): Promise<DeskScreen> {
  if (!existsSync(join(projectRoot, 'dist/dashboard/desk/index.html')))
    throw new Error('dist/dashboard is missing: run npm run build:dashboard, then this again');
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(`${url}/`);
    await page.fill('input[name=name]', name);
    await page.fill('input[name=password]', password);
    await page.click('[data-test=login]');
    await page.waitForSelector('[data-test=summary]');
    const more = page.locator('.group > button');
    while ((await more.count()) > 0) await more.first().click();
    await page.evaluate(watching);
    return {
      shown: async () => new Map(Object.entries(await page.evaluate<Record<string, number>>('window.kanmenShown'))),
      close: () => browser.close(),
    };
  } catch (error) {
    await browser.close();
    throw error;
  }
}
