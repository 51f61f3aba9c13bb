/** A gateway on a disk that fills to the last byte and empties again: what of alarms and readings comes through. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import { openFarSide } from '../../gateway/channels/webhook/far-side.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { createStore } from '../../gateway/store/index.ts';
import { connectDevice, smokeAlarm } from './community.ts';
import { freePort } from './free-port.ts';
import { addDevices, createTestFolder, startKanmen, type IssuedCredential } from './kanmen-process.ts';
import { mountSmallDisk } from './small-disk.ts';

const MB = 1_000_000;
const mountBytes = 220 * MB;
const space = { warn: '90MB', clips: '80MB', pictures: '70MB', passages: '60MB', readings: '45MB' } as const;
/** Free bytes that bring each word, in order. */
const steps = [
  { leave: 85 * MB, state: 'low', refused: [] },
  { leave: 75 * MB, state: 'low', refused: ['clips'] },
  { leave: 65 * MB, state: 'low', refused: ['clips', 'pictures'] },
  { leave: 52 * MB, state: 'low', refused: ['clips', 'pictures', 'passages'] },
  { leave: 35 * MB, state: 'low', refused: ['clips', 'pictures', 'passages', 'readings'] },
] as const;

export interface FullDiskFinding {
  /** Alarms that were published while the disk was full. */
  readonly alarms: number;
  /** Of these: not acknowledged, not received by the station, or received twice. */
  readonly lost: number;
  /** ms from publishing to the station's having it, while full. */
  readonly latenciesMs: readonly number[];
  /** Readings that were acknowledged and are not there, or are there twice; or never acknowledged after there was room. */
  readonly readingsWrong: number;
  readonly readings: number;
  /** Of them: acknowledged while the disk was full, which must not be. */
  readonly acknowledgedWhileFull: number;
  /** What was said at each step that is not what should be. */
  readonly saidWrong: readonly string[];
  /** From room on the disk to everything being taken again. */
  readonly recoveryMs: number;
  /** system events of the disk, in order. */
  readonly told: readonly string[];
}

interface StatusJson {
  readonly disk: { readonly state: string; readonly refused: readonly string[] } | null;
}

