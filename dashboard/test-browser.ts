/** For the browser tests: the built pages and a Chromium that tells everything that went wrong in it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

const here = import.meta.dirname;
export const builtDir = resolve(here, '../dist/dashboard');

const newestIn = (folder: string): number =>
  Math.max(
    ...readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|vue|css|html|svg)$/.test(name) && !name.endsWith('.test.ts'))
      .map((name) => statSync(join(folder, name)).mtimeMs),
  );

/** Builds both pages, as `npm run build:dashboard` does, unless what stands in dist/ is newer than every source. */
export function ensureBuilt(): void {
  const pages = ['gateway', 'desk'].map((name) => join(builtDir, name, 'index.html'));
  const built = pages.every(existsSync) ? Math.min(...pages.map((path) => statSync(path).mtimeMs)) : 0;
  if (built > newestIn(here)) return;
  // In a process of its own: vitest's NODE_ENV would make it Vue's development build.
  execFileSync('node_modules/.bin/vite', ['build', '--config', 'dashboard/vite.config.ts', '--logLevel', 'warn'], {
    cwd: resolve(here, '..'),
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: 'inherit',
  });
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

export interface Opened {
  readonly page: Page;
  /** What a person must never see: script errors, refused styles, requests to elsewhere. */
  readonly faults: string[];
}

/** A fresh browser profile on `url`; closed with the test. */
export async function openPage(browser: Browser, url: string, width = 1280): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width, height: 900 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`script: ${error.message}`));
  page.on('console', (message) => {
    // A refused login or a gateway that is down is a failed request, not a fault of the page.
    const harmless = message.text().startsWith('Failed to load resource');
    if (['error', 'warning'].includes(message.type()) && !harmless) faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const target = new URL(request.url());
    if (target.origin !== new URL(url).origin && !['blob:', 'data:'].includes(target.protocol)) {
      faults.push(`request to elsewhere: ${request.url()}`);
    }
  });
  await page.goto(`${url}/`);
  return { page, faults };
}

/** Signs in over the page's own form. */
export async function signInOn(page: Page, name: string, word: string): Promise<void> {
  await page.fill('input[name=name]', name);
  await page.fill('input[name=password]', word);
  await page.click('[data-test=login]');
}

export const part = (name: string): string => `[data-test="${name}"]`;

// The smallest JPEG that a browser shows: 1 × 1 px.
export const jpeg = Buffer.from(
  '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=',
  'base64',
);

const axe = readFileSync(resolve(here, '../node_modules/axe-core/axe.min.js'), 'utf8');

/** What axe-core calls serious or critical on the page as it stands: `rule: first element`. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found = (await page.evaluate('axe.run()')) as {
    violations: { id: string; impact: string; nodes: { target: string[]; failureSummary: string }[] }[];
  };
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')} ${failureSummary}`),
    );
}
