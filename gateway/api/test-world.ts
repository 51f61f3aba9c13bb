/**
 * A gateway's collaborators in memory, for tests of the API and the dashboard: what is committed can be read, what is
 * answered moves the alert on, as far as those tests look.
 */
import { Readable } from 'node:stream';
import type { Alert, AlertTransition, Delivery, Feedback, FeedbackKind, AlertState, Notice } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { Device, DeviceStatus } from '../domain/device.ts';
import type { ChargingSession, PassageEvent } from '../domain/event.ts';
import type { AlertId, AreaId, GridId, RecipientId, SiteId } from '../domain/ids.ts';
import type { Area, Grid, Places } from '../domain/place.ts';
import type { Role, User, WebSession } from '../domain/user.ts';
import { systemClock, type Clock, type EpochMs } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import { silentLogger } from '../lib/logger.ts';
import { systemRandom } from '../lib/random.ts';
import type {
  ApiCollaborators,
  ApiReads,
  CameraReport,
  Cursor,
  HealthReport,
  QuarantinedMessage,
  Verification,
} from './collaborators.ts';
import { createLiveFeed } from './live-feed.ts';
import { createVideoFeed } from './video-feed.ts';
import { apiOptions } from './options.ts';

export const passwords: Readonly<Record<Role, string>> = {
  admin: 'admin-word',
  manager: 'manager-word',
  viewer: 'viewer-word',
};
export const controlToken = 'c'.repeat(43);

const site = { id: 'garden' as SiteId, name: '花园小区' };
const grids: readonly Grid[] = [{ id: 'g1' as GridId, name: '第一网格', people: ['王芳'] }];
const areas: readonly Area[] = [
  { id: 'shed-1' as AreaId, name: '1号车棚', grid: 'g1' as GridId },
  { id: 'gate-east' as AreaId, name: '东门', grid: null },
];
export const places: Places = {
  site,
  area: (id) => areas.find((area) => area.id === id) ?? null,
  grid: (id) => grids.find((grid) => grid.id === id) ?? null,
};
export const recipients: readonly Recipient[] = [
  { id: 'station' as RecipientId, name: '城东派出所', role: 'station', grid: null, channel: 'station-desk' },
  { id: 'property' as RecipientId, name: '物业值班室', role: 'community', grid: null, channel: 'property-hook' },
];

/** Rows strictly after the cursor, newest first. */
function page<Row>(
  rows: readonly Row[],
  query: { readonly before: Cursor | null; readonly limit: number },
  cursorOf: (row: Row) => Cursor,
): readonly Row[] {
  const after = (a: Cursor, b: Cursor): number => b.at - a.at || (a.id < b.id ? 1 : -1);
  const { before } = query;
  return rows
    .filter((row) => before === null || after(cursorOf(row), before) > 0)
    .sort((a, b) => after(cursorOf(a), cursorOf(b)))
    .slice(0, query.limit);
}

const nextState: Readonly<Record<FeedbackKind, AlertState>> = {
  acknowledged: 'acknowledged',
  progress: 'in-progress',
  outcome: 'resolved',
  transferred: 'transferred',
  revisit: 'closed',
};

export interface TestWorld {
  readonly given: ApiCollaborators;
  /** Everything committed, in order. */
  readonly changes: readonly Change[];
  /** Stores and publishes, as app.ts does. */
  commit(changes: readonly Change[]): Promise<void>;
  addQuarantined(message: QuarantinedMessage): void;
  cameras: CameraReport[];
  health: HealthReport;
  /** What evidence is there, blurred and not. */
  readonly pictures: Map<string, { readonly blurred: Uint8Array; readonly plain: Uint8Array }>;
  readonly clips: Map<string, Uint8Array>;
}

