import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { CameraAnswer, CameraOrder, CameraRecord, CamerasPlan } from './camera-plan.ts';
import type { DeviceOrder, DeviceRecord, DevicesPlan } from './device-plan.ts';

/** A simulator process as seen by whoever started it. */
export interface Simulator<Order, Record> {
  /** Everything recorded so far, in order; grows. */
  readonly records: readonly Record[];
  /** What went wrong inside, in words; empty when all is well. */
  readonly faults: readonly string[];
  onRecord(listener: (record: Record) => void): void;
  /** Resolves when the order was carried out; rejects when it could not be or the process ended. */
  order(order: Order): Promise<void>;
  /** Ends the process; resolves when it has gone. May be called twice. */
  stop(): Promise<void>;
  readonly pid: number | undefined;
}

export interface Cameras extends Simulator<CameraOrder, CameraRecord> {
  /** With user and password, for the gateway's configuration. */
  readonly urls: ReadonlyMap<string, string>;
}

export type Devices = Simulator<DeviceOrder, DeviceRecord>;

const readyWithinMs = 60_000;
const orderWithinMs = 15_000;
const stopWithinMs = 5000;

/** Starts the process of the simulated gate cameras; resolves when all of them answer RTSP. */
export async function startCameras(plan: CamerasPlan): Promise<Cameras> {
  const urls = new Map<string, string>();
  const simulator = await startSimulator<CameraOrder, CameraRecord>('cameras', plan, (answer) => {
    if (!('ready' in answer)) return false;
    for (const { id, url } of (answer as Extract<CameraAnswer, { ready: true }>).cameras) urls.set(id, url);
    return true;
  });
  return Object.assign(simulator, { urls });
}

/** Starts the process of the simulated piles and sensors; resolves when all of them are connected to the broker. */
export function startDevices(plan: DevicesPlan): Promise<Devices> {
  return startSimulator<DeviceOrder, DeviceRecord>('devices', plan, (answer) => 'ready' in answer);
}

interface Waiting {
  readonly done: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

async function startSimulator<Order extends { readonly order: string }, Record extends object>(
  name: 'cameras' | 'devices',
  plan: object,
  isReady: (answer: object) => boolean,
): Promise<Simulator<Order, Record>> {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    process.execPath,
    [compiled(name), '--plan', '-'],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const records: Record[] = [];
  const faults: string[] = [];
  const listeners: ((record: Record) => void)[] = [];
  let waiting: Waiting[] = [];
  let complaint = '';
  let ready = false;
  const exited = once(child, 'exit').then(() => {
    for (const one of waiting) one.reject(new Error(`the ${name} simulator ended: ${complaint || 'no reason given'}`));
    waiting = [];
  });
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000);
  });

  const wait = (done: string, withinMs: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (work: () => void): void => {
        clearTimeout(timer);
        waiting = waiting.filter((one) => one !== entry);
        work();
      };
      const entry: Waiting = {
        done,
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      };
      const timer = setTimeout(
        () => entry.reject(new Error(`the ${name} simulator did not answer ${done} within ${withinMs} ms`)),
        withinMs,
      );
      waiting.push(entry);
      if (child.exitCode !== null) entry.reject(new Error(`the ${name} simulator has ended: ${complaint}`));
    });

  const take = (answer: object): void => {
    if ('record' in answer) {
      records.push(answer as Record);
      for (const listener of listeners) listener(answer as Record);
    } else if ('fault' in answer) {
      const fault = String(answer.fault);
      faults.push(fault);
      waiting[0]?.reject(new Error(`the ${name} simulator: ${fault}`));
    } else if ('done' in answer) {
      waiting.find((one) => one.done === answer.done)?.resolve();
    } else if (!ready && isReady(answer)) {
      ready = true;
      waiting.find((one) => one.done === 'ready')?.resolve();
    }
  };
  createInterface({ input: child.stdout }).on('line', (line) => take(JSON.parse(line) as object));

  const say = (value: object): void => {
    child.stdin.write(`${JSON.stringify(value)}\n`);
  };
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
      // A closed stdin ends it, also when the order is not understood.
      say({ order: 'quit' });
      child.stdin.end();
      await exited;
      clearTimeout(timer);
    }
  };

  const whenReady = wait('ready', readyWithinMs);
  say(plan);
  try {
    await whenReady;
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    records,
    faults,
    onRecord: (listener) => listeners.push(listener),
    order: (order) => {
      const answered = wait(order.order, orderWithinMs);
      say(order);
      return answered;
    },
    stop,
    pid: child.pid,
  };
}

/** Entry file of a simulator in dist/, also when this module itself runs as TypeScript (tests build first). */
function compiled(name: string): string {
  const beside = new URL(`./${name}.js`, import.meta.url);
  if (!import.meta.url.split('?')[0]?.endsWith('.ts')) return fileURLToPath(beside);
  return fileURLToPath(beside.href.replace(/\/test\/(?!.*\/test\/)/, '/dist/test/'));
}
