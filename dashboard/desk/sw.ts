/**
 * The desk's service worker: shows a notification when a push comes, also when no tab is open, and opens the alert when it
 * is pressed. It keeps nothing and answers no requests: what an officer sees comes from the desk or not at all.
 */
import type { PushMessage } from './types.ts';

/** What is used of a service worker: TypeScript's own types for it and those for pages exclude each other. */
interface PushData {
  json(): unknown;
}
interface Event {
  waitUntil(work: Promise<unknown>): void;
  readonly data: PushData | null;
  readonly notification: Notification;
}
interface Tab {
  readonly url: string;
  focus(): Promise<unknown>;
  postMessage(message: unknown): void;
}
interface Worker {
  readonly registration: ServiceWorkerRegistration;
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: object): Promise<readonly Tab[]>;
    openWindow(url: URL): Promise<unknown>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(name: string, listener: (event: Event) => void): void;
}
const scope = self as unknown as Worker;

const pathOf = (message: PushMessage): string => (message.alertId === null ? '#/' : `#/alerts/${message.alertId}`);

/** Null for what is no JSON, or JSON of another form: a notification without title and tag would be refused. */
function read(data: PushData | null): PushMessage | null {
  try {
    const { kind, alertId, tier, title, at } = data?.json() as Partial<PushMessage>;
    return kind === undefined || title === undefined
      ? null
      : { kind, alertId: alertId ?? null, tier: tier ?? null, title, at: at ?? new Date().toISOString() };
  } catch {
    return null;
  }
}

/** Something came and could not be read: better a word too many than an alert too few. */
const unreadable = (): PushMessage => ({
  ...{ kind: 'alert', alertId: null, tier: null, title: '预警 Alert' },
  at: new Date().toISOString(),
});

scope.addEventListener('install', () => void scope.skipWaiting());
scope.addEventListener('activate', (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener('push', (event) => {
  const message = read(event.data) ?? unreadable();
  const options = {
    // Told again, it replaces itself, and makes itself heard again.
    tag: message.alertId ?? message.kind,
    renotify: true,
    requireInteraction: message.tier === 'red',
    timestamp: Date.parse(message.at),
    vibrate: message.tier === 'red' ? [400, 150, 400, 150, 400] : [200],
    data: pathOf(message),
  };
  event.waitUntil(scope.registration.showNotification(message.title, options));
});
scope.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const path = String(event.notification.data);
  event.waitUntil(
    (async () => {
      const tabs = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
      const [tab] = tabs.filter((each) => each.url.startsWith(scope.registration.scope));
      if (!tab) {
        await scope.clients.openWindow(new URL(path, scope.registration.scope));
        return;
      }
      tab.postMessage({ open: path.slice(1) });
      await tab.focus();
    })(),
  );
});
