import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { repeat, type Clock, type Timer } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import type { PassKillPoint } from '../lib/kill-points.ts';
import { hostPort } from '../lib/listen-address.ts';
import type { Logger } from '../lib/logger.ts';
import type { Passwords } from '../lib/passwords.ts';
import type { Random } from '../lib/random.ts';
import { createWireMeter } from '../lib/wire.ts';
import { createAlertQueries } from './alert-queries.ts';
import { createAnswers } from './answers.ts';
import { createAudit } from './audit.ts';
import type { DeskData } from './data/desk-data.ts';
import type { DeskKeys } from './desk-key.ts';
import { createEvidenceFetch } from './evidence-fetch.ts';
import { createEvidenceFiles } from './evidence-files.ts';
import { createFeedbackLine } from './feedback-line.ts';
import { createFigures } from './figures.ts';
import { createGatewayBook } from './gateway-book.ts';
import { createGatewayWatch } from './gateway-watch.ts';
import { buildServer } from './http/server.ts';
import { createDeskTls } from './http/tls.ts';
import { createInvites } from './invites.ts';
import { createLiveFeed } from './live-feed.ts';
import { createLogins } from './logins.ts';
import type { DeskOptions } from './options.ts';
import { createOwnAlerts } from './own-alerts.ts';
import { createPlans } from './plans.ts';
import { createPush } from './push.ts';
import { createReceiver, type KnownGateway } from './receiver.ts';
import { createRefusals } from './refusals.ts';
import { createRetention } from './retention.ts';
import { createSearch } from './search.ts';
import { createSearchFill } from './search-fill.ts';
import { createSecondFactor } from './second-factor.ts';
import { createShift } from './shift.ts';
import { createTeller } from './teller.ts';
import { createInboxUsers } from './users.ts';

/** http/README.md: a comment every 15 s, so that a dead connection is noticed. */
const pingMs = 15_000;

export interface Inbox extends Component {
  /** `http://host:port` as bound; throws before `start`. */
  address(): string;
}

export interface InboxOptions {
  readonly options: DeskOptions;
  /** The gateways of the configuration with the keys from their secret files. */
  readonly gateways: readonly KnownGateway[];
  /** Started before this and stopped after it. */
  readonly data: DeskData;
  readonly keys: DeskKeys;
  readonly passwords: Passwords;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly passKillPoint: PassKillPoint;
  /** Folder of the built page; null for none. */
  readonly webRoot: string | null;
  readonly version: string;
}

