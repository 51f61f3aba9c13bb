import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AreaId, DeviceKey, EventId, SiteId } from '../gateway/domain/ids.ts';
import { systemClock, type EpochMs } from '../gateway/lib/clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { systemRandom } from '../gateway/lib/random.ts';
import { createSeries, seriesOptions, type Reading, type SeriesExporter } from '../gateway/series/index.ts';
import { createStore, type Store } from '../gateway/store/index.ts';
import { connectDevice, createCommunity } from './support/community.ts';
import { startInflux, type TestInflux } from './support/influxdb.ts';
import { createTestFolder, type TestFolder } from './support/kanmen-process.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const site = 'dongyuan' as SiteId;
const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function openInflux(environment?: Readonly<Record<string, string>>): Promise<TestInflux> {
  const influx = await startInflux(environment);
  closers.push(() => influx.remove());
  return influx;
}

function newFolder(): TestFolder {
  const folder = createTestFolder();
  closers.push(() => folder.remove());
  return folder;
}

async function openStore(folder: TestFolder): Promise<Store> {
  const store = createStore({
    file: `${folder.dir}/kanmen.sqlite`,
    clock: systemClock,
    logger: silentLogger,
    reserveBytes: 0,
  });
  await store.start(new AbortController().signal);
  closers.push(() => store.stop());
  return store;
}

