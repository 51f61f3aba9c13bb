import { execFile, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './free-port.ts';
import { spawnTied } from './tied-child.ts';

const run = promisify(execFile);
const cache = resolve(import.meta.dirname.replace(/\/dist\/test\/support$/, '/test/support'), '../../.cache');
const home = join(cache, 'postgres');
/** The server and those of its libraries that a plain Debian or Ubuntu may not have; which exist differs by release. */
const packages = [
  ...['postgresql-15', 'postgresql-16', 'postgresql-17', 'postgresql-18', 'libpq5'],
  ...['libllvm14', 'libllvm19', 'libxml2', 'libicu72', 'libldap-2.5-0', 'libz3-4', 'liblz4-1', 'libzstd1'],
];

export interface Postgres {
  /** A fresh, empty database on it: `postgres://…`. */
  database(): Promise<string>;
  /** As a power cut would: no shutdown, no flush. */
  kill(): Promise<void>;
  /** Starts it again where it was. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A real PostgreSQL on a free port of 127.0.0.1: the one that is installed, else the distribution's own packages unpacked
 * into `.cache/postgres`, once. It refuses to run as root, so for root it runs as nobody (65534).
 */
export async function startPostgres(): Promise<Postgres> {
  const bin = await binaries();
  const folder = await mkdtemp(join(tmpdir(), 'kanmen-postgres-'));
  const asNobody = process.getuid?.() === 0;
  if (asNobody) await chown(folder, 65_534, 65_534);
  await chmod(folder, 0o700);
  const libraries = existsSync(home)
    ? (await readdir(join(home, 'usr/lib'), { withFileTypes: true }).catch(() => []))
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(home, 'usr/lib', entry.name))
    : [];
  const environment = { ...process.env, LC_ALL: 'C.UTF-8', HOME: folder, LD_LIBRARY_PATH: libraries.join(':') };
  const how = { env: environment, cwd: folder, ...(asNobody ? { uid: 65_534, gid: 65_534 } : {}) };
  const data = join(folder, 'data');
  const share = existsSync(join(home, 'usr/share/postgresql')) ? await shareOf(bin) : null;
  await run(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'kanmen', '--auth=trust', '--no-sync', '-E', 'UTF8', ...(share === null ? [] : ['-L', share])],
    how,
  );
  const port = await freePort();
  let server: ChildProcess | null = null;
  let ended: Promise<void> = Promise.resolve();

  async function start(): Promise<void> {
    const child = spawnTied(
      join(bin, 'postgres'),
      ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-c', 'shared_buffers=64MB'],
      { ...how, stdio: 'ignore' },
    );
    server = child;
    ended = new Promise((done) => {
      child.once('exit', () => done());
    });
    for (;;) {
      if (child.exitCode !== null) throw new Error(`PostgreSQL ended with ${child.exitCode}`);
      try {
        await query('postgres', 'SELECT 1');
        return;
      } catch {
        await new Promise((done) => setTimeout(done, 50));
      }
    }
  }
  const url = (database: string): string => `postgres://kanmen@127.0.0.1:${port}/${database}`;
  async function query(database: string, sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: url(database) });
    // A server that is killed under it must not end the test.
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }
  async function end(signal: 'SIGKILL' | 'SIGINT' | 'SIGQUIT'): Promise<void> {
    server?.kill(signal);
    await ended;
    server = null;
  }

  await start();
  let made = 0;
  return {
    database: async () => {
      made += 1;
      await query('postgres', `CREATE DATABASE desk${made}`);
      return url(`desk${made}`);
    },
    // SIGQUIT: PostgreSQL's own "immediate shutdown", which ends all of its processes without a word to the disk.
    kill: () => end('SIGQUIT'),
    start,
    stop: async () => {
      await end('SIGQUIT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function shareOf(bin: string): Promise<string> {
  const version = /postgresql\/(\d+)\/bin/.exec(bin)?.[1] ?? '';
  return Promise.resolve(join(home, 'usr/share/postgresql', version));
}

async function binaries(): Promise<string> {
  for (const root of ['/usr/lib/postgresql', join(home, 'usr/lib/postgresql')]) {
    const found = await newest(root);
    if (found !== null) return found;
  }
  await fetchOnce();
  const fetched = await newest(join(home, 'usr/lib/postgresql'));
  if (fetched === null) throw new Error('the PostgreSQL packages hold no server');
  return fetched;
}

async function newest(root: string): Promise<string | null> {
  const versions = (await readdir(root).catch(() => [] as string[])).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(root, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb'))) ?? null;
}

async function fetchOnce(): Promise<void> {
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'postgres-fetch-'));
  try {
    for (const name of packages) await run('apt-get', ['download', name], { cwd: work }).catch(() => undefined);
    const unpacked = join(work, 'unpacked');
    const files = (await readdir(work)).filter((name) => name.endsWith('.deb'));
    if (!files.some((name) => /^postgresql-\d/.test(name))) {
      throw new Error('this test needs PostgreSQL: apt-get download postgresql-… failed (Debian or Ubuntu, online)');
    }
    for (const file of files) await run('dpkg', ['-x', file, unpacked], { cwd: work });
    // Another test process may have been faster; its copy is as good.
    await rename(unpacked, home).catch(() => undefined);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
