/**
 * Process of the simulated gate cameras.
 *
 *   node dist/test/support/simulators/cameras.js --seed 7 [--minutes 60] [--port 8554]   random traffic, starts at once
 *   node dist/test/support/simulators/cameras.js --plan FILE                             a plan (camera-plan.ts), `-` = first line of stdin
 *
 * Orders are JSON lines on stdin, answers and records JSON lines on stdout (camera-plan.ts). Ends when stdin is closed.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createGateCamera, type GateCamera } from './camera.ts';
import type { CameraOrder, CamerasPlan } from './camera-plan.ts';
import { printLine, readLines } from './json-lines.ts';
import { createRandom } from './random.ts';
import { randomCameras } from './traffic.ts';

const { values } = parseArgs({
  options: {
    plan: { type: 'string' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '60' },
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
  },
});

let cameras: GateCamera[] = [];

async function startAll(plan: CamerasPlan): Promise<void> {
  cameras = plan.cameras.map((camera) =>
    createGateCamera({
      plan: camera,
      seed: plan.seed,
      host: values.host,
      onRecord: printLine,
      onFault: (fault) => printLine({ fault }),
    }),
  );
  for (const camera of cameras) await camera.start();
  printLine({ ready: true, cameras: cameras.map(({ id, url }) => ({ id, url })) });
}

async function quit(): Promise<void> {
  for (const camera of cameras) await camera.stop();
  process.exit(0);
}

function begin(startMs: number): void {
  for (const camera of cameras) camera.begin(startMs);
}

async function obey(order: CameraOrder): Promise<void> {
  const only = 'camera' in order ? order.camera : undefined;
  if (order.order === 'quit') {
    await quit();
    return;
  }
  const meant = cameras.filter((camera) => only === undefined || camera.id === only);
  if (meant.length === 0) throw new Error(`no camera ${only}`);
  const startMs = order.order === 'start' ? (order.atMs ?? Date.now()) : Date.now();
  if (order.order === 'start') begin(startMs);
  for (const camera of meant) camera.obey(order);
  printLine({ done: order.order, camera: only ?? null, atMs: startMs });
}

let planExpected = values.plan === '-';
readLines(
  async (value) => {
    if (!planExpected) {
      await obey(value as CameraOrder);
      return;
    }
    planExpected = false;
    await startAll(value as CamerasPlan);
  },
  () => void quit(),
);
process.once('SIGTERM', () => void quit());
process.once('SIGINT', () => void quit());

if (values.plan === undefined) {
  const seed = Number(values.seed);
  const options = { minutes: Number(values.minutes), firstPort: Number(values.port) };
  await startAll({ seed, cameras: randomCameras(createRandom(seed), options) });
  begin(Date.now());
} else if (values.plan !== '-') {
  await startAll(JSON.parse(readFileSync(values.plan, 'utf8')) as CamerasPlan);
}
