import { cpSync, existsSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Drill } from './ledger.ts';
import type { Fault, Line } from './plan.ts';
import type { Setting, Steer } from './setting.ts';
import type { Toxic, ToxicProxy } from '../support/toxic-proxy.ts';

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const dayMs = 86_400_000;

/** Long enough for the three tries after which a way counts as broken. */
const untilBrokenMs = 4500;

export interface Inflicted {
  readonly drills: Drill[];
  /**
   * True while the clock runs so fast that a message on its way grows a day old: it would rightly be late, and no live alert.
   * Nothing is raised then.
   */
  fast: boolean;
}

const fastRate = 50_000;

/** Which fault has a line now. Faults overlap: one that ends must not mend a line that a later one has cut meanwhile. */
const holders = new WeakMap<ToxicProxy, Fault>();
function take(line: ToxicProxy, toxic: Toxic, fault: Fault): void {
  holders.set(line, fault);
  line.set(toxic);
}
function release(line: ToxicProxy, fault: Fault): void {
  if (holders.get(line) === fault) line.set({ kind: 'none' });
}

/** Lets hours pass for everybody in seconds. */
export async function letPass(setting: Setting, done: Inflicted, ms: number, rate = fastRate): Promise<void> {
  const { actors, sensors, steers } = setting;
  done.fast = true;
  // What is on its way arrives first.
  await actors.gateway.up();
  for (const deadlineMs = Date.now() + 90_000; sensors.waiting() > 0 && Date.now() < deadlineMs;) await wait(50);
  together(Object.values(steers), { rate });
  await wait(ms / rate);
  together(Object.values(steers), { rate: 1 });
  await wait(100);
  done.fast = false;
}

/** Does what a fault says and puts it right again. Resolves when it is over. */
export async function inflict(fault: Fault, setting: Setting, done: Inflicted): Promise<void> {
  const { actors, lines, steers, sensors, folder } = setting;
  switch (fault.kind) {
    case 'kill':
      return actors[fault.actor].kill(fault.downMs);
    case 'kill-at':
      return actors[fault.actor].kill(50, { KANMEN_KILL_AT: `${fault.point}:${fault.nth}` });
    case 'kill-receiver-at':
      actors.receiver.tell({ dieAt: fault.point });
      return;
    case 'empty-broker':
      return setting.restartBroker(fault.downMs);
    case 'line':
      take(lines[fault.line], fault.toxic, fault);
      await wait(fault.forMs);
      release(lines[fault.line], fault);
      return;
    case 'rogue':
      return sendGarbage(lines.sensors.port, fault.bytes);
    case 'answers':
      actors.receiver.tell({ answers: fault.how, ms: 1500 });
      await wait(fault.forMs);
      actors.receiver.tell({ answers: 'well' });
      return;
    case 'tls-expired':
      actors.receiver.tell({ certificate: 'expired' });
      await wait(fault.forMs);
      actors.receiver.tell({ certificate: 'sound' });
      return;
    case 'disk':
      steers[fault.actor].set({ disk: fault.is });
      await wait(fault.forMs);
      steers[fault.actor].set({ disk: 'sound' });
      return;
    case 'clock': {
      const whose = fault.whose === 'all' ? Object.values(steers) : [steers.gateway];
      const jump = (jumpMs: number): void => together(whose, { jumpMs });
      jump(fault.jumpMs);
      await wait(fault.forMs);
      jump(-fault.jumpMs);
      return;
    }
    case 'outage': {
      const away: readonly Line[] = ['desk', 'receiver', 'broker'];
      for (const [index, line] of away.entries()) take(lines[line], { kind: index === 1 ? 'half-open' : 'cut' }, fault);
      // The alarm that burns while nobody can be reached.
      sensors.raise('smoke');
      await letPass(setting, done, fault.days * dayMs, fault.rate);
      for (const line of away) release(lines[line], fault);
      return;
    }
    case 'drill': {
      const recipient = fault.line === 'receiver' ? 'property' : 'worker';
      take(lines[fault.line], { kind: 'cut' }, fault);
      const lesser = Array.from({ length: fault.lesser }, () => sensors.raise('water'));
      await wait(untilBrokenMs);
      const urgent = Array.from({ length: fault.urgent }, (_, index) =>
        sensors.raise(index % 2 === 0 ? 'smoke' : 'heat'),
      );
      for (
        const deadlineMs = Date.now() + 5000;
        Date.now() < deadlineMs && !acknowledged(setting, [...lesser, ...urgent]);
      )
        await wait(50);
      await wait(300);
      release(lines[fault.line], fault);
      if (acknowledged(setting, [...lesser, ...urgent])) done.drills.push({ recipient, urgent, lesser });
      return;
    }
    case 'desk-backup':
      return actors.desk.whileAway(() => {
        rmSync(join(folder.dir, 'desk-backup'), { recursive: true, force: true });
        cpSync(join(folder.dir, 'desk/data'), join(folder.dir, 'desk-backup'), { recursive: true });
      });
    case 'desk-restored':
      return actors.desk.whileAway(() => {
        if (!existsSync(join(folder.dir, 'desk-backup'))) throw new Error('there is no backup to go back to');
        rmSync(join(folder.dir, 'desk/data'), { recursive: true, force: true });
        cpSync(join(folder.dir, 'desk-backup'), join(folder.dir, 'desk/data'), { recursive: true });
      });
  }
}

/** From the same moment on, so that clocks that go together stay together at any rate. */
function together(steers: readonly Steer[], change: { readonly jumpMs?: number; readonly rate?: number }): void {
  const realMs = Date.now();
  for (const steer of steers) steer.set({ ...change, realMs });
}

function acknowledged({ sensors }: Setting, ids: readonly string[]): boolean {
  const done = new Set(sensors.raised().flatMap(({ id, acknowledgedAtMs }) => (acknowledgedAtMs === null ? [] : [id])));
  return ids.every((id) => done.has(id));
}

/** A stranger at the devices' port, who speaks no MQTT. */
function sendGarbage(port: number, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.on('connect', () => {
      socket.write(Buffer.from(Array.from({ length: bytes }, (_, index) => (index * 167 + bytes) % 256)));
      setTimeout(() => socket.destroy(), 500).unref();
    });
  });
}
