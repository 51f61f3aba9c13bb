import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { projectRoot } from './kanmen-process.ts';
import { spawnTied } from './tied-child.ts';

const run = promisify(execFile);
const cache = join(projectRoot, '.cache');
const home = join(cache, 'influxdb');
const binary = join(home, 'usr/bin/influxd');

export interface TestInflux {
  readonly url: string;
  /** Rows of an InfluxQL query: one object per row, tags of `GROUP BY` among its columns. */
  query(database: string, influxQl: string): Promise<Record<string, unknown>[]>;
  /** Ends the database with SIGKILL; its files stay. */
  kill(): Promise<void>;
  /** Starts it again on the same port and files. */
  restart(): Promise<void>;
  /** Ends it and removes its files. */
  remove(): Promise<void>;
}

/**
 * A real InfluxDB 1.x on a free port of 127.0.0.1. It is taken from the distribution's own package, unpacked into
 * `.cache/influxdb` (nothing is installed), once.
 */
export async function startInflux(environment: Readonly<Record<string, string>> = {}): Promise<TestInflux> {
  await fetchOnce();
  const folder = await mkdtemp(join(tmpdir(), 'kanmen-influx-'));
  const [port, rpcPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const launch = async (): Promise<() => Promise<void>> => {
    const child = spawnTied(binary, ['run'], {
      stdio: 'ignore',
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        INFLUXDB_REPORTING_DISABLED: 'true',
        INFLUXDB_BIND_ADDRESS: `127.0.0.1:${rpcPort}`,
        INFLUXDB_HTTP_BIND_ADDRESS: `127.0.0.1:${port}`,
        INFLUXDB_META_DIR: join(folder, 'meta'),
        INFLUXDB_DATA_DIR: join(folder, 'data'),
        INFLUXDB_DATA_WAL_DIR: join(folder, 'wal'),
        INFLUXDB_MONITOR_STORE_ENABLED: 'false',
        ...environment,
      },
    });
    const ended = new Promise<void>((done) => {
      child.once('exit', () => done());
    });
    const deadlineMs = Date.now() + 30_000;
    while (
      !(await fetch(`${url}/ping`).then(
        ({ ok }) => ok,
        () => false,
      ))
    ) {
      if (child.exitCode !== null) throw new Error(`influxd ended with ${child.exitCode}`);
      if (Date.now() > deadlineMs) {
        child.kill('SIGKILL');
        throw new Error('influxd did not answer within 30 s');
      }
      await new Promise((done) => {
        setTimeout(done, 50);
      });
    }
    return async () => {
      child.kill('SIGKILL');
      await ended;
    };
  };
  let end = await launch();
  return {
    url,
    query: async (database, influxQl) => {
      const parameters = new URLSearchParams({ db: database, q: influxQl, epoch: 'ms' });
      const answer = (await (await fetch(`${url}/query?${parameters.toString()}`)).json()) as {
        results?: { series?: { columns: string[]; values: unknown[][]; tags?: object }[]; error?: string }[];
        error?: string;
      };
      const error = answer.error ?? answer.results?.[0]?.error;
      if (error !== undefined) throw new Error(error);
      return (answer.results?.[0]?.series ?? []).flatMap(({ columns, values, tags }) =>
        values.map((row) => ({ ...tags, ...Object.fromEntries(columns.map((name, index) => [name, row[index]])) })),
      );
    },
    kill: () => end(),
    restart: async () => {
      end = await launch();
    },
    remove: async () => {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function fetchOnce(): Promise<void> {
  if (existsSync(binary)) return;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'influxdb-fetch-'));
  try {
    await run('apt-get', ['download', 'influxdb'], { cwd: work }).catch((error: unknown) => {
      throw new Error('this test needs InfluxDB: apt-get download influxdb failed (Debian or Ubuntu, online)', {
        cause: error,
      });
    });
    const unpacked = join(work, 'unpacked');
    for (const file of (await readdir(work)).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg', ['-x', file, unpacked], { cwd: work });
    }
    // Another test may have been faster; both copies are good.
    await rename(unpacked, home).catch((error: unknown) => {
      if (!existsSync(binary)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