async function startExporter(store: Store, influx: object): Promise<SeriesExporter> {
  const exporter = createSeries({
    options: seriesOptions.parse({ influx: { interval: '100ms', batchSize: 50, ...influx } }),
    site,
    reads: store,
    commit: store.commit,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  if (!exporter) throw new Error('series.influx is set');
  await exporter.start(new AbortController().signal);
  closers.push(() => exporter.stop());
  return exporter;
}

const startedAt = Date.UTC(2026, 10, 22, 8);
/** Reading number `n`: every third of a fire sensor, the others of ten ports of a pile. */
function readingOf(n: number): Reading {
  const base = {
    id: `e-${n}` as EventId,
    at: (startedAt + n) as EpochMs,
    receivedAt: (startedAt + n) as EpochMs,
    area: 'shed' as AreaId,
    late: false,
  };
  if (n % 3 === 0) {
    return {
      ...base,
      ...{ kind: 'fire-telemetry', device: 'fire/f-1' as DeviceKey, smokeDbm: n / 1000, temperatureC: 20 },
      ...{ coPpm: 0, batteryPct: n % 6 === 0 ? 90 : null, rssiDbm: null },
    };
  }
  return {
    ...base,
    ...{ kind: 'charging', device: 'charger/p1' as DeviceKey, port: (n % 10) + 1, report: 'telemetry' },
    ...{ state: 'charging', powerW: n, voltageV: 220.4, currentA: null, energyKwh: null, durationS: null },
    ...{ ambientC: null, portC: null, order: null, stopReason: null },
  };
}
const store10 = async (store: Store, from: number): Promise<void> => {
  await store.commit(
    Array.from({ length: 10 }, (_, index) => ({
      kind: 'event-recorded' as const,
      event: readingOf(from + index),
      messageKey: null,
    })),
  );
};

/** All points, as numbers of readings, sorted. */
async function numbersIn(influx: TestInflux): Promise<number[]> {
  const rows = await influx.query('kanmen', 'SELECT * FROM charging, fire');
  return rows.map(({ time }) => Number(time) - startedAt).sort((a, b) => a - b);
}

describe('time series', () => {
  let probe: TestInflux;
  beforeAll(async () => {
    // The package is fetched and unpacked here, so that no test's time is spent on it.
    probe = await startInflux();
    await probe.remove();
  });

  it('has every reading exactly once in the end, whatever ends or stops in the middle', async () => {
    const influx = await openInflux();
    const folder = newFolder();
    const store = await openStore(folder);
    const options = { url: influx.url };
    let exporter = await startExporter(store, options);
    for (let n = 0; n < 300; n += 10) await store10(store, n);
    await vi.waitFor(async () => expect((await numbersIn(influx)).length).toBeGreaterThan(50), 20_000);

    await influx.kill();
    // The line goes on: what is stored does not wait for the series.
    for (let n = 300; n < 600; n += 10) await store10(store, n);
    await vi.waitFor(() => expect(exporter.report().waitedMs).toBeGreaterThan(0), 20_000);
    expect(exporter.report().depth).toBeGreaterThanOrEqual(300);
    await exporter.stop();

    await influx.restart();
    exporter = await startExporter(store, options);
    for (let n = 600; n < 900; n += 10) {
      await store10(store, n);
      // Again and again in the middle of its work.
      if (n % 50 === 0) {
        await exporter.stop();
        exporter = await startExporter(store, options);
      }
    }
    await vi.waitFor(() => expect(exporter.report().depth).toBe(0), 30_000);
    expect(await numbersIn(influx)).toEqual(Array.from({ length: 900 }, (_, n) => n));
    expect(exporter.report().dropped).toBe(0);

    const [pile] = await influx.query('kanmen', `SELECT * FROM charging WHERE time = ${startedAt + 7}ms`);
    expect(pile).toMatchObject({
      ...{ time: startedAt + 7, site: 'dongyuan', area: 'shed', device: 'charger/p1', port: '8' },
      ...{ state: 'charging', powerW: 7, voltageV: 220.4 },
    });
    const [sensor] = await influx.query('kanmen', `SELECT * FROM fire WHERE time = ${startedAt + 9}ms`);
    expect(sensor).toMatchObject({ device: 'fire/f-1', smokeDbm: 0.009, temperatureC: 20, coPpm: 0 });
  });

  it('writes nothing twice and nothing again after a restart: the position is in the store', async () => {
    const influx = await openInflux();
    const store = await openStore(newFolder());
    await store10(store, 0);
    const first = await startExporter(store, { url: influx.url });
    await vi.waitFor(() => expect(first.report()).toMatchObject({ depth: 0, passed: 10 }), 20_000);
    await first.stop();
    await store10(store, 10);
    const second = await startExporter(store, { url: influx.url });
    await vi.waitFor(() => expect(second.report()).toMatchObject({ depth: 0, passed: 10 }), 20_000);
  });

  it('signs in with the password of a file', async () => {
    const influx = await openInflux({ INFLUXDB_HTTP_AUTH_ENABLED: 'true' });
    const made = await fetch(`${influx.url}/query`, {
      method: 'POST',
      body: new URLSearchParams({ q: "CREATE USER kanmen WITH PASSWORD 'open sesame' WITH ALL PRIVILEGES" }),
    });
    expect(made.status).toBe(200);
    const folder = newFolder();
    const store = await openStore(folder);
    await store10(store, 0);
    const wrong = await startExporter(store, {
      ...{ url: influx.url, username: 'kanmen', passwordFile: folder.write('wrong.txt', 'wrong') },
    });
    await vi.waitFor(() => expect(wrong.report().waitedMs).toBeGreaterThan(0), 20_000);
    expect(wrong.report()).toMatchObject({ depth: 10, passed: 0, dropped: 0 });
    await wrong.stop();
    const right = await startExporter(store, {
      ...{ url: influx.url, username: 'kanmen', passwordFile: folder.write('right.txt', 'open sesame\n') },
    });
    await vi.waitFor(() => expect(right.report()).toMatchObject({ depth: 0, passed: 10 }), 20_000);
  });

  it('leaves out points that the database refuses for good, counts them and goes on', async () => {
    const influx = await openInflux();
    await fetch(`${influx.url}/query`, { method: 'POST', body: new URLSearchParams({ q: 'CREATE DATABASE kanmen' }) });
    // Someone else wrote a text where our readings have a number.
    const stranger = await fetch(`${influx.url}/write?db=kanmen&precision=ms`, {
      method: 'POST',
      body: `fire,device=other batteryPct="full" ${startedAt}`,
    });
    expect(stranger.status).toBe(204);
    const store = await openStore(newFolder());
    for (let n = 0; n < 60; n += 10) await store10(store, n);
    const exporter = await startExporter(store, { url: influx.url });
    await vi.waitFor(() => expect(exporter.report().depth).toBe(0), 30_000);
    // Every sixth reading says its battery.
    expect(exporter.report()).toMatchObject({ passed: 50, dropped: 10 });
    expect(await influx.query('kanmen', 'SELECT count(powerW) FROM charging')).toMatchObject([{ count: 40 }]);
  });
});

describe('a gateway with series.influx', () => {
  it('shows the wire in its health and brings what a pile reports to InfluxDB', async () => {
    const influx = await openInflux();
    const community = await createCommunity({
      devices: ['charger/10597059'],
      gateway: { series: { influx: { url: influx.url, database: 'district', interval: '200ms' } }, recipients: [] },
    });
    closers.push(() => community.close());
    const gateway = await community.startGateway();
    const credential = [...community.devices.values()][0]!;
    const pile = await connectDevice(gateway, credential);
    closers.push(() => pile.endAsync());
    const atMs = Math.floor(Date.now() / 1000) * 1000;
    await pile.publishAsync(
      `${credential.topicPrefix}/port/2/telemetry`,
      JSON.stringify({
        ...{ v: 1, ts: new Date(atMs).toISOString().replace('Z', '+00:00'), pile: '10597059', port: 2 },
        ...{ state: 'charging', power_w: 312.5, voltage_v: 221.0, current_a: 1.41 },
      }),
      { qos: 1 },
    );
    await vi.waitFor(
      async () =>
        expect(await influx.query('district', 'SELECT * FROM charging')).toMatchObject([
          { time: atMs, site: 'dongyuan', device: 'charger/10597059', port: '2', area: 'shed', powerW: 312.5 },
        ]),
      { timeout: 20_000, interval: 200 },
    );
    const health = (await (await fetch(`${gateway.ready.api}/health`)).json()) as { wires?: { name: string }[] };
    expect(health.wires?.map(({ name }) => name)).toContain('store → InfluxDB');
    expect(await gateway.stop()).toBe(0);
  });
});
