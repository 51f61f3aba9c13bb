import { computed, reactive } from 'vue';
import { byUrgency, ended, needsAnswer } from '../shared/alert-steps.ts';
import { followServer } from '../shared/follow-server.ts';
import { everyPage } from '../shared/pages.ts';
import { getJson } from '../shared/request.ts';
import type { List } from '../shared/types.ts';
import { asSeenHere } from './as-seen-here.ts';
import type { DeskAlert, DeskGateway, Officer } from './types.ts';

/** What the desk's pages show live. */
export const inbox = reactive({
  loaded: false,
  /** Open ones, by id. */
  alerts: new Map<string, DeskAlert>(),
  gateways: new Map<string, DeskGateway>(),
  /** Whom a matter can be handed to. */
  officers: [] as Officer[],
  /** Rises with each change, so that an open page reads itself anew. Empty id: anything may have changed. */
  news: { id: '', number: 0 },
  /** Rises when a shift was handed over or the duty list has changed. */
  shiftNews: 0,
});

export const openAlerts = computed(() => [...inbox.alerts.values()].sort(byUrgency));
export const waitingAlerts = computed(() => openAlerts.value.filter(needsAnswer));
/** Red ones that nobody has taken on: what the alarm sounds for. */
export const redWaiting = computed(() => waitingAlerts.value.filter((alert) => alert.tier === 'red'));
export const gateways = computed(() =>
  [...inbox.gateways.values()].sort((a, b) => a.name.localeCompare(b.name, 'zh-CN')),
);
/** Those that somebody should look after; one that has never come is nothing that is well. */
export const troubledGateways = computed(() =>
  gateways.value.filter(({ faults, state }) => faults.length > 0 || state === 'never'),
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
  } else if (name === 'shift') {
    inbox.shiftNews += 1;
  }
}

export async function readGateways(): Promise<void> {
  const known = await getJson<List<DeskGateway>>('api/gateways');
  inbox.gateways = new Map(known.items.map((gateway) => [gateway.id, gateway]));
}

async function readAll(): Promise<() => void> {
  const [alerts, known, officers] = await Promise.all([
    everyPage<DeskAlert>('api/alerts?state=open'),
    getJson<List<DeskGateway>>('api/gateways'),
    getJson<List<Officer>>('api/officers'),
  ]);
  return () => {
    inbox.alerts = new Map(alerts.map((alert) => [alert.id, asSeenHere(alert)]));
    inbox.gateways = new Map(known.items.map((gateway) => [gateway.id, gateway]));
    inbox.officers = officers.items;
    inbox.loaded = true;
    inbox.news = { id: '', number: inbox.news.number + 1 };
    inbox.shiftNews += 1;
  };
}

/** Follows the desk while somebody is signed in. Call it once. */
export function startInboxData(): void {
  followServer({
    read: readAll,
    apply,
    forget: () => {
      inbox.loaded = false;
      inbox.alerts = new Map();
    },
    // The live feed notices a broken connection and says so.
    poll: () => void readGateways().catch(() => undefined),
    // How often “last heard” is asked for; that a gateway went silent is pushed.
    everyMs: 20_000,
  });
}
