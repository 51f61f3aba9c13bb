import { repeat, type Clock, type MonotonicMs, type Timer } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { newVapidKeys, sealPush, vapidHeader, type VapidKeys } from '../lib/web-push.ts';
import { tierRank, tiers, type Tier } from '../domain/tier.ts';
import type { DeskData } from './data/desk-data.ts';
import type { DeskKeys } from './desk-key.ts';
import type { DeskOptions } from './options.ts';
import { inScope, type Scope } from './scope.ts';
import type { DeskAlert } from './shapes.ts';
import type { PushMessage } from './shapes-people.ts';

export interface PushSubscribeRequest {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
  readonly tiers: readonly Tier[];
  readonly language: 'zh' | 'en';
}

export interface Push {
  publicKey(): string;
  count(user: string): Promise<number>;
  /** False where this desk does not send to that push service. The same endpoint again replaces. */
  subscribe(user: string, request: PushSubscribeRequest): Promise<boolean>;
  unsubscribe(user: string, endpoint: string): Promise<void>;
  /** A push to each of this person's browsers. */
  test(user: string): Promise<{ readonly sent: number; readonly failed: number }>;
  /** An alert is new or has changed: pushed once, again when its tier rises, and red again and again until it is taken. */
  alert(alert: DeskAlert): void;
  start(): Promise<void>;
  stop(): void;
}

interface Row {
  readonly endpoint: string;
  readonly user: string;
  readonly p256dh: string;
  readonly auth: string;
  readonly tiers: string;
  readonly language: 'zh' | 'en';
  readonly failures: number;
  readonly gateways: string | null;
}

const unanswered: readonly string[] = ['raised', 'delivered', 'transferred'];
const sendTimeoutMs = 10_000;
/** A push service that fails this often in a row for one browser has forgotten it. */
const maxFailures = 20;
const titles: Readonly<Record<Tier, Readonly<Record<'zh' | 'en', string>>>> = {
  red: { zh: '红色预警', en: 'Red alert' },
  orange: { zh: '橙色预警', en: 'Orange alert' },
  yellow: { zh: '黄色预警', en: 'Yellow alert' },
  blue: { zh: '蓝色提示', en: 'Blue alert' },
};
/** How long a push service keeps it for a browser that is off, in seconds: an old alert is in the inbox anyway. */
const keptS = 3600;
/** Alerts whose push is remembered; the oldest go first. */
const remembered = 20_000;

