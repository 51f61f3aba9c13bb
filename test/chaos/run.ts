import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createRandom } from '../support/simulators/random.ts';
import { collect } from './collect.ts';
import { inflict, letPass, type Inflicted } from './faults.ts';
import { countStandings, type LedgerRow, type Standing } from './ledger.ts';
import type { Alarm, Plan, Step } from './plan.ts';
import { createSetting, recipients, type Setting } from './setting.ts';
import { settled } from './settled.ts';

export interface ChaosOptions {
  readonly plan: Plan;
  readonly say?: (line: string) => void;
  /** A build of the gateway other than `dist/`: a planted bug. */
  readonly program?: string;
  readonly carelessReceiver?: boolean;
  /** After the last fault it is waited for as long as something still arrives: so long without is the end. */
  readonly stillForMs?: number;
  /** The ledger goes there as JSON. */
  readonly ledgerFile?: string;
}

/** The ledger of one run. */
export interface ChaosLedger {
  readonly seed: number;
  readonly tookMs: number;
  /** From the last fault until everything was where it belongs. */
  readonly settledMs: number;
  readonly faults: readonly string[];
  readonly standings: Readonly<Record<string, Partial<Record<Standing, number>>>>;
  readonly alarms: number;
  readonly deliveries: number;
  readonly tries: number;
  readonly repeats: number;
  readonly kills: Readonly<Record<string, number>>;
  readonly steps: readonly (Step & { readonly beganMs: number; readonly endedMs: number })[];
  readonly rows: readonly LedgerRow[];
  /** What the processes wrote at level warn and above. */
  readonly logs: Readonly<Record<string, string>>;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** Runs a plan from beginning to end and judges what is left. Never throws for what a fault led to. */
export async function runChaos(options: ChaosOptions): Promise<ChaosLedger> {
  const { plan, say = () => undefined } = options;
  const random = createRandom(plan.seed).fork('bytes on the lines');
  const drilled = plan.steps.reduce(
    (sum, { fault }) => sum + (fault.kind === 'drill' ? fault.lesser + fault.urgent : fault.kind === 'outage' ? 1 : 0),
    0,
  );
  const setting = await createSetting({
    sensors: plan.alarms.length + drilled,
    unit: () => random.next(),
    ...(options.program !== undefined && { program: options.program }),
    carelessReceiver: options.carelessReceiver === true,
  });
  try {
    const { actors } = setting;
    await Promise.all(Object.values(actors).map((actor) => actor.start()));
    const beganMs = Date.now();
    const steps = await play(plan, setting, beganMs, say);
    const { drills, done } = steps;
    const lastMs = Date.now();
    say('the last fault is over; waiting until everything has arrived');
    const verdict = await settled(setting, drills, options.stillForMs);
    const settledMs = Date.now() - lastMs;
    const kills = Object.fromEntries(Object.entries(actors).map(([name, actor]) => [name, actor.kills()]));
    const how = await actors.gateway.stop();
    const records = await collect(setting, drills);
    const ledger: ChaosLedger = {
      seed: plan.seed,
      tookMs: Date.now() - beganMs,
      settledMs,
      faults: [...verdict.faults, ...(how === 0 ? [] : [`the gateway ended with ${String(how)}`])],
      standings: countStandings(verdict.rows),
      alarms: records.raised.length,
      deliveries: records.deliveries.length,
      tries: records.deliveries.reduce((sum, { attempts }) => sum + attempts, 0),
      repeats: records.deliveries.filter(({ attempts }) => attempts > 1).length,
      kills,
      steps: done,
      rows: verdict.rows,
      logs: Object.fromEntries(Object.entries(actors).map(([name, actor]) => [name, actor.log()])),
    };
    if (options.ledgerFile !== undefined) {
      mkdirSync(dirname(options.ledgerFile), { recursive: true });
      writeFileSync(options.ledgerFile, `${JSON.stringify(ledger, null, 1)}\n`);
    }
    return ledger;
  } finally {
    await setting.close();
  }
}

/** Raises alarms and inflicts faults, each at its time; faults overlap where the plan has it so. */
async function play(plan: Plan, setting: Setting, beganMs: number, say: (line: string) => void) {
  const inflicted: Inflicted = { drills: [], fast: false };
  const done: (Step & { beganMs: number; endedMs: number })[] = [];
  const under: Promise<void>[] = [];
  let heldBack: Alarm['kind'][] = [];
  const raise = (kind: Alarm['kind']): Promise<void> => {
    heldBack.push(kind);
    if (inflicted.fast) return Promise.resolve();
    for (const each of heldBack) setting.sensors.raise(each);
    heldBack = [];
    return Promise.resolve();
  };
  const timeline = [
    ...plan.alarms.map(({ atMs, kind }) => ({ atMs, act: (): Promise<void> => raise(kind) })),
    ...plan.steps.map((step) => ({
      atMs: step.atMs,
      act: (): Promise<void> => {
        const record = { ...step, beganMs: Date.now() - beganMs, endedMs: -1 };
        done.push(record);
        say(`${(record.beganMs / 1000).toFixed(1).padStart(6)} s  ${JSON.stringify(step.fault)}`);
        const over = inflict(step.fault, setting, inflicted).then(() => {
          record.endedMs = Date.now() - beganMs;
        });
        under.push(over);
        // These take as long as they take, and everything after them is so much later.
        return ['outage', 'drill', 'desk-backup', 'desk-restored'].includes(step.fault.kind) ? over : Promise.resolve();
      },
    })),
  ].sort((a, b) => a.atMs - b.atMs);
  let laterMs = 0;
  for (const { atMs, act } of timeline) {
    await wait(beganMs + atMs + laterMs - Date.now());
    const actedMs = Date.now();
    await act();
    laterMs += Date.now() - actedMs;
  }
  await Promise.all(under);
  // Whatever two faults that met have left behind.
  for (const line of Object.values(setting.lines)) line.set({ kind: 'none' });
  for (const steer of Object.values(setting.steers)) steer.set({ disk: 'sound', rate: 1 });
  setting.actors.receiver.tell({ answers: 'well' });
  setting.actors.receiver.tell({ certificate: 'sound' });
  await Promise.all(Object.values(setting.actors).map((actor) => actor.up()));
  for (const kind of heldBack) setting.sensors.raise(kind);
  // Blue is told in the morning.
  if (plan.alarms.some(({ kind }) => kind === 'low_battery')) await letPass(setting, inflicted, 26 * 3_600_000);
  return { drills: inflicted.drills, done };
}

/** The ledger as a table for people. */
export function tableOf(ledger: ChaosLedger): string {
  const of = (recipient: string, standing: Standing): number => ledger.standings[recipient]?.[standing] ?? 0;
  const standings: readonly Standing[] = ['once', 'dead letter', 'waiting', 'out of order', 'twice', 'lost'];
  const lines = [
    `seed ${ledger.seed}: ${ledger.alarms} alarms, ${ledger.steps.length} faults, ${ledger.deliveries} deliveries in ${ledger.tries} tries, ` +
      `${Math.round(ledger.tookMs / 1000)} s, settled ${(ledger.settledMs / 1000).toFixed(1)} s after the last fault`,
    `ended by force: ${Object.entries(ledger.kills)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
    '',
    ['recipient'.padEnd(12), ...standings.map((standing) => standing.padStart(13))].join(''),
    ...recipients.map((recipient) =>
      [recipient.padEnd(12), ...standings.map((standing) => String(of(recipient, standing)).padStart(13))].join(''),
    ),
    '',
    ...(ledger.faults.length === 0 ? ['clean: every alarm is at every recipient, once, in order'] : ledger.faults),
  ];
  return lines.join('\n');
}