/** Receiving, keeping, answering, and the HTTP server that all of it goes through. */
export function createInbox(given: InboxOptions): Inbox {
  const { options, data, keys, clock, random, logger } = given;
  const live = createLiveFeed(() => clock.now());
  const book = createGatewayBook({
    ...{ data, fromFile: given.gateways, keys, clock, logger },
    newId: () => random.id(),
    onChange: () => void Promise.all(book.all().map(({ id }) => watch.tell(id))),
  });
  // An alert outlives its gateway's place in the configuration.
  const queries = createAlertQueries(data, (id) => book.nameOf(id));
  const evidence = createEvidenceFiles({ folder: join(options.dataDir, 'evidence'), keys, random });
  const audit = createAudit(data, clock);
  const refusals = createRefusals({ clock, logger, audit: (by, action, subject) => audit.note(by, action, subject) });
  const meter = createWireMeter('gateway → desk', null);
  const users = createInboxUsers({ data, passwords: given.passwords, clock });
  const secondFactor = createSecondFactor({ data, keys, clock, random, title: options.title });
  const logins = createLogins({
    ...{ data, users, secondFactor, clock, random, lifetimeMs: options.sessionLifetime },
    deviceKey: keys.derive('device cookie'),
  });
  const push = createPush({
    ...{ options: options.push, data, keys, clock, random, logger },
    nowOpenRed: async () => {
      const page = await queries.list({ state: 'open', tier: 'red', limit: 200 });
      return (page?.items ?? []).filter(({ state }) => ['raised', 'delivered', 'transferred'].includes(state));
    },
  });
  const teller = createTeller({
    read: (ids) => queries.some(ids),
    tell: (alert) => {
      live.publish('alert', alert, alert.gateway.id);
      push.alert(alert);
    },
    logger,
  });
  const line = createFeedbackLine({ data, clock, onRelayed: (alertId) => teller.changed(alertId) });
  const fetching = createEvidenceFetch({
    ...{
      data,
      evidence,
      clock,
      logger,
      maxBytes: options.evidence.fetchUpTo,
      onKept: (alertId) => teller.changed(alertId),
    },
  });
  const receiver = createReceiver({
    ...{ data, evidence, clock, logger, refusals, meter, passKillPoint: given.passKillPoint },
    onStored: (_gateway, alertId) => {
      if (alertId === null) return;
      teller.changed(alertId);
      fetching.wake();
    },
  });
  const own = createOwnAlerts({ data, receiver, clock, random });
  const watch = createGatewayWatch({
    ...{ book, data, clock, logger, waitingAnswers: () => line.waiting() },
    silentAfterMs: options.gatewaySilentAfter,
    alertAfterMs: Math.max(options.gatewaySilentAfter, options.gatewaySilentAlertAfter),
    onChange: (gateway) => live.publish('gateway', gateway, gateway.id),
    onSilent: (gateway, since) => own.silent(gateway, since),
    onBack: (gateway) => own.back(gateway),
  });
  const answers = createAnswers({
    ...{ data, queries, clock },
    onGiven: (gateway, alertId) => {
      line.wake(gateway);
      teller.changed(alertId);
    },
  });
  const shift = createShift({
    ...{ data, queries, watch, waitingAnswers: () => line.waiting(), clock },
    onChange: () => live.publish('shift', {}, null),
  });
  const nameOf = (id: string): string => book.nameOf(id);
  const figures = createFigures({
    ...{ reads: data, nameOf, timeZone: options.timeZone, title: options.title, now: () => clock.now() },
  });
  const searchFill = createSearchFill({ data, nameOf, clock, logger });
  const search = createSearch({ reads: data, queries, audit, nameOf, indexing: () => searchFill.running() });
  const invites = createInvites({ data, book, keys, clock, random, title: options.title });
  const plans = createPlans(data, clock);
  const retention = createRetention({ options: options.retention, data, evidence, clock, logger });
  const tls = options.tls ? createDeskTls({ ...options.tls, clock, logger }) : null;

  async function health() {
    const { healthy, fault } = data.health();
    const refused = refusals.counts();
    // Where the database cannot be read either, the rest is told all the same.
    const relayed = await line.report().catch(() => null);
    return {
      status: healthy && relayed !== null ? ('ok' as const) : ('unhealthy' as const),
      faults: [
        ...(fault === null ? [] : [`the database cannot be written: ${fault}`]),
        ...(relayed === null ? ['the database cannot be read'] : []),
      ],
      wires: [meter.report(), data.report(), ...(relayed === null ? [] : [relayed]), live.report()],
      notices: { ...receiver.counts(), refused: { ...refused } },
    };
  }

  let app: FastifyInstance | null = null;
  let ping: Timer | null = null;
  const portOf = (server: FastifyInstance): number => {
    const address = server.server.address();
    if (address === null || typeof address === 'string') throw new Error('the desk does not listen on a port');
    return address.port;
  };

  return {
    name: 'inbox',
    start: async () => {
      const webRoot = given.webRoot !== null && existsSync(given.webRoot) ? given.webRoot : null;
      if (webRoot === null) logger.warn({ webRoot: given.webRoot }, 'no page to show: it has not been built');
      await book.load();
      await push.start();
      app = await buildServer({
        notices: {
          ...{ gateways: book, receiver, line, refusals, clock, maxNoticeBytes: options.maxNoticeBytes },
          onHeard: (gateway) => watch.heard(gateway),
        },
        pair: { invites, book, clock },
        session: {
          ...{ title: options.title, version: given.version, timeZone: options.timeZone },
          secureCookies: options.secureCookies || tls !== null,
          sessionLifetimeMs: options.sessionLifetime,
          secondFactorMode: options.secondFactor,
          ...{ clock, logger, logins, users, secondFactor, audit, live },
        },
        alerts: { clock, queries, answers, evidence, audit, users, shift, live },
        gateways: { book, watch, invites, plans, publicUrl: options.publicUrl?.replace(/\/$/, '') ?? null },
        station: { clock, shift, figures, search, audit, push },
        people: { users, secondFactor, random },
        trustProxy: options.trustProxy,
        serverFactory: tls?.serverFactory ?? null,
        ...{ logger, version: given.version, webRoot, health },
      });
      if ((await users.list()).length === 0)
        logger.warn('nobody can sign in yet: kanmen users add NAME --role duty -c desk.yaml');
      for (const part of [book, watch, fetching, retention, searchFill, tls]) part?.start();
      ping = repeat(clock, pingMs, () =>
        live.ping(async (session) => {
          const user = await logins.alive(session);
          return user ? user.gateways : 'over';
        }),
      );
      await app.listen({ host: options.listen.host, port: options.listen.port });
      fetching.wake();
      logger.info({ port: portOf(app), gateways: book.all().length, tls: tls !== null }, 'desk listens');
    },
    stop: async () => {
      const closing = app;
      app = null;
      ping?.cancel();
      for (const part of [book, watch, retention, tls, push, line]) part?.stop();
      live.endAll();
      await closing?.close();
      await fetching.stop();
      await searchFill.stop();
      await teller.idle();
    },
    address: () => {
      if (!app) throw new Error('the desk does not listen yet');
      const { host } = options.listen;
      return `${tls ? 'https' : 'http'}://${hostPort({ host, port: portOf(app) })}`;
    },
  };
}
