/** Composition root of the desk (`kanmen desk`): joins its room with a database and the secrets of its gateways. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAlertQueries, createAnswers, createInbox, createInboxUsers, inboxMigrations } from './inbox/index.ts';
import type { AlertQueries, Answers, InboxUsers, KnownGateway } from './inbox/index.ts';
import type { DeskOptions } from './inbox/options.ts';
import type { Clock } from './lib/clock.ts';
import { createLifecycle, type Component } from './lib/component.ts';
import { createDatabase } from './lib/database/index.ts';
import { codeOf, GatewayError } from './lib/errors.ts';
import type { PassKillPoint } from './lib/kill-points.ts';
import type { Logger } from './lib/logger.ts';
import { argon2Passwords, type Passwords } from './lib/passwords.ts';
import type { Random } from './lib/random.ts';
import { parseWebhookSecret } from './lib/standard-webhooks.ts';

export interface DeskSettings {
  /** As `loadDesk` gives it: its paths are absolute. */
  readonly config: DeskOptions;
  /** Where the program is installed: the built page stands under `dist/dashboard/desk`. */
  readonly installDir: URL;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly passKillPoint: PassKillPoint;
  readonly version: string;
  /** Test: quick hashing. */
  readonly passwords?: Passwords;
}

export type Desk = Component & {
  /** `http://host:port` as bound; throws before `start`. */
  address(): string;
};

/** Room for what is under way to be answered; a poll ends at once. */
const stopDeadlineMs = 5000;
/** Enough for some hundred alerts without pictures when the disk is full. */
const reserveBytes = 16_000_000;

const databaseFile = (config: DeskOptions): string => join(config.dataDir, 'desk.sqlite');

/** The key in a secret file; GatewayError `config.secret-missing` says which file and why. */
function readKey(path: string, gateway: string): Uint8Array {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new GatewayError(
      'config.secret-missing',
      `the secret of gateway ${gateway} cannot be read: ${path} (${codeOf(error) ?? 'unknown'})`,
      { facts: { gateway, file: path }, cause: error },
    );
  }
  const key = parseWebhookSecret(text);
  if (key) return key;
  throw new GatewayError(
    'config.secret-missing',
    `the secret file of gateway ${gateway} must hold whsec_ and base64 of 24 to 64 bytes: ${path}`,
    { facts: { gateway, file: path } },
  );
}

/** The gateways of a configuration with their keys. GatewayError `config.secret-missing`. */
export function knownGateways(config: DeskOptions): KnownGateway[] {
  return config.gateways.map((gateway) => ({
    id: gateway.id,
    name: gateway.name,
    keys: [gateway.secretFile, ...(gateway.previousSecretFile === undefined ? [] : [gateway.previousSecretFile])].map(
      (file) => readKey(file, gateway.id),
    ),
  }));
}

/** The whole desk. `start` throws GatewayError `config.secret-missing` or what the database says. */
export function createDesk(settings: DeskSettings): Desk {
  const { config, clock, random, logger, passKillPoint, version, passwords = argon2Passwords } = settings;
  let running: { readonly parts: Component; address(): string } | null = null;
  return {
    name: 'desk',
    start: async (signal) => {
      const database = createDatabase({
        file: databaseFile(config),
        migrations: inboxMigrations,
        clock,
        logger,
        reserveBytes,
      });
      const inbox = createInbox({
        options: config,
        gateways: knownGateways(config),
        database,
        passwords,
        clock,
        random,
        logger,
        passKillPoint,
        webRoot: config.webRoot ?? fileURLToPath(new URL('dist/dashboard/desk', settings.installDir)),
        version,
      });
      const parts = createLifecycle([database, inbox], { clock, stopDeadlineMs });
      await parts.start(signal);
      running = { parts, address: () => inbox.address() };
    },
    stop: async () => {
      const stopping = running;
      running = null;
      await stopping?.parts.stop();
    },
    address: () => {
      if (!running) throw new Error('the desk does not run');
      return running.address();
    },
  };
}

export interface DeskTools {
  readonly users: InboxUsers;
  readonly alerts: AlertQueries;
  /** A running desk hands it on within 2 s. */
  readonly answers: Answers;
}

/** Opens a desk's database for the command line, also beside a running desk, and closes it when `work` has ended. */
export async function withDeskTools<Result>(
  settings: Pick<DeskSettings, 'config' | 'clock' | 'logger' | 'passwords'>,
  work: (tools: DeskTools) => Promise<Result> | Result,
): Promise<Result> {
  // No reserve: it belongs to the running desk.
  const { config, clock, logger, passwords = argon2Passwords } = settings;
  const database = createDatabase({
    file: databaseFile(config),
    migrations: inboxMigrations,
    clock,
    logger,
  });
  await database.start(new AbortController().signal);
  try {
    const names = new Map(config.gateways.map(({ id, name }) => [id, name]));
    const alerts = createAlertQueries(database, (id) => names.get(id) ?? id);
    return await work({
      users: createInboxUsers({ database, passwords, clock }),
      alerts,
      answers: createAnswers({ database, queries: alerts, clock, onGiven: () => undefined }),
    });
  } finally {
    await database.stop();
  }
}
