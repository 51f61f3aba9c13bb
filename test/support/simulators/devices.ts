/**
 * Process of the simulated charging piles and fire sensors.
 *
 *   node dist/test/support/simulators/devices.js --plan FILE    a plan (device-plan.ts), `-` = first line of stdin
 *
 * Orders are JSON lines on stdin, answers and records JSON lines on stdout (device-plan.ts). Ends when stdin is closed.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createDeviceLink, type DeviceLink, type LinkCounts } from './device-link.ts';
import type { DeviceOrder, DevicesPlan } from './device-plan.ts';
import { createFireSensor, type FireSensor } from './fire-sensor.ts';
import { printLine, readLines } from './json-lines.ts';
import { createPile, type Pile } from './pile.ts';
import { createRandom } from './random.ts';

const { values } = parseArgs({ options: { plan: { type: 'string', default: '-' } } });

/** How fine the devices' time is. */
const stepMs = 250;
/** Connections opened at once: a broker limits how fast one address may come. */
const openAtOnce = 10;

const counts: LinkCounts = { published: 0, acknowledged: 0, failed: 0, slowestAcknowledgementMs: 0 };
let plan: DevicesPlan | null = null;
let piles: Pile[] = [];
let sensors: FireSensor[] = [];
let timer: NodeJS.Timeout | null = null;

function linkFor(from: DevicesPlan, username: string, idField: 'pile' | 'device'): DeviceLink {
  const credential = from.credentials.find((one) => one.username === username);
  if (!credential) throw new Error(`no credential for ${username} in the plan`);
  return createDeviceLink({ broker: from.broker, credential, idField, counts });
}

async function startAll(from: DevicesPlan): Promise<void> {
  plan = from;
  const random = createRandom(from.seed);
  piles = from.piles.map((pile) =>
    createPile({
      plan: pile,
      link: linkFor(from, `charger/${pile.id}`, 'pile'),
      random: random.fork(pile.id),
      telemetryEveryMs: from.telemetryEveryMs,
      onRecord: printLine,
    }),
  );
  sensors = from.sensors.map((sensor) =>
    createFireSensor({
      plan: sensor,
      link: linkFor(from, `fire/${sensor.id}`, 'device'),
      random: random.fork(sensor.id),
      sensorEveryMs: from.sensorEveryMs,
      onRecord: printLine,
    }),
  );
  const links = [...piles, ...sensors].map(({ link }) => link);
  for (let from = 0; from < links.length; from += openAtOnce) {
    await Promise.all(links.slice(from, from + openAtOnce).map((link) => link.connect()));
  }
  timer = setInterval(() => {
    const nowMs = Date.now();
    for (const device of [...piles, ...sensors]) device.pass(nowMs);
  }, stepMs);
  printLine({ ready: true, devices: links.length });
}

function pileOf(id: string): Pile {
  const pile = piles.find((one) => one.id === id);
  if (!pile) throw new Error(`no pile ${id}`);
  return pile;
}

function sensorOf(id: string): FireSensor {
  const sensor = sensors.find((one) => one.id === id);
  if (!sensor) throw new Error(`no sensor ${id}`);
  return sensor;
}

function deviceOf(key: string): Pile | FireSensor {
  const device = [...piles, ...sensors].find((one) => one.link.key === key || one.id === key);
  if (!device) throw new Error(`no device ${key}`);
  return device;
}

/** Sets the story going: everything in the plan happens at its time after `startMs`. */
function begin(from: DevicesPlan, startMs: number): void {
  const at = (afterMs: number, work: () => void): void => {
    setTimeout(work, Math.max(0, startMs + afterMs - Date.now()));
  };
  for (const session of from.sessions) at(session.atMs, () => pileOf(session.pile).plugIn(session));
  for (const heat of from.heats) at(heat.atMs, () => pileOf(heat.pile).overheat(heat.port, heat.toC));
  for (const smoke of from.smokes) {
    at(smoke.atMs, () => sensorOf(smoke.sensor).smoke(true));
    at(smoke.atMs + smoke.forMs, () => sensorOf(smoke.sensor).smoke(false));
  }
}

function reportCounts(): void {
  const links = [...piles, ...sensors].map(({ link }) => link);
  const connected = links.filter((link) => link.connected).length;
  printLine({ record: 'counts', devices: links.length, connected, ...counts });
}

async function quit(): Promise<void> {
  if (timer) clearInterval(timer);
  reportCounts();
  await Promise.race([
    Promise.all([...piles, ...sensors].map(({ link }) => link.close())),
    new Promise((resolve) => setTimeout(resolve, 3000)),
  ]);
  process.exit(0);
}

async function obey(order: DeviceOrder): Promise<void> {
  const nowMs = Date.now();
  switch (order.order) {
    case 'start':
      if (plan) begin(plan, order.atMs ?? nowMs);
      break;
    case 'overheat':
      pileOf(order.pile).overheat(order.port, order.toC);
      break;
    case 'smoke':
      sensorOf(order.sensor).smoke(true);
      break;
    case 'clear':
      if (order.pile !== undefined) pileOf(order.pile).cool(order.port);
      if (order.sensor !== undefined) sensorOf(order.sensor).smoke(false);
      if (order.pile === undefined && order.sensor === undefined) {
        for (const pile of piles) pile.cool();
        for (const sensor of sensors) sensor.smoke(false);
      }
      break;
    case 'silent':
      deviceOf(order.device).link.silence(order.drop ?? false);
      break;
    case 'resume':
      deviceOf(order.device).link.resume();
      break;
    case 'burst': {
      const meant = order.device === undefined ? [...piles, ...sensors] : [deviceOf(order.device)];
      for (const device of meant) device.burst(order.count);
      break;
    }
    case 'report':
      reportCounts();
      break;
    case 'quit':
      await quit();
  }
  printLine({ done: order.order, atMs: nowMs });
}

let planExpected = values.plan === '-';
readLines(
  async (value) => {
    if (!planExpected) {
      await obey(value as DeviceOrder);
      return;
    }
    planExpected = false;
    await startAll(value as DevicesPlan);
  },
  () => void quit(),
);
process.once('SIGTERM', () => void quit());
process.once('SIGINT', () => void quit());
if (values.plan !== '-') await startAll(JSON.parse(readFileSync(values.plan, 'utf8')) as DevicesPlan);
