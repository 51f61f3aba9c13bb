import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { repeat, type Clock, type Timer } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import type { Database } from '../lib/database/index.ts';
import type { PassKillPoint } from '../lib/kill-points.ts';
import { hostPort } from '../lib/listen-address.ts';
import type { Logger } from '../lib/logger.ts';
import type { Passwords } from '../lib/passwords.ts';
import type { Random } from '../lib/random.ts';
import { createWireMeter } from '../lib/wire.ts';
import { createAlertQueries } from './alert-queries.ts';
import { createAnswers } from './answers.ts';
import { createEvidenceFiles } from './evidence-files.ts';
import { createFeedbackLine } from './feedback-line.ts';
import { createGatewayWatch } from './gateway-watch.ts';
import { buildServer } from './http/server.ts';
import { createLiveFeed } from './live-feed.ts';
import { createLogins } from './logins.ts';
import type { DeskOptions } from './options.ts';
import { createReceiver, type KnownGateway } from './receiver.ts';
import { createRefusals } from './refusals.ts';
import { createInboxUsers } from './users.ts';

/** dashboard/desk/api.md: a comment every 15 s, so that a dead connection is noticed. */
const pingMs = 15_000;

export interface Inbox extends Component {
  /** `http://host:port` as bound; throws before `start`. */
  address(): string;
}

export interface InboxOptions {
  readonly options: DeskOptions;
  /** The gateways of the configuration with the keys from their secret files. */
  readonly gateways: readonly KnownGateway[];
  /** Started before this and stopped after it; made with `inboxMigrations`. */
  readonly database: Database;
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
  const { options, database, clock, random, logger } = given;
  const gateways = new Map(given.gateways.map((gateway) => [gateway.id, gateway]));
  // An alert outlives its gateway's place in the configuration.
  const queries = createAlertQueries(database, (id) => gateways.get(id)?.name ?? id);
  const evidence = createEvidenceFiles({ folder: join(options.dataDir, 'evidence'), random });
  const refusals = createRefusals({ clock, logger });
  const meter = createWireMeter('gateway → desk', null);
  const live = createLiveFeed(() => clock.now());
  const users = createInboxUsers({ database, passwords: given.passwords, clock });
  const logins = createLogins({ database, users, clock, random, lifetimeMs: options.sessionLifetime });

  const tell = (alertId: string): void => {
    const alert = queries.get(alertId);
    if (alert) live.publish('alert', alert);
  };
  const line = createFeedbackLine({ database, clock, onRelayed: tell });
  const watch = createGatewayWatch({
    gateways: given.gateways,
    database,
    clock,
    logger,
    silentAfterMs: options.gatewaySilentAfter,
    waitingAnswers: (gateway) => line.waiting(gateway),
    onChange: (gateway) => live.publish('gateway', gateway),
  });
  const answers = createAnswers({
    database,
    queries,
    clock,
    onGiven: (gateway, alertId) => {
      line.wake(gateway);
      tell(alertId);
    },
  });
  const receiver = createReceiver({
    database,
    evidence,
    clock,
    logger,
    refusals,
    meter,
    passKillPoint: given.passKillPoint,
    onStored: (_gateway, alertId) => {
      if (alertId !== null) tell(alertId);
    },
  });

  function health() {
    const { healthy, fault } = database.health();
    const refused = refusals.counts();
    return {
      status: healthy ? ('ok' as const) : ('unhealthy' as const),
      faults: fault === null ? [] : [`the database cannot be written: ${fault}`],
      wires: [meter.report(), database.report(), line.report(), live.report()],
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
      app = await buildServer({
        notices: {
          gateways,
          receiver,
          line,
          refusals,
          clock,
          maxNoticeBytes: options.maxNoticeBytes,
          onHeard: (gateway) => watch.heard(gateway),
        },
        page: {
          title: options.title,
          version: given.version,
          secureCookies: options.secureCookies,
          sessionLifetimeMs: options.sessionLifetime,
          clock,
          logger,
          logins,
          queries,
          answers,
          evidence,
          watch,
          live,
        },
        logins,
        logger,
        version: given.version,
        webRoot,
        health,
      });
      if (users.list().length === 0)
        logger.warn('nobody can sign in yet: kanmen users add NAME --role manager -c desk.yaml');
      watch.start();
      ping = repeat(clock, pingMs, () => live.ping((session) => logins.isAlive(session)));
      await app.listen({ host: options.listen.host, port: options.listen.port });
      logger.info({ port: portOf(app), gateways: gateways.size }, 'desk listens');
    },
    stop: async () => {
      const closing = app;
      app = null;
      ping?.cancel();
      watch.stop();
      line.stop();
      live.endAll();
      await closing?.close();
    },
    address: () => {
      if (!app) throw new Error('the desk does not listen yet');
      return `http://${hostPort({ host: options.listen.host, port: portOf(app) })}`;
    },
  };
}
