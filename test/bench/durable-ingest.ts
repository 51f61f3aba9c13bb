// Question: what does "acknowledged means stored, and the rules have run" cost, against a broker that only acknowledges?
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import {
  addDevices,
  createTestFolder,
  projectRoot,
  startKanmen,
  type IssuedCredential,
} from '../support/kanmen-process.ts';
import { cpuSecondsOf, round, type Benchmark, type BenchmarkOptions } from './harness.ts';

interface Measured {
  readonly cpuMicrosPerMessage: number;
  readonly messagesPerSecond: number;
  /** Share of one core that the broker's process used; above 1 with its writer thread. */
  readonly brokerCores: number;
  readonly generatorCores: number;
  readonly payloadBytes: number;
}

const clients = 200;
const window = 20;

/** Drives one broker with the load and measures the broker's whole process from outside. */
async function drive(
  pid: number,
  port: number,
  credentials: readonly IssuedCredential[],
  perClient: number,
  run: number,
): Promise<Measured> {
  const load = spawn(process.execPath, [join(projectRoot, 'dist/test/bench/mqtt-load.js')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: load.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Record<string, number>> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the generator ended early');
    return JSON.parse(value) as Record<string, number>;
  };
  const tell = (line: string): void => void load.stdin.write(`${line}\n`);
  try {
    tell(JSON.stringify({ port, clients: credentials, perClient, window, run }));
    const { payloadBytes = 0 } = await next();
    const before = cpuSecondsOf(pid);
    tell('go');
    const { acknowledged = 0, seconds = 1, cpuSeconds = 0 } = await next();
    const used = cpuSecondsOf(pid) - before;
    return {
      cpuMicrosPerMessage: (used * 1e6) / acknowledged,
      messagesPerSecond: acknowledged / seconds,
      brokerCores: used / seconds,
      generatorCores: cpuSeconds / seconds,
      payloadBytes,
    };
  } finally {
    load.kill('SIGKILL');
  }
}

async function startBare(): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [join(projectRoot, 'dist/test/bench/bare-broker.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((resolve) =>
    createInterface({ input: child.stdout }).once('line', (line) =>
      resolve((JSON.parse(line) as { port: number }).port),
    ),
  );
  return { child, port };
}

async function run({ full, say, settings }: BenchmarkOptions): Promise<Awaited<ReturnType<Benchmark['run']>>> {
  const perClient = full ? 2000 : 400;
  const rounds = full ? 3 : 2;
  const folder = createTestFolder();
  const config = folder.write('kanmen.yaml', {
    site: { id: 'bench', name: 'bench' },
    areas: [{ id: 'shed', name: 'shed', grid: null }],
    dataDir: 'data',
    mqtt: { listen: '127.0.0.1:0', maxMessagesPerMinute: 1_000_000 },
    api: { listen: '127.0.0.1:0' },
    log: { level: 'error' },
  });
  const keys = Array.from({ length: clients }, (_, i) => `charger/${10_000_000 + i}`);
  const credentials = await addDevices(config, keys, 'shed');
  const environment: Record<string, string> =
    settings['fsync-ms'] === undefined ? {} : { KANMEN_TEST: '1', KANMEN_FSYNC_MS: settings['fsync-ms'] };
  const gateway = await startKanmen('run', config, environment);
  const bare = await startBare();
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  try {
    const port = Number(new URL(gateway.ready.mqtt ?? '').port);
    const pid = gateway.child.pid ?? 0;
    // First round is warm-up: JIT, prepared statements, files. The packets of each round must be new to the gateway.
    for (let i = 0; i <= rounds; i += 1) {
      const a = await drive(bare.child.pid ?? 0, bare.port, credentials, perClient, i);
      const b = await drive(pid, port, credentials, perClient, i);
      say(
        `round ${i}${i === 0 ? ' (warm-up)' : ''}: bare ${round(a.cpuMicrosPerMessage, 1)} µs ${round(a.messagesPerSecond, 0)}/s, ours ${round(b.cpuMicrosPerMessage, 1)} µs ${round(b.messagesPerSecond, 0)}/s`,
      );
      if (i > 0) {
        theirs.push(a);
        ours.push(b);
      }
    }
  } finally {
    bare.child.kill('SIGKILL');
    await gateway.stop();
    folder.remove();
  }
  const mean = (of: readonly Measured[], pick: (m: Measured) => number): number =>
    of.reduce((sum, m) => sum + pick(m), 0) / of.length;
  const bareMicros = mean(theirs, (m) => m.cpuMicrosPerMessage);
  const ourMicros = mean(ours, (m) => m.cpuMicrosPerMessage);
  const idle = [...ours, ...theirs].filter((m) => m.brokerCores < 0.9);
  return {
    value: idle.length > 0 ? null : round(bareMicros / ourMicros),
    unit: 'ratio',
    baseline: { name: 'bare aedes, CPU µs per message', value: round(bareMicros, 1) },
    n: clients * perClient * rounds,
    p50: null,
    p95: null,
    p99: null,
    extra: {
      ourCpuMicrosPerMessage: round(ourMicros, 1),
      ourMessagesPerSecond: round(
        mean(ours, (m) => m.messagesPerSecond),
        0,
      ),
      bareMessagesPerSecond: round(
        mean(theirs, (m) => m.messagesPerSecond),
        0,
      ),
      ourCores: round(
        mean(ours, (m) => m.brokerCores),
        2,
      ),
      bareCores: round(
        mean(theirs, (m) => m.brokerCores),
        2,
      ),
      generatorCores: round(
        mean(ours, (m) => m.generatorCores),
        2,
      ),
      payloadBytes: ours[0]?.payloadBytes ?? 0,
      fsyncDelayMs: Number(settings['fsync-ms'] ?? '0'),
    },
    ...(idle.length > 0
      ? {
          void: `the generator was too slow: a broker used only ${round(Math.min(...idle.map((m) => m.brokerCores)), 2)} of a core`,
        }
      : {}),
  };
}

export const durableIngest: Benchmark = {
  name: 'durable-ingest',
  question: 'MQTT QoS 1 ingest, acknowledged = committed and rules run: bare aedes CPU per message ÷ ours',
  run,
};
