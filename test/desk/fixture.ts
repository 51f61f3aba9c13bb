/** A desk on real HTTP, and a gateway that nobody here wrote: it signs with the npm package `standardwebhooks`. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { hash, verify } from '@node-rs/argon2';
import { v7 } from 'uuid';
import { Webhook } from 'standardwebhooks';
import { onTestFinished } from 'vitest';
import type { NoticeData, NoticeEvent } from '../../gateway/domain/notice.ts';
import { noticeTypes } from '../../gateway/domain/notice.ts';
import { createDesk, withDeskTools, type Desk, type DeskTools } from '../../gateway/desk.ts';
import { deskOptionsSchema, type DeskOptions } from '../../gateway/inbox/options.ts';
import type { AlertLine } from '../../gateway/inbox/index.ts';
import type { Passwords } from '../../gateway/lib/passwords.ts';
import { systemClock, type Clock } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { systemRandom } from '../../gateway/lib/random.ts';

/** What came over the wire, to be compared as a whole; the tests are its schema. */
export type Json = ReturnType<typeof JSON.parse>;

/** Cheapest settings that are still argon2: nothing here is secret. */
export const quickPasswords: Passwords = {
  hash: (password) => hash(password, { memoryCost: 1024, timeCost: 1, parallelism: 1 }),
  verify: (stored, password) => verify(stored, password),
};

export interface TestDesk {
  readonly url: string;
  readonly dir: string;
  readonly desk: Desk;
  readonly config: DeskOptions;
  gateway(id: string): TestGateway;
  addUser(name: string, role: string): Promise<TestOfficer>;
  signIn(name: string): Promise<TestOfficer>;
  /** What the command line has, in a connection of its own. */
  tools<Result>(work: (tools: DeskTools) => Promise<Result> | Result): Promise<Result>;
  lines(): Promise<AlertLine[]>;
}

export const password = 'correct horse battery';

/** A folder with secrets for these gateways; removed when the test ends. */
export function deskFolder(gateways: readonly string[]): { dir: string; secrets: Map<string, string> } {
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-desk-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, 'secrets'));
  const secrets = new Map(gateways.map((id) => [id, `whsec_${randomBytes(32).toString('base64')}`] as const));
  for (const [id, secret] of secrets) writeFileSync(join(dir, 'secrets', id), `${secret}\n`);
  return { dir, secrets };
}

export function deskConfig(dir: string, gateways: readonly string[], more: Record<string, unknown> = {}) {
  return deskOptionsSchema.parse({
    listen: '127.0.0.1:0',
    title: '东门派出所',
    dataDir: join(dir, 'data'),
    gateways: gateways.map((id) => ({ id, name: `小区 ${id}`, secretFile: join(dir, 'secrets', id) })),
    ...more,
  });
}

/** Where desks that name no database of their own keep their data; null: SQLite. */
let databaseUrl: (() => Promise<string>) | null = null;
/** Has every desk of this test file keep its data in a database of its own on that server. */
export function useDatabase(newUrl: () => Promise<string>): void {
  databaseUrl = newUrl;
}
/** For desks in one folder the same database, as it would be for SQLite. */
async function databaseOf(dir: string): Promise<Record<string, unknown>> {
  if (!databaseUrl) return {};
  const file = join(dir, 'database-url');
  if (!existsSync(file)) writeFileSync(file, await databaseUrl());
  return { database: { kind: 'postgres', urlFile: file } };
}

export async function startDesk(
  given: {
    readonly gateways?: readonly string[];
    readonly clock?: Clock;
    readonly config?: Record<string, unknown>;
    readonly folder?: ReturnType<typeof deskFolder>;
  } = {},
): Promise<TestDesk> {
  const ids = given.gateways ?? ['east'];
  const { dir, secrets } = given.folder ?? deskFolder(ids);
  const config = deskConfig(dir, ids, { ...(await databaseOf(dir)), ...given.config });
  const common = {
    config,
    clock: given.clock ?? systemClock,
    logger: silentLogger,
    passwords: quickPasswords,
  };
  const desk = createDesk({
    ...common,
    random: systemRandom,
    passKillPoint: () => undefined,
    installDir: pathToFileURL(`${dir}/`),
    version: '0.0.0-test',
  });
  await desk.start(new AbortController().signal);
  onTestFinished(() => desk.stop());
  const url = desk.address();
  return {
    url,
    dir,
    desk,
    config,
    gateway: (id) => createTestGateway(url, id, secrets.get(id)!),
    addUser: async (name, role) => {
      await withDeskTools(common, ({ users }) => users.add(name, role, password));
      return signIn(url, name);
    },
    signIn: (name) => signIn(url, name),
    tools: (work) => withDeskTools(common, work),
    lines: () => withDeskTools(common, ({ alerts }) => alerts.lines(1000)),
  };
}

export interface TestGateway {
  readonly webhook: Webhook;
  /** Sends one event as a gateway would; the changes are for what should be refused. */
  send(
    event: { readonly id: string } & Readonly<Record<string, unknown>>,
    changes?: {
      readonly at?: Date;
      readonly body?: string;
      readonly to?: string;
      readonly id?: string;
      readonly type?: string;
    },
  ): Promise<{ status: number; json: Json; headers: Headers }>;
  poll(
    after: string,
    waitS: number,
    signal?: AbortSignal,
  ): Promise<{ status: number; feedback: Json[]; cursor: string; verified: boolean; json: Json }>;
}