export function createTestWorld(overrides: Partial<ApiCollaborators> & { readonly clock?: Clock } = {}): TestWorld {
  const clock = overrides.clock ?? systemClock;
  const random = overrides.random ?? systemRandom;
  const changes: Change[] = [];
  const passages: PassageEvent[] = [];
  const sessions = new Map<string, ChargingSession>();
  const alerts = new Map<string, Alert>();
  const transitions: { readonly alertId: AlertId; readonly transition: AlertTransition }[] = [];
  const feedback: (Feedback & { readonly receivedAt: EpochMs })[] = [];
  const notices: Notice[] = [];
  const deliveries = new Map<string, Delivery>();
  const devices = new Map<string, Device>();
  const statuses = new Map<string, DeviceStatus>();
  const webSessions = new Map<string, WebSession>();
  const quarantine: QuarantinedMessage[] = [];
  const users = new Map<string, User>(
    (['admin', 'manager', 'viewer'] as const).map((role) => [
      role,
      { name: role, role, passwordHash: '', createdAt: clock.now() },
    ]),
  );
  const live = createLiveFeed();

  const apply = (change: Change): void => {
    switch (change.kind) {
      case 'event-recorded':
        if (change.event.kind === 'passage') passages.push(change.event);
        break;
      case 'session-saved':
        sessions.set(change.session.id, change.session);
        break;
      case 'alert-saved':
        alerts.set(change.alert.id, change.alert);
        break;
      case 'alert-transition':
        transitions.push(change);
        break;
      case 'feedback-recorded':
        feedback.push({ ...change.feedback, receivedAt: change.receivedAt });
        break;
      case 'notice-created':
        notices.push(change.notice);
        break;
      case 'delivery-created':
        deliveries.set(change.delivery.id, change.delivery);
        break;
      case 'delivery-tried': {
        const old = deliveries.get(change.id);
        if (!old) break;
        const delivered = change.state === 'delivered';
        deliveries.set(change.id, {
          ...old,
          state: change.state,
          attempts: change.attempts,
          nextAttemptAt: change.nextAttemptAt,
          deliveredAt: delivered ? change.at : null,
          lastError: delivered ? null : change.result,
        });
        break;
      }
      case 'device-saved':
        devices.set(change.device.key, change.device);
        break;
      case 'device-heard':
        statuses.set(change.device, {
          key: change.device,
          state: change.state,
          lastHeardAt: change.at,
          lastFault: change.fault,
          lastFaultAt: change.fault === null ? null : change.at,
        });
        break;
      case 'web-session-saved':
        webSessions.set(change.session.tokenSha256, change.session);
        break;
      case 'web-session-removed':
        webSessions.delete(change.tokenSha256);
        break;
      case 'user-removed':
        users.delete(change.name);
        break;
      case 'receipts-confirmed':
      case 'digest-owed':
      case 'digest-made':
      case 'digest-dropped':
      case 'delivery-resent':
      case 'delivery-rerouted':
      case 'deliveries-woken':
      case 'delivery-lost':
      case 'proposal-made':
      case 'rule-state':
      case 'quarantined':
      case 'evidence-saved':
      case 'device-removed':
      case 'user-saved':
      case 'audited':
      case 'series-exported':
        break;
    }
  };
  const commit = (batch: readonly Change[]): Promise<void> => {
    changes.push(...batch);
    batch.forEach(apply);
    live.publish(batch);
    return Promise.resolve();
  };

  const answer = async (given: Feedback): Promise<void> => {
    const alert = alerts.get(given.alertId);
    if (!alert) throw new GatewayError('alert.unknown', `there is no alert ${given.alertId}`);
    if (feedback.some((known) => known.id === given.id)) return;
    if (alert.closedAt !== null) throw new GatewayError('alert.not-allowed', 'the alert is closed');
    const to = given.outcome === 'false-alarm' ? 'false-alarm' : nextState[given.kind];
    const ended = to === 'closed' || to === 'false-alarm';
    await commit([
      { kind: 'feedback-recorded', feedback: given, receivedAt: clock.now() },
      {
        kind: 'alert-transition',
        alertId: alert.id,
        transition: { at: clock.now(), from: alert.state, to, by: given.by, why: given.text },
      },
      {
        kind: 'alert-saved',
        alert: {
          ...alert,
          state: to,
          owner: alert.owner ?? given.by,
          acknowledgedAt: alert.acknowledgedAt ?? given.at,
          closedAt: ended ? given.at : null,
          version: alert.version + 1,
        },
      },
    ]);
  };

  const reads: ApiReads = {
    passages: (query) =>
      page(
        passages.filter(
          (row) =>
            (query.camera === null || row.camera === query.camera) &&
            (query.subject === null || row.subject === query.subject) &&
            (query.direction === null || row.direction === query.direction) &&
            (query.plate === null || (row.plate?.text.includes(query.plate) ?? false)) &&
            (query.from === null || row.at >= query.from) &&
            (query.to === null || row.at < query.to),
        ),
        query,
        (row) => ({ at: row.at, id: row.id }),
      ),
    sessions: (query) =>
      page(
        [...sessions.values()].filter(
          (row) =>
            (query.device === null || row.device === query.device) &&
            (query.area === null || row.area === query.area) &&
            (query.state === null || (query.state === 'running') === (row.endedAt === null)),
        ),
        query,
        (row) => ({ at: row.startedAt, id: row.id }),
      ),
    alerts: (query) =>
      page(
        [...alerts.values()].filter(
          (row) =>
            (query.state === null || (query.state === 'open') === (row.closedAt === null)) &&
            (query.tier === null || row.tier === query.tier) &&
            (query.kind === null || row.kind === query.kind) &&
            (query.area === null || row.area === query.area),
        ),
        query,
        (row) => ({ at: row.raisedAt, id: row.id }),
      ),
    alert: (id) => alerts.get(id),
    transitions: (id) => transitions.filter((row) => row.alertId === id).map((row) => row.transition),
    feedback: (id) => feedback.filter((row) => row.alertId === id),
    notices: (id) => notices.filter((row) => row.alertId === id),
    clipsOf: () => [],
    deliveries: (id) => [...deliveries.values()].filter((row) => row.alertId === id),
    deliveryCounts: () => {
      const all = [...deliveries.values()];
      const count = (state: Delivery['state']): number => all.filter((row) => row.state === state).length;
      const pending = all.filter((row) => row.state === 'pending').map((row) => row.createdAt);
      return {
        byState: { pending: count('pending'), delivered: count('delivered'), dead: count('dead') },
        oldestPendingAt: pending.length === 0 ? null : (Math.min(...pending) as EpochMs),
      };
    },
    devices: () => [...devices.values()],
    deviceStatuses: () => [...statuses.values()],
    quarantine: (query) =>
      page(
        quarantine.filter((row) => query.device === null || row.device === query.device),
        query,
        (row) => ({ at: row.at, id: row.id }),
      ),
    user: (name) => users.get(name),
    webSession: (tokenSha256) => webSessions.get(tokenSha256),
  };

  // Three wrong words from one address, then wait: enough of a throttle to see that the API obeys it.
  const wrongTries = new Map<string, number>();
  const verify = (name: string, password: string, address: string): Promise<Verification> => {
    const tries = wrongTries.get(address) ?? 0;
    if (tries >= 3) return Promise.resolve({ kind: 'too-many-tries', retryAfterMs: 29_500 });
    const user = users.get(name);
    if (user && passwords[user.role] === password) {
      return Promise.resolve({ kind: 'ok', user: { name: user.name, role: user.role } });
    }
    wrongTries.set(address, tries + 1);
    return Promise.resolve({ kind: 'wrong' });
  };

  const pictures: TestWorld['pictures'] = new Map();
  const clips: TestWorld['clips'] = new Map();
  const world: TestWorld = {
    changes,
    commit,
    addQuarantined: (message) => {
      quarantine.push(message);
    },
    cameras: [],
    health: {
      status: 'ok',
      wires: [{ name: 'device → ingest', depth: 0, capacity: 1000, passed: 12, dropped: 0, waitedMs: 0 }],
      parts: [{ name: 'store', status: 'ok', note: null }],
    },
    pictures,
    clips,
    given: {
      options: apiOptions.parse({ listen: { host: '127.0.0.1', port: 0 } }),
      logger: silentLogger,
      version: '0.0.0-test',
      places,
      recipients,
      reads,
      commit,
      users: { verify },
      answer,
      evidence: {
        kindOf: (id) => (clips.has(id) ? 'clip' : pictures.has(id) ? 'picture' : undefined),
        openClip: (id) => {
          const bytes = clips.get(id);
          return bytes
            ? Promise.resolve({
                contentType: 'video/mp4',
                sizeBytes: bytes.length,
                read: ({ first, last }) => Readable.from([bytes.subarray(first, last + 1)]),
              })
            : Promise.reject(new GatewayError('evidence.missing', `there is no clip ${id}`));
        },
        open: (id, { unblurred }) => {
          const picture = pictures.get(id);
          return picture
            ? Promise.resolve({ contentType: 'image/jpeg', bytes: unblurred ? picture.plain : picture.blurred })
            : Promise.reject(new GatewayError('evidence.missing', `there is no evidence ${id}`));
        },
      },
      cameras: () => world.cameras,
      health: () => world.health,
      live,
      video: createVideoFeed({ watch: () => () => undefined, watchMpeg1: () => () => undefined }),
      metrics: { contentType: 'text/plain; version=0.0.4', text: () => Promise.resolve('kanmen_up 1\n') },
      controlToken,
      metricsToken: null,
      dashboardDir: null,
      ...overrides,
      clock,
      random,
    },
  };
  return world;
}
