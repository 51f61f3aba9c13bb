import { createInterface } from 'node:readline';
import { startKanmen } from '../support/kanmen-process.ts';
import { spawnTied } from '../support/tied-child.ts';

/** A process as this suite needs it: it can be ended, and it can be told things. */
export interface Running {
  readonly ended: Promise<unknown>;
  readonly pid: number;
  kill(): void;
  /** Ends it in good order; resolves with how it ended. */
  stop(): Promise<unknown>;
  tell(order: object): void;
  log(): string;
}

/** A process that is there again some time after each end of it, until it is stopped. */
export interface Actor {
  readonly name: string;
  start(): Promise<void>;
  /** SIGKILL; there again after `downMs`. `environment` is for the next start only. Resolves when it is there. */
  kill(downMs: number, environment?: Readonly<Record<string, string>>): Promise<void>;
  /** SIGKILL, then `work` while it is away, then it is there again. */
  whileAway(work: () => Promise<void> | void): Promise<void>;
  tell(order: object): void;
  /** Resolves when it is there. */
  up(): Promise<void>;
  /** Ends it for good, in good order; resolves with how it ended, and what it wrote. */
  stop(): Promise<unknown>;
  readonly kills: () => number;
  /** Of the process that runs now; 0: none does. */
  pid(): number;
  log(): string;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** Between an end that nobody here asked for (a kill point) and the next start. */
const restartMs = 150;

export function createActor(
  name: string,
  launch: (environment: Readonly<Record<string, string>>) => Promise<Running>,
): Actor {
  let current: Running | null = null;
  let stopped = false;
  let wasUp = false;
  let kills = 0;
  let log = '';
  let downMs = restartMs;
  let environment: Readonly<Record<string, string>> = {};
  let between: (() => Promise<void> | void) | null = null;
  let upNow: Promise<void> = Promise.resolve();
  const orders = new Map<string, object>();

  const bringUp = async (): Promise<void> => {
    for (;;) {
      const now = environment;
      environment = {};
      try {
        const running = await launch(now);
        if (stopped) {
          running.kill();
          return;
        }
        current = running;
        wasUp = true;
        // What it was told before its end still holds.
        for (const order of orders.values()) running.tell(order);
        void running.ended.then(() => {
          if (current !== running) return;
          kills += 1;
          log += running.log();
          current = null;
          if (stopped) return;
          upNow = again();
        });
        return;
      } catch (error) {
        if (stopped) return;
        // The first start has to work: a fault of the setting itself is none to be borne.
        if (!wasUp) throw error;
        // Killed before it was ready, or its disk is not to be written: it is started again.
        log += `${String(error)}\n`;
        kills += 1;
        await wait(300);
      }
    }
  };
  const again = async (): Promise<void> => {
    const work = between;
    between = null;
    if (work) await work();
    await wait(downMs);
    downMs = restartMs;
    await bringUp();
  };
  const end = async (): Promise<void> => {
    await upNow;
    const running = current;
    if (!running) return;
    running.kill();
    await running.ended;
    // The end is noticed in a turn of its own.
    await wait(0);
    await upNow;
  };

  /** Two that want the same process ended get an end each. */
  let turns: Promise<void> = Promise.resolve();
  const inTurn = (prepare: () => void): Promise<void> => {
    const turn = turns.then(async () => {
      await upNow;
      prepare();
      await end();
    });
    turns = turn.catch(() => undefined);
    return turn;
  };

  return {
    name,
    start: () => (upNow = bringUp()),
    kill: (forMs, nextEnvironment = {}) =>
      inTurn(() => {
        downMs = forMs;
        environment = nextEnvironment;
      }),
    whileAway: (work) =>
      inTurn(() => {
        between = work;
      }),
    tell: (order) => {
      if (!('dieAt' in order)) orders.set(Object.keys(order)[0] ?? '', order);
      current?.tell(order);
    },
    up: () => upNow,
    stop: async () => {
      await upNow;
      stopped = true;
      const running = current;
      const how = await running?.stop();
      log += running?.log() ?? '';
      return how;
    },
    kills: () => kills,
    pid: () => current?.pid ?? 0,
    log: () => log + (current?.log() ?? ''),
  };
}

export async function launchKanmen(
  command: 'run' | 'desk',
  config: string,
  environment: Readonly<Record<string, string>>,
  program?: string,
): Promise<Running> {
  const started = await startKanmen(command, config, environment, program);
  return {
    ended: started.ended,
    pid: started.child.pid ?? 0,
    kill: () => void started.child.kill('SIGKILL'),
    stop: () => started.stop(),
    tell: () => undefined,
    log: () => started.log(),
  };
}

/** One of the processes of this folder, built; it says `{"ready":true}` once it takes part. */
export async function launchChild(file: string, planFile: string): Promise<Running> {
  const child = spawnTied(process.execPath, [file, planFile], { stdio: ['pipe', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  child.stdin.on('error', () => undefined);
  const ended = new Promise<unknown>((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  await Promise.race([
    new Promise<void>((resolve) => createInterface({ input: child.stdout }).once('line', () => resolve())),
    ended.then((how) => Promise.reject(new Error(`${file} ended with ${String(how)} before it was ready: ${log}`))),
  ]);
  return {
    ended,
    pid: child.pid ?? 0,
    kill: () => void child.kill('SIGKILL'),
    stop: () => {
      child.stdin.end();
      return ended;
    },
    tell: (order) => void child.stdin.write(`${JSON.stringify(order)}\n`),
    log: () => log,
  };
}
