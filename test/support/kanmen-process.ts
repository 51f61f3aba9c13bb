import { execFile, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { spawnTied } from './tied-child.ts';

export const projectRoot = resolve(import.meta.dirname, import.meta.url.endsWith('.ts') ? '../..' : '../../..');
const binary = join(projectRoot, 'dist/gateway/main.js');

export interface Ready {
  readonly api: string;
  readonly mqtt: string | null;
}

export interface KanmenProcess {
  readonly child: ChildProcess;
  readonly ready: Ready;
  /** Everything the process wrote to stderr. */
  log(): string;
  /** Settles when the process has ended: its exit code or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** Starts `kanmen run` or `kanmen desk` and waits for its ready line. Rejects with the log if it ends before. */
export async function startKanmen(
  command: 'run' | 'desk',
  config: string,
  environment: Readonly<Record<string, string>> = {},
  program = binary,
): Promise<KanmenProcess> {
  const child = spawnTied(process.execPath, [program, command, '-c', config], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const ended = new Promise<number | NodeJS.Signals>((resolveEnd) => {
    child.once('exit', (code, signal) => resolveEnd(signal ?? code ?? -1));
  });
  const ready = await new Promise<Ready>((resolveReady, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as { ready?: boolean; api: string; mqtt?: string };
      if (said.ready) resolveReady({ api: said.api, mqtt: said.mqtt ?? null });
    });
    child.once('error', reject);
    void ended.then((code) => reject(new Error(`kanmen ${command} ended with ${code} before it was ready:\n${log}`)));
  });
  return {
    child,
    ready,
    log: () => log,
    ended,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs a one-shot command; `code` is its exit code, never an exception. */
export async function kanmen(
  args: readonly string[],
  input?: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const running = promisify(execFile)(process.execPath, [binary, ...args], {
    maxBuffer: 64 * 1024 * 1024,
    cwd: projectRoot,
  });
  if (input !== undefined) running.child.stdin?.end(input);
  try {
    const { stdout, stderr } = await running;
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failed = error as { code?: number; stdout?: string; stderr?: string };
    return {
      code: typeof failed.code === 'number' ? failed.code : -1,
      stdout: failed.stdout ?? '',
      stderr: failed.stderr ?? '',
    };
  }
}

export interface TestFolder {
  readonly dir: string;
  /** Writes a file below the folder (objects as YAML) and answers its path. */
  write(name: string, content: string | object): string;
  remove(): void;
}

export function createTestFolder(): TestFolder {
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-'));
  return {
    dir,
    write: (name, content) => {
      const path = join(dir, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, typeof content === 'string' ? content : stringify(content), { mode: 0o600 });
      return path;
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export interface IssuedCredential {
  readonly username: string;
  readonly password: string;
  readonly topicPrefix: string;
}

/** `kanmen devices add` for several devices at once: the credentials that are shown once, in order. */
export async function addDevices(config: string, keys: readonly string[], area?: string): Promise<IssuedCredential[]> {
  const { code, stdout, stderr } = await kanmen([
    'devices',
    'add',
    ...keys,
    '-c',
    config,
    '--json',
    ...(area === undefined ? [] : ['--area', area]),
  ]);
  if (code !== 0) throw new Error(`devices add ended with ${code}: ${stderr}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as IssuedCredential);
}

/** `kanmen users add` at a gateway or a desk. */
export async function addUser(config: string, name: string, role: string, password: string): Promise<void> {
  const { code, stderr } = await kanmen(
    ['users', 'add', name, '--role', role, '--password-file', '-', '-c', config],
    `${password}\n`,
  );
  if (code !== 0) throw new Error(`users add ended with ${code}: ${stderr}`);
}