export function createTestGateway(url: string, id: string, secret: string): TestGateway {
  const webhook = new Webhook(secret);
  const signed = (messageId: string, at: Date, body: string): Record<string, string> => ({
    'webhook-id': messageId,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': webhook.sign(messageId, at, body),
  });
  return {
    webhook,
    send: async (event, changes = {}) => {
      const body = JSON.stringify(event);
      const reply = await fetch(`${url}/notices/${changes.to ?? id}`, {
        method: 'POST',
        headers: {
          'content-type': changes.type ?? 'application/cloudevents+json; charset=utf-8',
          ...signed(changes.id ?? event.id, changes.at ?? new Date(), body),
        },
        body: changes.body ?? body,
      });
      return { status: reply.status, json: await reply.json(), headers: reply.headers };
    },
    poll: async (after, waitS, signal) => {
      const source = encodeURIComponent(`/community/test/gateway/${id}`);
      const target = `/feedback/${id}?after=${after}&waitS=${waitS}&source=${source}`;
      const requestId = `poll-${v7()}`;
      const reply = await fetch(`${url}${target}`, {
        headers: signed(requestId, new Date(), target),
        ...(signal ? { signal } : {}),
      });
      const text = await reply.text();
      const json = JSON.parse(text);
      let verified = false;
      if (reply.status === 200) {
        webhook.verify(text, Object.fromEntries(reply.headers.entries()));
        verified = reply.headers.get('webhook-id') === requestId;
      }
      return { status: reply.status, feedback: json.feedback ?? [], cursor: json.cursor ?? '', verified, json };
    },
  };
}

export interface TestOfficer {
  readonly cookie: string;
  get(path: string): Promise<{ status: number; json: Json; headers: Headers }>;
  post(path: string, body?: unknown): Promise<{ status: number; json: Json; headers: Headers }>;
  put(path: string, body: unknown): Promise<{ status: number; json: Json; headers: Headers }>;
  /** Answers an alert; the id is new unless given. */
  answer(alertId: string, answer: Record<string, unknown>): Promise<{ status: number; json: Json }>;
}

export async function signIn(url: string, name: string, word = password): Promise<TestOfficer> {
  const login = await fetch(`${url}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password: word }),
  });
  if (login.status !== 200) throw new Error(`login: ${login.status} ${await login.text()}`);
  const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0]!;
  const request = async (path: string, init: RequestInit) => {
    const reply = await fetch(`${url}${path}`, init);
    const text = await reply.text();
    return { status: reply.status, json: text === '' ? null : JSON.parse(text), headers: reply.headers };
  };
  const officer: TestOfficer = {
    cookie,
    get: (path) => request(path, { headers: { cookie } }),
    post: (path, body) =>
      request(path, {
        method: 'POST',
        headers: { cookie, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    put: (path, body) =>
      request(path, {
        method: 'PUT',
        headers: {
          cookie,
          'content-type': body instanceof Uint8Array ? 'application/octet-stream' : 'application/json',
        },
        body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body),
      }),
    answer: (alertId, answer) => officer.post(`/api/alerts/${alertId}/feedback`, { id: v7(), text: '', ...answer }),
  };
  return officer;
}

/** One version of an alert as a gateway tells it. */
export function noticeEvent(
  change: keyof typeof noticeTypes,
  given: Partial<NoticeData> & { readonly alertId: string; readonly version: number; readonly at?: Date },
): NoticeEvent {
  const { at = new Date(), ...data } = given;
  const time = at.toISOString();
  return {
    specversion: '1.0',
    id: v7(),
    source: '/community/test/gateway/east',
    subject: data.alertId,
    time,
    datacontenttype: 'application/json',
    type: noticeTypes[change],
    data: {
      noticeId: v7(),
      form: 'report',
      tier: 'red',
      kind: 'fire.smoke',
      state: 'raised',
      title: { zh: '3号楼充电棚 烟感报警', en: 'Smoke in the shed of house 3' },
      message: { zh: '烟雾', en: 'smoke' },
      occurredAt: time,
      raisedAt: time,
      lastAt: time,
      count: 1,
      place: {
        site: { id: 'test', name: '测试小区' },
        area: { id: 'shed-3', name: '3号楼充电棚' },
        grid: null,
        name: '3号楼充电棚',
      },
      gateway: 'east',
      source: 'fire/f-0012',
      facts: { temperatureC: 61 },
      evidence: [],
      owner: null,
      acknowledgedAt: null,
      escalation: 0,
      deadline: new Date(at.getTime() + 300_000).toISOString(),
      rule: { id: 'smoke', version: '0123456789ab' },
      news: {
        kind: change === 'closed' ? 'closed' : change === 'updated' ? 'repeated' : change,
        by: 'kanmen',
        at: time,
        text: '',
      },
      ...data,
    },
  };
}

/** Waits until `look` gives something; the test's own time limit ends it. */
export async function until<T>(
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
): Promise<T> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
