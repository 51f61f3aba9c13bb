import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Component } from './component.ts';
import { codeOf, GatewayError } from './errors.ts';
import type { Random } from './random.ts';

/** What a running process says of itself in `run.json`, for the command line of the same machine. */
export interface RunFile {
  readonly pid: number;
  /** `http://127.0.0.1:port`; null until it accepts work. */
  readonly api: string | null;
  /** Lets its holder use the API as the machine's admin; the file is readable by its owner only. */
  readonly token: string;
}

export interface Claim extends Component {
  readonly token: string;
  /** Writes down where the API listens. */
  announce(at: { readonly api: string }): void;
}

const nameOf = (dataDir: string): string => join(dataDir, 'run.json');

/** The process that keeps this data directory, or null if none runs. */
export function readRunFile(dataDir: string): RunFile | null {
  try {
    const run = JSON.parse(readFileSync(nameOf(dataDir), 'utf8')) as RunFile;
    return isRunning(run.pid) ? run : null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * Holds a data directory for one process: two that write the same alerts would both send them. `start` throws
 * `gateway.running` when another lives; what a killed one left behind is taken over.
 */
export function createClaim(dataDir: string, pid: number, random: Pick<Random, 'bytes'>): Claim {
  const token = Buffer.from(random.bytes(32)).toString('base64url');
  const write = (api: string | null): void => {
    // In two steps: a reader never sees half of it.
    const temporary = `${nameOf(dataDir)}.part`;
    writeFileSync(temporary, `${JSON.stringify({ pid, api, token } satisfies RunFile)}\n`, { mode: 0o600 });
    renameSync(temporary, nameOf(dataDir));
  };
  let held = false;
  return {
    name: 'claim',
    token,
    start: () => {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      const other = readRunFile(dataDir);
      if (other && other.pid !== pid) {
        return Promise.reject(
          new GatewayError('gateway.running', `process ${other.pid} already runs on ${dataDir}`, {
            facts: { pid: other.pid, dataDir },
          }),
        );
      }
      write(null);
      held = true;
      return Promise.resolve();
    },
    announce: ({ api }) => write(api),
    stop: () => {
      if (held) rmSync(nameOf(dataDir), { force: true });
      held = false;
      return Promise.resolve();
    },
  };
}

/** Whether a process of this number is one of ours: after a reboot the number may belong to somebody else. */
function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('main.js');
  } catch {
    return false;
  }
}
