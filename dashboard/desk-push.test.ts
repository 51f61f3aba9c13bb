/**
 * A red alert reaches a browser in which no tab of the desk is open. What a vendor's push service does in between, the test
 * does: headless Chromium cannot be reached by one without the Internet. The desk seals a push to a browser's keys and posts
 * it; the test, standing where the push service stands, opens it with those keys and hands it to Chromium's own service
 * worker through the developer protocol (`ServiceWorker.deliverPushMessage`), as Chromium itself would.
 */
import { createECDH, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { v7 } from 'uuid';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { noticeEvent, password } from '../test/desk/fixture.ts';
import { startDeskWithPage } from './test-alerts.ts';
import { ensureBuilt, launchBrowser, openPage, part, signInOn } from './test-browser.ts';

const ece = createRequire(import.meta.url)('http_ece') as {
  decrypt(body: Buffer, options: { version: 'aes128gcm'; privateKey: unknown; authSecret: string }): Buffer;
};

let browser: Browser;
beforeAll(async () => {
  ensureBuilt();
  browser = await launchBrowser();
}, 240_000);
afterAll(() => browser.close());

/** Stands where a vendor's push service stands: takes what is posted and opens it with the browser's keys. */
async function startPushService() {
  const keys = createECDH('prime256v1');
  const auth = randomBytes(16).toString('base64url');
  const subscription = { p256dh: keys.generateKeys().toString('base64url'), auth };
  const opened: string[] = [];
  const server = createServer((request, reply) => {
    const parts: Buffer[] = [];
    request.on('data', (chunk: Buffer) => parts.push(chunk));
    request.on('end', () => {
      const text = ece.decrypt(Buffer.concat(parts), { version: 'aes128gcm', privateKey: keys, authSecret: auth });
      opened.push(text.toString('utf8'));
      reply.writeHead(201).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/push/1`, keys: subscription, opened };
}

it('a red alert reaches a closed tab, names nobody, and opens where it belongs', { timeout: 120_000 }, async () => {
  const service = await startPushService();
  const { desk, gateway } = await startDeskWithPage(['east'], { push: { services: ['127.0.0.1'] } });
  const officer = await desk.addUser('liu', 'duty');
  const { page } = await openPage(browser, desk.url);
  const context = page.context();
  await context.grantPermissions(['notifications'], { origin: desk.url });
  await signInOn(page, 'liu', password);
  await page.waitForSelector(part('summary'));
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  const { status } = await officer.post('/api/push/subscribe', { endpoint: service.endpoint, keys: service.keys });
  expect(status).toBe(204);

  // Another page of the same profile, and no tab of the desk.
  const elsewhere = await context.newPage();
  const protocol = await context.newCDPSession(elsewhere);
  const registered = new Promise<string>((resolve) => {
    protocol.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const found = registrations.find(({ scopeURL }) => scopeURL === `${desk.url}/`);
      if (found) resolve(found.registrationId);
    });
  });
  await protocol.send('ServiceWorker.enable');
  const registrationId = await registered;
  await page.close();

  const alertId = v7();
  await gateway.send(noticeEvent('raised', { alertId, version: 1 }));
  await expect.poll(() => service.opened.length, { timeout: 20_000 }).toBe(1);
  const [message] = service.opened as [string];
  expect(JSON.parse(message)).toMatchObject({ kind: 'alert', alertId, tier: 'red', title: '红色预警' });
  expect(message).not.toMatch(/3号楼|测试小区/);
  const worker = () => context.serviceWorkers().find((each) => each.url() === `${desk.url}/sw.js`);
  await expect.poll(worker, { timeout: 20_000 }).toBeDefined();
  // Chromium forgets a notification that is asked for between being noted and being on the screen, so nobody looks before.
  await worker()?.evaluate(() => {
    const seen = globalThis as unknown as { registration: ServiceWorkerRegistration; onScreen: number };
    const { registration } = seen;
    const show = registration.showNotification.bind(registration);
    seen.onScreen = 0;
    registration.showNotification = async (...told) => {
      await show(...told);
      seen.onScreen += 1;
    };
  });
  const onScreen = () => worker()?.evaluate(() => (globalThis as unknown as { onScreen: number }).onScreen);
  const push = async (data: string) => {
    const before = (await onScreen()) ?? NaN;
    await protocol.send('ServiceWorker.deliverPushMessage', { origin: desk.url, registrationId, data });
    await expect.poll(onScreen, { timeout: 20_000 }).toBe(before + 1);
  };
  const shown = async (): Promise<unknown> =>
    worker()?.evaluate(async () => {
      const { registration } = globalThis as unknown as { registration: ServiceWorkerRegistration };
      return (await registration.getNotifications()).map((each) => ({
        ...{ title: each.title, tag: each.tag, data: each.data as unknown },
        // TypeScript's own type of it has no timestamp.
        ...{ at: (each as Notification & { timestamp: number }).timestamp, stays: each.requireInteraction },
      }));
    });

  // Each is waited for before the next is pushed: Chromium may pass over one of two that come at once.
  await push(message);
  const told = { title: '红色预警', tag: alertId, data: `#/alerts/${alertId}`, stays: true };
  const { at } = JSON.parse(message) as { at: string };
  await expect.poll(shown, { timeout: 20_000 }).toEqual([{ ...told, at: Date.parse(at) }]);

  // Told once more it replaces itself.
  const later = Date.parse(at) + 60_000;
  await push(JSON.stringify({ ...(JSON.parse(message) as object), at: new Date(later).toISOString() }));
  await expect.poll(shown, { timeout: 20_000 }).toEqual([{ ...told, at: later }]);

  // What cannot be read is shown all the same, whether it is no JSON or not what this worker knows.
  const unread = { title: '预警 Alert', tag: 'alert', data: '#/', at: expect.any(Number) as number, stays: false };
  const both = expect.arrayContaining([{ ...told, at: later }, unread]) as unknown;
  await push('no JSON');
  await expect.poll(shown, { timeout: 20_000 }).toEqual(both);
  const unreadAt = async () =>
    ((await shown()) as (typeof told & { at: number })[]).find(({ tag }) => tag === 'alert')?.at;
  const firstAt = (await unreadAt()) ?? NaN;
  await push('null');
  await expect.poll(unreadAt, { timeout: 20_000 }).toBeGreaterThan(firstAt);

  // The page that is opened shows that alert.
  await elsewhere.goto(`${desk.url}/#/alerts/${alertId}`);
  await elsewhere.waitForSelector(part('answer-acknowledge'));
});