/** Null where no small disk can be mounted. */
export async function playFullDisk(plan: {
  readonly alarms: number;
  readonly piles: number;
  readonly say: (line: string) => void;
}): Promise<FullDiskFinding | null> {
  const disk = await mountSmallDisk(mountBytes);
  if (!disk) return null;
  const folder = createTestFolder();
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  folder.write('station.secret', secret);
  const station = await openFarSide(secret);
  const receivedAt = new Map<string, number[]>();
  const note = setInterval(() => {
    for (const { data } of station.items.slice(noted)) {
      noted += 1;
      const { source, news } = data as { source?: string; news?: { kind: string } };
      if (source !== undefined && news?.kind === 'raised')
        receivedAt.set(source, [...(receivedAt.get(source) ?? []), Date.now()]);
    }
  }, 2);
  let noted = 0;
  const config = folder.write('kanmen.yaml', {
    site: { id: 'dongyuan', name: '东苑小区' },
    dataDir: `${disk.dir}/data`,
    mqtt: { listen: `127.0.0.1:${await freePort()}` },
    api: { listen: '127.0.0.1:0' },
    log: { level: 'error' },
    store: { reserve: '32MB', space },
    recipients: [
      { id: 'station', name: '派出所', role: 'station', channel: 'desk' },
      { id: 'property', name: '物业', role: 'community', channel: 'desk' },
    ],
    channels: { desk: { kind: 'webhook', url: `${station.origin}/notices`, secretFile: 'station.secret' } },
  });
  const sensors = Array.from({ length: plan.alarms + 1 }, (_, n) => `fire/f-${n}`);
  const piles = Array.from({ length: plan.piles }, (_, n) => `charger/c-${n}`);
  const credentials = new Map(
    (await addDevices(config, [...sensors, ...piles])).map((credential) => [credential.username, credential]),
  );
  const credentialOf = (key: string): IssuedCredential => {
    const found = credentials.get(key);
    if (!found) throw new Error(`no credential of ${key}`);
    return found;
  };
  const gateway = await startKanmen('run', config);
  const clients: MqttClient[] = [];
  try {
    const connect = async (key: string): Promise<MqttClient> => {
      const client = await connectDevice(gateway, credentialOf(key));
      // A device that is cut off tries again after a while, not at once.
      client.options.reconnectPeriod = 1000;
      client.on('error', () => undefined);
      clients.push(client);
      return client;
    };
    const { token } = JSON.parse((await import('node:fs')).readFileSync(`${disk.dir}/data/run.json`, 'utf8')) as {
      token: string;
    };
    const status = async (): Promise<StatusJson> =>
      (await (
        await fetch(`${gateway.ready.api}/api/status`, { headers: { 'x-kanmen-control': token } })
      ).json()) as StatusJson;
    const until = async (what: string, holds: () => Promise<boolean>, withinMs = 60_000): Promise<number> => {
      const from = Date.now();
      for (;;) {
        if (await holds()) return Date.now() - from;
        if (Date.now() - from > withinMs) throw new Error(`never came: ${what}`);
        await sleep(50);
      }
    };

    const reading = (pile: string, n: number): string =>
      JSON.stringify({
        ...{ v: 1, id: `${pile}-${n}`, ts: new Date().toISOString().replace('Z', '+00:00'), pile },
        ...{ port: 1, state: 'idle', power_w: 0, voltage_v: 221, current_a: 0, energy_kwh: 0 },
      });
    const pileClients = await Promise.all(piles.map(connect));
    const acknowledged = new Set<string>();
    const sent: string[] = [];
    let turn = 0;
    /** One reading of each pile; `acknowledged` fills as they are. */
    const report = (): Promise<void>[] => {
      turn += 1;
      return pileClients.map(async (client, index) => {
        const pile = `c-${index}`;
        const id = `${pile}-${turn}`;
        sent.push(id);
        const topic = `${credentialOf(`charger/${pile}`).topicPrefix}/port/1/telemetry`;
        await client.publishAsync(topic, reading(pile, turn), { qos: 1 });
        acknowledged.add(id);
      });
    };
    const alarm = async (key: string, client: MqttClient): Promise<number> => {
      const at = Date.now();
      const { topicPrefix } = credentialOf(key);
      await client.publishAsync(`${topicPrefix}/alarm`, smokeAlarm(key.slice('fire/'.length)), { qos: 1 });
      return at;
    };
    const sensorClients = await Promise.all(sensors.map(connect));

    await until('the reserve', async () => (await disk.freeBytes()) < mountBytes - 32 * MB);
    await Promise.all(report());
    const [firstSensor] = sensors;
    const [firstClient] = sensorClients;
    if (firstSensor === undefined || !firstClient) throw new Error('no sensor');
    await alarm(firstSensor, firstClient);
    await until('the first alarm', () => Promise.resolve(receivedAt.has(firstSensor)));
    plan.say(`gateway runs with ${Math.round((await disk.freeBytes()) / MB)} MB free`);

    const saidWrong: string[] = [];
    for (const { leave, state, refused } of steps) {
      await disk.leaveFree(leave);
      const wanted = JSON.stringify({ state, refused });
      const said = async (): Promise<string> => {
        const { disk: now } = await status();
        return JSON.stringify({ state: now?.state, refused: now?.refused });
      };
      await until(wanted, async () => (await said()) === wanted, 15_000).catch(async () => {
        saidWrong.push(`${leave} free: ${await said()}`);
      });
    }
    plan.say('readings are refused');
    const waiting = report();
    await sleep(1000);
    const earlyAcknowledged = acknowledged.size - plan.piles;

    await disk.leaveFree(0);
    plan.say(`disk full: ${await disk.freeBytes()} bytes free`);
    const publishedAt = new Map<string, number>();
    for (let n = 1; n < sensors.length; n += 1) {
      const [key, client] = [sensors[n], sensorClients[n]];
      if (key === undefined || !client) continue;
      publishedAt.set(key, Date.now());
      await Promise.race([
        alarm(key, client),
        sleep(30_000).then(() => {
          throw new Error(`alarm of ${key} not acknowledged`);
        }),
      ]);
    }
    await until('the alarms', () => Promise.resolve([...publishedAt.keys()].every((key) => receivedAt.has(key)))).catch(
      () => undefined,
    );
    const full = (await status()).disk;
    if (full?.state !== 'full') saidWrong.push(`with no room: ${JSON.stringify(full)}`);
    const acknowledgedWhileFull = earlyAcknowledged + (acknowledged.size - plan.piles - earlyAcknowledged);
    plan.say(`alarms received: ${[...publishedAt.keys()].filter((key) => receivedAt.has(key)).length}`);

    await disk.leaveFree(150 * MB);
    const recoveryMs = await until(
      'everything is taken again',
      async () => {
        const { disk: now } = await status();
        return now?.state === 'ok' && now.refused.length === 0 && acknowledged.size === sent.length;
      },
      120_000,
    );
    await Promise.all([...waiting, ...report()]);
    plan.say(`recovered by itself in ${recoveryMs} ms`);

    // Beside the gateway, as the command line opens it: that there is room again is told with the next look at the disk.
    const store = createStore({
      file: `${disk.dir}/data/kanmen.sqlite`,
      ...{ clock: systemClock, logger: silentLogger, reserveBytes: 0 },
    });
    await store.start(new AbortController().signal);
    const recorded = (): { readonly stored: number; readonly told: readonly string[] } => {
      const told: string[] = [];
      let stored = 0;
      for (let after: number | null = null; ;) {
        const page = store.eventsSince(0 as never, after, 2000);
        for (const event of page.events) {
          if (event.kind === 'charging') stored += 1;
          if (event.kind === 'system' && event.part === 'disk') told.push(event.change);
        }
        if (page.last === null) return { stored, told };
        after = page.last;
      }
    };
    await until('disk-ok', () => Promise.resolve(recorded().told.includes('disk-ok')), 20_000).catch(() => undefined);
    for (const client of clients) await client.endAsync(true);
    await gateway.stop();
    const { stored, told } = recorded();
    await store.stop();
    const lost = [...publishedAt.keys()].filter((key) => (receivedAt.get(key)?.length ?? 0) !== 2).length;
    return {
      alarms: publishedAt.size,
      // Two recipients: the station has each alarm once for itself and once for the property.
      lost,
      latenciesMs: [...publishedAt].flatMap(([key, at]) => {
        const first = receivedAt.get(key)?.[0];
        return first === undefined ? [] : [first - at];
      }),
      readings: sent.length,
      readingsWrong: Math.abs(stored - sent.length) + (sent.length - acknowledged.size),
      ...{ acknowledgedWhileFull, saidWrong, recoveryMs, told },
    };
  } finally {
    clearInterval(note);
    for (const client of clients) client.end(true);
    await gateway.stop('SIGKILL');
    await station.close();
    folder.remove();
    await disk.unmount();
  }
}