export function createPush(given: {
  readonly options: DeskOptions['push'];
  readonly data: DeskData;
  readonly keys: DeskKeys;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly nowOpenRed: () => Promise<readonly DeskAlert[]>;
}): Push {
  const { options, data, keys, clock, random, logger, nowOpenRed } = given;
  let vapid: VapidKeys | null = null;
  let timer: Timer | null = null;
  let stopped = false;
  let startedAt = clock.now();
  const pushed = new Map<string, { readonly tier: Tier; readonly atMs: MonotonicMs }>();

  /** Made at the first start, kept sealed: subscriptions are bound to this key. */
  async function loadKeys(): Promise<VapidKeys> {
    const read = () => data.get<{ value: string }>('SELECT value FROM setting WHERE name = ?', 'vapid');
    if (!(await read())) {
      const sealed = keys.sealText(Buffer.from(JSON.stringify(newVapidKeys())), 'vapid');
      await data.write([
        {
          sql: 'INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING',
          params: ['vapid', sealed],
        },
      ]);
    }
    const row = await read();
    return JSON.parse(keys.openText(row?.value ?? '', 'vapid').toString('utf8')) as VapidKeys;
  }
  const key = (): VapidKeys => {
    if (!vapid) throw new Error('push has not been started');
    return vapid;
  };

  function allowed(endpoint: string): boolean {
    const { hostname, protocol } = new URL(endpoint);
    const fits = options.services.some((service) =>
      service.startsWith('*.') ? hostname.endsWith(service.slice(1)) : hostname === service,
    );
    // Plain HTTP only where nobody else can listen: a push service on this machine.
    return fits && (protocol === 'https:' || hostname === '127.0.0.1');
  }

  async function send(row: Row, message: PushMessage): Promise<boolean> {
    try {
      const body = sealPush(Buffer.from(JSON.stringify(message)), row, random);
      const reply = await fetch(row.endpoint, {
        method: 'POST',
        redirect: 'error',
        signal: AbortSignal.timeout(sendTimeoutMs),
        headers: {
          'content-type': 'application/octet-stream',
          'content-encoding': 'aes128gcm',
          ttl: String(keptS),
          urgency: message.tier === 'red' || message.kind === 'test' ? 'high' : 'normal',
          authorization: vapidHeader(key(), row.endpoint, options.contact, clock.now()),
        },
        body: new Uint8Array(body),
      });
      await reply.body?.cancel();
      if (reply.status >= 200 && reply.status < 300) {
        if (row.failures > 0) await fails(row, 0);
        return true;
      }
      // RFC 8030 section 7.3: the subscription is no more.
      const gone = reply.status === 404 || reply.status === 410 || row.failures + 1 >= maxFailures;
      if (gone) await data.write([{ sql: 'DELETE FROM push_subscription WHERE endpoint = ?', params: [row.endpoint] }]);
      else await fails(row, row.failures + 1);
      logger.warn({ service: new URL(row.endpoint).host, status: reply.status, gone }, 'push refused');
    } catch (error) {
      logger.warn({ service: new URL(row.endpoint).host, reason: messageOf(error) }, 'push not sent');
      await fails(row, row.failures + 1).catch(() => undefined);
    }
    return false;
  }
  const fails = (row: Row, failures: number): Promise<void> =>
    data.write([
      { sql: 'UPDATE push_subscription SET failures = ? WHERE endpoint = ?', params: [failures, row.endpoint] },
    ]);

  const rows = (): Promise<Row[]> =>
    data.all<Row>(
      `SELECT push_subscription.*, u.gateways AS gateways
       FROM push_subscription JOIN "user" AS u ON u.name = push_subscription."user"`,
    );

  async function pushAlert(alert: DeskAlert): Promise<void> {
    const to = (await rows()).filter((row) => {
      const scope: Scope = row.gateways === null ? null : (JSON.parse(row.gateways) as string[]);
      return row.tiers.split(',').includes(alert.tier) && inScope(scope, alert.gateway.id);
    });
    await Promise.all(
      to.map((row) =>
        send(row, {
          kind: 'alert',
          alertId: alert.id,
          tier: alert.tier,
          title: titles[alert.tier][row.language],
          at: new Date(clock.now()).toISOString(),
        }),
      ),
    );
  }

  function start(alert: DeskAlert): void {
    pushed.delete(alert.id);
    pushed.set(alert.id, { tier: alert.tier, atMs: clock.monotonic() });
    const oldest = pushed.size > remembered ? pushed.keys().next().value : undefined;
    if (oldest !== undefined) pushed.delete(oldest);
    pushAlert(alert).catch((error: unknown) => {
      logger.error({ alertId: alert.id, reason: messageOf(error) }, 'alert could not be pushed');
    });
  }

  async function look(): Promise<void> {
    try {
      for (const alert of await nowOpenRed()) {
        const before = pushed.get(alert.id);
        if (!before) pushed.set(alert.id, { tier: alert.tier, atMs: clock.monotonic() });
        else if (clock.monotonic() - before.atMs >= options.repeatEvery) start(alert);
      }
    } catch (error) {
      logger.debug({ reason: messageOf(error) }, 'open red alerts could not be read');
    }
  }

  return {
    publicKey: () => key().publicKey,
    count: async (user) =>
      (await data.get<{ count: number }>('SELECT count(*) AS count FROM push_subscription WHERE "user" = ?', user))
        ?.count ?? 0,
    subscribe: async (user, request) => {
      if (!options.enabled || !allowed(request.endpoint)) return false;
      const chosen = tiers.filter((tier) => request.tiers.includes(tier)).join(',');
      await data.write([
        {
          sql: `INSERT INTO push_subscription (endpoint, "user", p256dh, auth, tiers, language, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (endpoint) DO UPDATE SET "user" = excluded."user", p256dh = excluded.p256dh,
                  auth = excluded.auth, tiers = excluded.tiers, language = excluded.language, failures = 0`,
          params: [
            ...[request.endpoint, user, request.keys.p256dh, request.keys.auth, chosen, request.language],
            clock.now(),
          ],
        },
      ]);
      return true;
    },
    unsubscribe: (user, endpoint) =>
      data.write([
        { sql: 'DELETE FROM push_subscription WHERE "user" = ? AND endpoint = ?', params: [user, endpoint] },
      ]),
    test: async (user) => {
      const mine = (await rows()).filter((row) => row.user === user);
      const results = await Promise.all(
        mine.map((row) =>
          send(row, {
            ...{ kind: 'test' as const, alertId: null, tier: null },
            title: row.language === 'zh' ? '测试通知' : 'Test',
            at: new Date(clock.now()).toISOString(),
          }),
        ),
      );
      return { sent: results.filter(Boolean).length, failed: results.filter((sent) => !sent).length };
    },
    alert: (alert) => {
      if (!options.enabled || stopped || !unanswered.includes(alert.state)) return;
      const before = pushed.get(alert.id);
      // What came in before this process began was pushed by the one before.
      if (!before && Date.parse(alert.receivedAt) < startedAt) {
        pushed.set(alert.id, { tier: alert.tier, atMs: clock.monotonic() });
        return;
      }
      if (!before || tierRank(alert.tier) < tierRank(before.tier)) start(alert);
    },
    start: async () => {
      vapid = await loadKeys();
      startedAt = clock.now();
      if (options.enabled) timer = repeat(clock, options.repeatEvery / 4, look);
    },
    stop: () => {
      stopped = true;
      timer?.cancel();
    },
  };
}
