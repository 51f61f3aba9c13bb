import { computed, reactive, watch } from 'vue';
import { byUrgency, ended, needsAnswer } from '../shared/alert-steps.ts';
import { followLive, type LiveState } from '../shared/live.ts';
import { getJson } from '../shared/request.ts';
import { session } from '../shared/session.ts';
import { createSnapshots } from '../shared/snapshots.ts';
import { serverNow } from '../shared/time.ts';
import type { List } from '../shared/types.ts';
import { asSeenHere } from './as-seen-here.ts';
import type { DeskAlert, DeskGateway } from './types.ts';

/** What the desk's pages show live. */
export const inbox = reactive({
  live: 'connecting' as LiveState,
  trueAt: null as number | null,
  loaded: false,
  /** Open ones, by id. */
  alerts: new Map<string, DeskAlert>(),
  gateways: new Map<string, DeskGateway>(),
  /** Rises with each change, so that an open page reads itself anew. Empty id: anything may have changed. */
  news: { id: '', number: 0 },
});

export const openAlerts = computed(() => [...inbox.alerts.values()].sort(byUrgency));
export const waitingAlerts = computed(() => openAlerts.value.filter(needsAnswer));
/** Red ones that nobody has taken on: what the alarm sounds for. */
export const redWaiting = computed(() => waitingAlerts.value.filter((alert) => alert.tier === 'red'));
export const gateways = computed(() =>
  [...inbox.gateways.values()].sort((a, b) => a.name.localeCompare(b.name, 'zh-CN')),
);

function keepAlert(alert: DeskAlert): void {
  if (ended(alert.state)) inbox.alerts.delete(alert.id);
  else inbox.alerts.set(alert.id, asSeenHere(alert));
}

function apply(name: string, value: unknown): void {
  if (name === 'alert') {
    const alert = value as DeskAlert;
    keepAlert(alert);
    inbox.news = { id: alert.id, number: inbox.news.number + 1 };
  } else if (name === 'gateway') {
    const gateway = value as DeskGateway;
    inbox.gateways.set(gateway.id, gateway);
  }
}

async function readAll(): Promise<() => void> {
  const [alerts, known] = await Promise.all([
    getJson<List<DeskAlert>>('api/alerts?state=open&limit=200'),
    getJson<List<DeskGateway>>('api/gateways'),
  ]);
  return () => {
    inbox.alerts = new Map(alerts.items.map((alert) => [alert.id, asSeenHere(alert)]));
    inbox.gateways = new Map(known.items.map((gateway) => [gateway.id, gateway]));
    inbox.loaded = true;
    inbox.news = { id: '', number: inbox.news.number + 1 };
  };
}
const snapshots = createSnapshots(readAll, apply);

/** How often gateways' “last heard” is asked for; that one went silent is pushed. */
const gatewaysMs = 20_000;

/** Follows the desk while somebody is signed in. Call it once. */
export function startInboxData(): void {
  let stop: (() => void) | null = null;
  let polling: ReturnType<typeof setInterval> | null = null;
  watch(
    () => session.state,
    (state) => {
      stop?.();
      stop = null;
      if (polling !== null) clearInterval(polling);
      polling = null;
      inbox.loaded = false;
      inbox.alerts = new Map();
      if (state !== 'in') return;
      stop = followLive(
        (name, value) => {
          inbox.trueAt = serverNow();
          if (name === 'hello' || name === 'gap') snapshots.readAnew();
          else snapshots.event(name, value);
        },
        (live) => {
          if (inbox.live === 'live' && live === 'broken') inbox.trueAt = serverNow();
          inbox.live = live;
        },
      );
      polling = setInterval(() => {
        getJson<List<DeskGateway>>('api/gateways')
          .then((known) => {
            inbox.gateways = new Map(known.items.map((gateway) => [gateway.id, gateway]));
          })
          // The live feed notices a broken connection and says so.
          .catch(() => undefined);
      }, gatewaysMs);
    },
    { immediate: true },
  );
}
