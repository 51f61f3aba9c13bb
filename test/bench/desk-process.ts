/** A desk as people run it, with gateways that sign and an officer who looks, for the benchmarks of the desk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { withDeskTools } from '../../gateway/desk.ts';
import { loadDesk } from '../../gateway/config/index.ts';
import type { NoticeData, NoticeEvent } from '../../gateway/domain/notice.ts';
import { noticeTypes } from '../../gateway/domain/notice.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { systemRandom } from '../../gateway/lib/random.ts';
import { parseWebhookSecret, signWebhook } from '../../gateway/lib/standard-webhooks.ts';
import { startPostgres, type Postgres } from '../support/postgres.ts';
import { projectRoot } from '../support/kanmen-process.ts';

const password = 'correct horse battery';

export interface BenchDesk {
  readonly folder: string;
  readonly config: string;
  readonly gateways: readonly string[];
  /** Who asks, watches and looks at the screen. */
  readonly officer: { readonly name: string; readonly password: string };
  /** Where the desk is, once it has started. */
  url(): string;
  start(): Promise<string>;
  /** Sends one event as that gateway; answers the status and when (epoch ms) the reply was there. */
  send(gateway: string, event: NoticeEvent): Promise<{ readonly status: number; readonly at: number }>;
  /** One long poll of that gateway; resolves when it ends. */
  poll(gateway: string, signal: AbortSignal): Promise<void>;
  /**
   * GET as the officer, or POST where a body is given: the status, the JSON, and how long it took in ms. `narrow`: as
   * somebody who sees every tenth gateway.
   */
  ask(
    path: string,
    body?: unknown,
    as?: 'wide' | 'narrow',
  ): Promise<{ readonly status: number; readonly json: unknown; readonly ms: number }>;
  /** Calls back for each server-sent event; resolves when the stream is open. */
  watch(onEvent: (name: string, data: string, at: number) => void, signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

export async function makeBenchDesk(gateways: number, database: 'sqlite' | 'postgres'): Promise<BenchDesk> {
  const folder = mkdtempSync(join(tmpdir(), 'kanmen-bench-desk-'));
  const ids = Array.from({ length: gateways }, (_, index) => `gw-${String(index).padStart(3, '0')}`);
  const secret = `whsec_${Buffer.from(systemRandom.bytes(32)).toString('base64')}`;
  const key = parseWebhookSecret(secret);
  if (!key) throw new Error('not a secret');
  writeFileSync(join(folder, 'secret'), `${secret}\n`);
  mkdirSync(join(folder, 'data'));
  let postgres: Postgres | null = null;
  let databaseLine = '';
  if (database === 'postgres') {
    postgres = await startPostgres();
    writeFileSync(join(folder, 'database'), await postgres.database());
    databaseLine = 'database: { kind: postgres, urlFile: database }\n';
  }
  const config = join(folder, 'desk.yaml');
  writeFileSync(
    config,
    `title: 东门派出所\ndataDir: data\nlisten: 127.0.0.1:0\nlog: { level: error }\n${databaseLine}gateways:\n${ids
      .map((id, index) => `  - { id: ${id}, name: 小区${index}, secretFile: secret }`)
      .join('\n')}\n`,
  );
  const loaded = loadDesk(config);
  if (!loaded.ok) throw new Error(loaded.faults.map(({ message }) => message).join('; '));
  await withDeskTools({ config: loaded.value, clock: systemClock, logger: silentLogger }, async ({ users }) => {
    await users.add('王', 'leader', password);
    await users.add('张', 'community', password, { gateways: ids.filter((_, index) => index % 10 === 0) });
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 400 });
  let url = '';
  const cookies = { wide: '', narrow: '' };
  let child: ReturnType<typeof spawn> | null = null;

  const request = (
    path: string,
    options: http.RequestOptions,
    body: string | null,
  ): Promise<{ status: number; text: string }> =>
    new Promise((done, failed) => {
      const sent = http.request(`${url}${path}`, { agent, ...options }, (reply) => {
        const pieces: Buffer[] = [];
        reply.on('data', (piece: Buffer) => pieces.push(piece));
        reply.on('end', () => done({ status: reply.statusCode ?? 0, text: Buffer.concat(pieces).toString() }));
        reply.on('error', failed);
      });
      sent.on('error', failed);
      sent.end(body ?? undefined);
    });
  const signed = (id: string, body: string) =>
    signWebhook({ keys: [key], id, timestampS: Math.floor(Date.now() / 1000), body });

  return {
    folder,
    config,
    gateways: ids,
    officer: { name: '王', password },
    url: () => url,
    start: async () => {
      const started = spawn(process.execPath, [join(projectRoot, 'dist/gateway/main.js'), 'desk', '-c', config], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      child = started;
      const [line] = (await once(createInterface(started.stdout), 'line')) as [string];
      url = (JSON.parse(line) as { api: string }).api;
      for (const [as, name] of [
        ['wide', '王'],
        ['narrow', '张'],
      ] as const) {
        const login = await fetch(`${url}/api/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ name, password }),
        });
        if (login.status !== 200) throw new Error(`login: ${login.status}`);
        cookies[as] = (login.headers.getSetCookie()[0] ?? '').split(';')[0] ?? '';
      }
      return url;
    },
    send: async (gateway, event) => {
      const body = JSON.stringify(event);
      const headers = {
        ...{ 'content-type': 'application/cloudevents+json', 'content-length': String(Buffer.byteLength(body)) },
        ...signed(event.id, body),
      };
      const { status } = await request(`/notices/${gateway}`, { method: 'POST', headers }, body);
      return { status, at: Date.now() };
    },
    poll: async (gateway, signal) => {
      const target = `/feedback/${gateway}?after=&waitS=25&source=x`;
      await request(target, { headers: signed(systemRandom.id(), target), signal }, null).catch(() => undefined);
    },
    ask: async (path, body, as = 'wide') => {
      const text = body === undefined ? null : JSON.stringify(body);
      const from = performance.now();
      const reply = await request(
        path,
        {
          method: text === null ? 'GET' : 'POST',
          headers: { cookie: cookies[as], ...(text === null ? {} : { 'content-type': 'application/json' }) },
        },
        text,
      );
      return { status: reply.status, json: JSON.parse(reply.text) as unknown, ms: performance.now() - from };
    },
    watch: async (onEvent, signal) => {
      const reply = await fetch(`${url}/api/live`, { headers: { cookie: cookies.wide }, signal });
      const { body } = reply;
      if (!body) throw new Error('no live events');
      void (async () => {
        let text = '';
        for await (const piece of body.pipeThrough(new TextDecoderStream())) {
          const at = Date.now();
          const frames = `${text}${piece}`.split('\n\n');
          text = frames.pop() ?? '';
          for (const frame of frames) {
            const name = /^event: (.*)$/m.exec(frame)?.[1];
            if (name !== undefined) onEvent(name, /^data: (.*)$/m.exec(frame)?.[1] ?? '', at);
          }
        }
      })().catch(() => undefined);
    },
    stop: async () => {
      agent.destroy();
      if (child && child.exitCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      await postgres?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const kinds = [
  ['fire.smoke', '烟感报警', 'Smoke alarm'],
  ['charging.over-temperature', '充电桩过温', 'Charging port too hot'],
  ['charging.overload', '充电功率异常', 'Charging power too high'],
  ['camera.silent', '摄像机无画面', 'Camera without a picture'],
  ['vehicle.unregistered', '车辆多日未登记', 'Vehicle unregistered for days'],
] as const;
const streets = ['东苑', '西湖', '南塘', '北辰', '明珠', '江滨'];

/** One alert as a gateway tells it; `n` chooses what it is about. */
export function benchAlert(n: number, given: Partial<NoticeData> & { readonly at: number }): NoticeEvent {
  const { at, ...more } = given;
  const [kind, zh, en] = kinds[n % kinds.length] ?? kinds[0];
  const time = new Date(at).toISOString();
  const house = (n * 7) % 40;
  const street = streets[n % streets.length] ?? '';
  const grid = n % 9;
  const alertId = given.alertId ?? systemRandom.id();
  return {
    ...{ specversion: '1.0', id: systemRandom.id(), source: '/community/bench', subject: alertId, time },
    ...{ datacontenttype: 'application/json', type: noticeTypes.raised },
    data: {
      ...{ alertId, noticeId: systemRandom.id(), version: 1, form: 'report', kind, state: 'raised' },
      tier: (['red', 'orange', 'yellow', 'blue'] as const)[n % 4] ?? 'blue',
      title: { zh: `${street}${house}号楼 ${zh}`, en: `${en}, house ${house}` },
      message: { zh: `${street}小区${house}号楼第${n}次${zh}`, en: `${en} at house ${house}` },
      ...{ occurredAt: time, raisedAt: time, lastAt: time, count: 1 },
      place: {
        site: { id: 'bench', name: `${street}小区` },
        area: { id: `house-${house}`, name: `${house}号楼` },
        grid: { id: `grid-${grid}`, name: `第${grid}网格`, people: ['张三'] },
        name: `${house}号楼`,
      },
      ...{
        gateway: 'bench',
        source: `fire/f-${house}`,
        facts: { temperatureC: 40 + (n % 50), plate: `浙B${10000 + n}` },
      },
      ...{ evidence: [], owner: null, acknowledgedAt: null, escalation: 0 },
      deadline: new Date(at + 300_000).toISOString(),
      rule: { id: kind, version: '1' },
      news: { kind: 'raised', by: 'kanmen', at: time, text: '' },
      ...more,
    },
  };
}
