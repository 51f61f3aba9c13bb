/** Composition root of the desk (`kanmen desk`): joins its room with a database and the secrets of its gateways. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createAlertQueries,
  createAnswers,
  createAudit,
  createGatewayBook,
  createInbox,
  createInboxUsers,
  createInvites,
  createPostgresData,
  createSecondFactor,
  createSqliteData,
  loadDeskKeys,
} from './inbox/index.ts';
import type {
  AlertQueries,
  Answers,
  Audit,
  DeskData,
  GatewayBook,
  InboxUsers,
  Invites,
  KnownGateway,
  SecondFactor,
} from './inbox/index.ts';
import type { DeskOptions } from './inbox/options.ts';
import type { Clock } from './lib/clock.ts';
import { createLifecycle, type Component } from './lib/component.ts';
import { codeOf, GatewayError } from './lib/errors.ts';
import type { PassKillPoint } from './lib/kill-points.ts';
import type { Logger } from './lib/logger.ts';
import { argon2Passwords, type Passwords } from './lib/passwords.ts';
import { systemRandom, type Random } from './lib/random.ts';
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
  /** Test: file that steers the disk (lib/steering.ts). */
  readonly steering?: string | null;
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

/** The address of the PostgreSQL server, which holds a password and is therefore a file's. */
function readDatabaseUrl(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new GatewayError('config.secret-missing', `database.urlFile cannot be read: ${file}`, {
      facts: { file, code: codeOf(cause) },
      cause,
    });
  }
  if (/^postgres(ql)?:\/\//.test(text)) return text;
  throw new GatewayError('config.secret-missing', `database.urlFile must hold postgres://…: ${file}`, {
    facts: { file },
  });
}

/** The one place that knows where a desk's data are. */
function openData(
  config: DeskOptions,
  common: { readonly clock: Clock; readonly logger: Logger; readonly steering?: string | null },
  reserve: number,
): DeskData {
  const { clock, logger, steering = null } = common;
  if (config.database.kind === 'postgres') {
    return createPostgresData({ url: readDatabaseUrl(config.database.urlFile), clock, logger });
  }
  const file = join(config.dataDir, 'desk.sqlite');
  return createSqliteData({ file, clock, logger, reserveBytes: reserve, steering });
}

const keysOf = (config: DeskOptions, random: Random) =>
  loadDeskKeys({ dataDir: config.dataDir, ...config.evidence }, random);

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
      const data = openData(config, settings, reserveBytes);
      const inbox = createInbox({
        options: config,
        gateways: knownGateways(config),
        data,
        keys: keysOf(config, random),
        passwords,
        clock,
        random,
        logger,
        passKillPoint,
        webRoot: config.webRoot ?? fileURLToPath(new URL('dist/dashboard/desk', settings.installDir)),
        version,
      });
      const parts = createLifecycle([data, inbox], { clock, stopDeadlineMs });
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
  readonly secondFactor: SecondFactor;
  readonly alerts: AlertQueries;
  /** A running desk hands it on within 2 s. */
  readonly answers: Answers;
  readonly audit: Audit;
  /** What is changed here a running desk follows within a second. */
  readonly gateways: GatewayBook;
  readonly invites: Invites;
}

/** Opens a desk's data for the command line, also beside a running desk, and closes them when `work` has ended. */
export async function withDeskTools<Result>(
  settings: Pick<DeskSettings, 'config' | 'clock' | 'logger' | 'passwords'> & { readonly random?: Random },
  work: (tools: DeskTools) => Promise<Result> | Result,
): Promise<Result> {
  const { config, clock, logger, passwords = argon2Passwords, random = systemRandom } = settings;
  // No reserve: it belongs to the running desk.
  const data = openData(config, { clock, logger }, 0);
  await data.start(new AbortController().signal);
  try {
    const keys = keysOf(config, random);
    const gateways = createGatewayBook({
      ...{ data, fromFile: knownGateways(config), keys, clock, logger },
      newId: () => random.id(),
      onChange: () => undefined,
    });
    await gateways.load();
    const alerts = createAlertQueries(data, (id) => gateways.nameOf(id));
    return await work({
      users: createInboxUsers({ data, passwords, clock }),
      secondFactor: createSecondFactor({ data, keys, clock, random, title: config.title }),
      alerts,
      answers: createAnswers({ data, queries: alerts, clock, onGiven: () => undefined }),
      audit: createAudit(data, clock),
      gateways,
      invites: createInvites({ data, book: gateways, keys, clock, random, title: config.title }),
    });
  } finally {
    await data.stop();
  }
}
