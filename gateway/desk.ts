/** Composition root of the desk (`kanmen desk`): joins its room with a database and the secrets of its gateways. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createAlertQueries, createInbox, createInboxUsers, inboxMigrations } from './inbox/index.ts';
import type { AlertQueries, InboxUsers, KnownGateway, Passwords } from './inbox/index.ts';
import type { DeskOptions } from './inbox/options.ts';
import type { Clock } from './lib/clock.ts';
import { createLifecycle, type Component } from './lib/component.ts';
import { createDatabase } from './lib/database/index.ts';
import { codeOf, GatewayError } from './lib/errors.ts';
import type { PassKillPoint } from './lib/kill-points.ts';
import type { Logger } from './lib/logger.ts';
import type { Random } from './lib/random.ts';
import { parseWebhookSecret } from './lib/standard-webhooks.ts';

export interface DeskSettings {
  readonly config: DeskOptions;
  /** Folder of desk.yaml; relative paths in the configuration start there. */
  readonly baseDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly passKillPoint: PassKillPoint;
  readonly passwords: Passwords;
  /** Folder of the built page, unless the configuration names one; null for none. */
  readonly webRoot: string | null;
  readonly version: string;
}

export type Desk = Component & {
  /** `http://host:port` as bound; throws before `start`. */
  address(): string;
};

/** Room for what is under way to be answered; a poll ends at once. */
const stopDeadlineMs = 5000;
/** Enough for some hundred alerts without pictures when the disk is full. */
const reserveBytes = 16_000_000;

const databaseFile = (config: DeskOptions, baseDir: string): string =>
  join(resolve(baseDir, config.dataDir), 'desk.sqlite');

/** The key in a secret file; GatewayError `config.secret-missing` says which file and why. */
function readKey(baseDir: string, file: string, gateway: string): Uint8Array {
  const path = resolve(baseDir, file);
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
export function knownGateways(config: DeskOptions, baseDir: string): KnownGateway[] {
  return config.gateways.map((gateway) => ({
    id: gateway.id,
    name: gateway.name,
    keys: [gateway.secretFile, ...(gateway.previousSecretFile === undefined ? [] : [gateway.previousSecretFile])].map(
      (file) => readKey(baseDir, file, gateway.id),
    ),
  }));
}

/** The whole desk. `start` throws GatewayError `config.secret-missing` or what the database says. */
export function createDesk(settings: DeskSettings): Desk {
  const { config, baseDir, clock, random, logger, passKillPoint, passwords, version } = settings;
  let running: { readonly parts: Component; address(): string } | null = null;
  return {
    name: 'desk',
    start: async (signal) => {
      const database = createDatabase({
        file: databaseFile(config, baseDir),
        migrations: inboxMigrations,
        clock,
        logger,
        reserveBytes,
      });
      const inbox = createInbox({
        options: { ...config, dataDir: resolve(baseDir, config.dataDir) },
        gateways: knownGateways(config, baseDir),
        database,
        passwords,
        clock,
        random,
        logger,
        passKillPoint,
        webRoot: config.webRoot === undefined ? settings.webRoot : resolve(baseDir, config.webRoot),
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
}

/** Opens a desk's database for the command line, also beside a running desk, and closes it when `work` has ended. */
export async function withDeskTools<Result>(
  settings: Pick<DeskSettings, 'config' | 'baseDir' | 'clock' | 'logger' | 'passwords'>,
  work: (tools: DeskTools) => Promise<Result> | Result,
): Promise<Result> {
  // No reserve: it belongs to the running desk.
  const { config, baseDir, clock, logger, passwords } = settings;
  const database = createDatabase({
    file: databaseFile(config, baseDir),
    migrations: inboxMigrations,
    clock,
    logger,
  });
  await database.start(new AbortController().signal);
  try {
    const names = new Map(config.gateways.map(({ id, name }) => [id, name]));
    return await work({
      users: createInboxUsers({ database, passwords, clock }),
      alerts: createAlertQueries(database, (id) => names.get(id) ?? id),
    });
  } finally {
    await database.stop();
  }
}
