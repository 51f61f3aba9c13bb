import { computed, reactive } from 'vue';
import { byUrgency, ended, needsAnswer } from '../shared/alert-steps.ts';
import { followServer } from '../shared/follow-server.ts';
import { everyPage } from '../shared/pages.ts';
import { getJson } from '../shared/request.ts';
import type { Alert, Camera, Device, List, Passage, Session, Status } from '../shared/types.ts';

/** Passages and ended sessions that the overview keeps in mind. */
const kept = 30;
/** “Look again” may come many times a second; looking once in so long is enough for people. */
const lookAgainMs = 2000;
/** Health is not pushed: it is asked for. */
const statusMs = 10_000;

/** What the gateway's pages show live. `loaded` is false until the first reading has come. */
export const data = reactive({
  loaded: false,
  /** Open ones, by id. */
  alerts: new Map<string, Alert>(),
  /** Newest first. */
  passages: [] as Passage[],
  /** By id: running ones, and the last that ended. */
  sessions: new Map<string, Session>(),
  devices: [] as Device[],
  cameras: [] as Camera[],
  status: null as Status | null,
  /** Rises with each change of an alert or delivery, so that an open alert page reads itself anew. */
  alertNews: { id: '', number: 0 },
});

export const openAlerts = computed(() => [...data.alerts.values()].sort(byUrgency));
export const waitingAlerts = computed(() => openAlerts.value.filter(needsAnswer));
export const runningSessions = computed(() =>
  [...data.sessions.values()]
    .filter((each) => each.endedAt === null)
    .sort((a, b) => (b.maxPortC ?? 0) - (a.maxPortC ?? 0) || Date.parse(a.startedAt) - Date.parse(b.startedAt)),
);
export const endedSessions = computed(() =>
  [...data.sessions.values()]
    .filter((each) => each.endedAt !== null)
    .sort((a, b) => Date.parse(b.endedAt ?? '') - Date.parse(a.endedAt ?? ''))
    .slice(0, kept),
);

function keepAlert(alert: Alert): void {
  const known = data.alerts.get(alert.id);
  // A reading that began before an event may come after it.
  if (known && known.version > alert.version) return;
  if (ended(alert.state)) data.alerts.delete(alert.id);
  else data.alerts.set(alert.id, alert);
}

function keepPassage(passage: Passage): void {
  if (data.passages.some((known) => known.id === passage.id)) return;
  data.passages = [passage, ...data.passages].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, kept);
}

function keepSession(value: Session): void {
  const known = data.sessions.get(value.id);
  if (known && Date.parse(known.lastAt) > Date.parse(value.lastAt)) return;
  data.sessions.set(value.id, value);
  const old =
    endedSessions.value.length >= kept ? [...data.sessions.values()].filter((each) => each.endedAt !== null) : [];
  for (const each of old) if (!endedSessions.value.includes(each)) data.sessions.delete(each.id);
}

function apply(name: string, value: unknown): void {
  switch (name) {
    case 'alert': {
      const alert = value as Alert;
      keepAlert(alert);
      data.alertNews = { id: alert.id, number: data.alertNews.number + 1 };
      break;
    }
    case 'passage':
      keepPassage(value as Passage);
      break;
    case 'session':
      keepSession(value as Session);
      break;
    case 'camera': {
      const camera = value as Camera;
      data.cameras = data.cameras.map((known) => (known.id === camera.id ? camera : known));
      break;
    }
    case 'devices':
      lookAgain('devices');
      break;
    case 'deliveries':
      data.alertNews = { id: '', number: data.alertNews.number + 1 };
      lookAgain('status');
      break;
  }
}

const readers = {
  devices: async () => {
    data.devices = (await getJson<List<Device>>('api/devices')).items;
  },
  cameras: async () => {
    data.cameras = (await getJson<List<Camera>>('api/cameras')).items;
  },
  status: async () => {
    data.status = await getJson<Status>('api/status');
  },
};
const looking = new Map<keyof typeof readers, ReturnType<typeof setTimeout>>();
function lookAgain(what: keyof typeof readers): void {
  if (looking.has(what)) return;
  const timer = setTimeout(() => {
    looking.delete(what);
    // If it fails the connection has broken, and everything is read anew once it is back.
    readers[what]().catch(() => undefined);
  }, lookAgainMs);
  looking.set(what, timer);
}

async function readAll(): Promise<() => void> {
  const [alerts, passages, running, past] = await Promise.all([
    everyPage<Alert>('api/alerts?state=open'),
    getJson<List<Passage>>(`api/passages?limit=${kept}`),
    everyPage<Session>('api/sessions?state=running'),
    getJson<List<Session>>(`api/sessions?state=ended&limit=${kept}`),
    readers.devices(),
    readers.cameras(),
    readers.status(),
  ]);
  return () => {
    data.alerts = new Map(alerts.map((alert) => [alert.id, alert]));
    data.passages = passages.items;
    data.sessions = new Map([...past.items, ...running].map((each) => [each.id, each]));
    data.loaded = true;
    data.alertNews = { id: '', number: data.alertNews.number + 1 };
  };
}

/** Follows the gateway while somebody is signed in. Call it once. */
export function startLiveData(): void {
  followServer({
    read: readAll,
    apply,
    forget: () => {
      data.loaded = false;
    },
    poll: () => {
      readers.status().catch(() => undefined);
      readers.cameras().catch(() => undefined);
    },
    everyMs: statusMs,
  });
}
