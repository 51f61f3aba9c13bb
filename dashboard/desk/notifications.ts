import { ref, watch } from 'vue';
import { language } from '../shared/language.ts';
import { getJson, postJson, send } from '../shared/request.ts';
import { session } from '../shared/session.ts';
import { redWaiting } from './inbox-data.ts';
import type { PushKey } from './types.ts';

/** Which tiers this browser is told of while the desk is closed. */
export type PushTier = 'red' | 'orange' | 'yellow' | 'blue';
/**
 * `unable`: this browser or address cannot (it takes HTTPS); `refused`: the person said no to the browser; `off`, `on`;
 * `no-service`: the browser's push service cannot be reached, which is so in many a closed network.
 */
export type PushState = 'unable' | 'refused' | 'off' | 'on' | 'no-service';

export const pushState = ref<PushState>('off');
export const pushTiers = ref<PushTier[]>(['red', 'orange']);
const tiersKey = 'kanmen.push-tiers';

const able = (): boolean => 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;

/** Registers the service worker and looks how things stand. `open` shows a page that a pressed notification asks for. */
export function startNotifications(open: (path: string) => void): void {
  if (!('serviceWorker' in navigator)) {
    pushState.value = 'unable';
    return;
  }
  navigator.serviceWorker.register('./sw.js').then(lookNow, () => {
    pushState.value = 'unable';
  });
  navigator.serviceWorker.addEventListener('message', (event) => {
    const path = (event.data as { open?: unknown } | null)?.open;
    if (typeof path === 'string' && path.startsWith('/')) open(path);
  });
  // A tab behind other windows says so itself, whether or not the browser's push service can be reached.
  const told = new Set<string>();
  watch(redWaiting, (waiting) => {
    const fresh = waiting.filter(({ id }) => !told.has(id));
    for (const { id } of fresh) told.add(id);
    const [first] = fresh;
    if (!first || !document.hidden || pushState.value === 'on') return;
    if (!('Notification' in window) || Notification.permission !== 'granted') return;
    void navigator.serviceWorker.ready.then((worker) =>
      worker.showNotification(first.title[language.value], { tag: first.id, data: `#/alerts/${first.id}` }),
    );
  });
}

async function subscription(): Promise<PushSubscription | null> {
  return (await navigator.serviceWorker.ready).pushManager.getSubscription();
}

async function lookNow(): Promise<void> {
  if (!able()) pushState.value = 'unable';
  else if (Notification.permission === 'denied') pushState.value = 'refused';
  else pushState.value = (await subscription()) === null ? 'off' : 'on';
  const kept = localStorage.getItem(tiersKey);
  if (kept !== null) pushTiers.value = kept.split(',') as PushTier[];
}

const bytesOf = (base64url: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64url.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));

/** Asks the browser, and has the desk push to it. Throws RequestError; what the browser says goes into `pushState`. */
export async function switchPushOn(): Promise<void> {
  if (!able()) return;
  if ((await Notification.requestPermission()) !== 'granted') {
    pushState.value = 'refused';
    return;
  }
  const { publicKey } = await getJson<PushKey>('api/push');
  const { pushManager } = await navigator.serviceWorker.ready;
  let made: PushSubscription;
  try {
    made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(publicKey) });
  } catch {
    pushState.value = 'no-service';
    return;
  }
  await tellDesk(made);
  pushState.value = 'on';
}

async function tellDesk(made: PushSubscription): Promise<void> {
  const { endpoint, keys, expirationTime } = made.toJSON();
  localStorage.setItem(tiersKey, pushTiers.value.join());
  await send('POST', 'api/push/subscribe', {
    endpoint,
    keys: { p256dh: keys?.['p256dh'], auth: keys?.['auth'] },
    expirationTime: expirationTime ?? null,
    tiers: pushTiers.value,
    language: language.value,
  });
}

/** After a change of the tiers or of the language. */
export async function refreshPush(): Promise<void> {
  const made = pushState.value === 'on' ? await subscription() : null;
  if (made && session.state === 'in') await tellDesk(made);
}

export async function switchPushOff(): Promise<void> {
  const made = await subscription();
  if (made) {
    await send('POST', 'api/push/unsubscribe', { endpoint: made.endpoint });
    await made.unsubscribe();
  }
  pushState.value = 'off';
}

/** How many of this person's browsers were reached. */
export const tryPush = (): Promise<{ sent: number; failed: number }> => postJson('api/push/test', {});
