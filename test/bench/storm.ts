// Question: the power comes back and 2 200 devices reconnect and report at once: is anything lost, and how soon is a fire
// alarm among them at the desk?
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRecordedEvents } from '../../gateway/store/index.ts';
import { createCommunity } from '../support/community.ts';
import { openDesk, type Reader } from '../support/demo/clients.ts';
import { addDevices, addUser, projectRoot } from '../support/kanmen-process.ts';
import { createRandom } from '../support/simulators/random.ts';
import { percentile, percentiles, round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';
import type { StormOrder, StormReport } from './storm-load.ts';

const piles = 200;
const sensors = 2000;
const ports = 10;
const deskWithinMs = 60_000;

interface Generator {
  up(storm: number, alarm: string): Promise<StormReport>;
  cut(): Promise<void>;
  stop(): void;
}

function startGenerator(order: StormOrder): Generator {
  const child = spawn(process.execPath, [join(projectRoot, 'dist/test/bench/storm-load.js')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (line: string): Promise<unknown> => {
    child.stdin.write(`${line}\n`);
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the generator ended early');
    return JSON.parse(value) as unknown;
  };
  child.stdin.write(`${JSON.stringify(order)}\n`);
  return {
    up: async (number, alarm) => (await ask(JSON.stringify({ storm: number, alarm }))) as StormReport,
    cut: async () => {
      await ask('cut');
    },
    stop: () => {
      child.kill('SIGKILL');
    },
  };
}

/** When the desk had stored the red alert of this sensor, epoch ms. */
async function arrivedAt(desk: Reader, source: string, sinceMs: number): Promise<number | null> {
  const deadline = Date.now() + deskWithinMs;
  while (Date.now() < deadline) {
    for (const alert of await desk.list('/api/alerts?state=all&tier=red')) {
      const at = Date.parse(alert['receivedAt'] as string);
      if (alert['source'] === source && at >= sinceMs) return at;
    }
    await sleep(200);
  }
  return null;
}

async function run({ full, seed, say }: BenchmarkOptions): Promise<Finding> {
  const storms = full ? 20 : 4;
  const random = createRandom(seed);
  const keys = [
    ...Array.from({ length: piles }, (_, index) => `charger/${10_000_000 + index}`),
    ...Array.from({ length: sensors }, (_, index) => `fire/f-${String(index + 1).padStart(4, '0')}`),
  ];
  const community = await createCommunity({ devices: [] });
  let generator: Generator | null = null;
  try {
    // Without an area: alarms of one area would join one alert.
    const credentials = await addDevices(community.gatewayConfig, keys);
    await addUser(community.deskConfig, 'bench', 'duty', 'benchmark-password');
    const deskProcess = await community.startDesk();
    const gateway = await community.startGateway();
    const desk = await openDesk(deskProcess.ready.api, { name: 'bench', password: 'benchmark-password' });
    generator = startGenerator({
      port: Number(new URL(gateway.ready.mqtt ?? '').port),
      devices: credentials.map((credential) => ({
        ...credential,
        ports: credential.username.startsWith('charger/') ? ports : 0,
      })),
    });
    const firstMs = Date.now();
    const reports: StormReport[] = [];
    const fromPublish: number[] = [];
    const fromPower: number[] = [];
    for (let storm = 0; storm < storms; storm += 1) {
      const source = `fire/f-${String(random.integer(1, sensors)).padStart(4, '0')}`;
      const report = await generator.up(storm, source);
      const at = await arrivedAt(desk, source, report.startedAtMs);
      if (at === null) throw new Error(`the alarm of ${source} did not reach the desk within ${deskWithinMs} ms`);
      reports.push(report);
      fromPublish.push((at - report.alarm.publishedAtMs) / 1000);
      fromPower.push((at - report.startedAtMs) / 1000);
      say(
        `storm ${storm + 1}: all connected after ${report.connectedAllAtMs - report.startedAtMs} ms, all acknowledged after ${report.acknowledgedAllAtMs - report.startedAtMs} ms, alarm at the desk ${at - report.alarm.publishedAtMs} ms after it was sent, ${at - report.startedAtMs} ms after the power was back`,
      );
      await generator.cut();
      // The gateway learns that all have gone.
      await sleep(2000);
    }
    await gateway.stop();
    const record = await openRecordedEvents(join(community.folder.dir, 'gateway/data/kanmen.sqlite'));
    let stored = 0;
    for (const event of record.read({
      ...{ fromMs: firstMs - 60_000, toMs: Date.now() + 60_000 },
      kinds: ['charging', 'fire', 'fire-telemetry'],
    }))
      if (event.receivedAt >= firstMs) stored += 1;
    record.close();
    // `status` is a device's state, not an event of its own.
    const said = reports.reduce((sum, { messages }) => sum + messages - credentials.length, 0);
    const lost = said - stored;
    const worst = Math.max(...fromPublish);
    return {
      value: lost === 0 ? round(worst) : null,
      unit: 's from publish to the desk, the worst of all storms',
      baseline: null,
      ...percentiles(fromPublish),
      extra: {
        ...{ devices: credentials.length, storms, messages: said, lost },
        worstFromPowerS: round(Math.max(...fromPower)),
        connectedAllS: round(
          (percentile(
            reports.map((one) => one.connectedAllAtMs - one.startedAtMs),
            0.5,
          ) ?? 0) / 1000,
        ),
        acknowledgedAllS: round(
          (percentile(
            reports.map((one) => one.acknowledgedAllAtMs - one.startedAtMs),
            0.5,
          ) ?? 0) / 1000,
        ),
        retries: reports.reduce((sum, { retries }) => sum + retries, 0),
      },
      ...(lost === 0 ? {} : { void: `${lost} of ${said} acknowledged messages are not in the record` }),
    };
  } finally {
    generator?.stop();
    await community.close();
  }
}

export const storm: Benchmark = {
  name: 'storm',
  question:
    '2 200 devices reconnect and report at once: seconds until a fire alarm among them is at the desk, and what is lost',
  run,
};
