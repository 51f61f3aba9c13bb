import { execFile, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from './kanmen-process.ts';
import { freePort } from './free-port.ts';
import { spawnTied } from './tied-child.ts';

const run = promisify(execFile);
const cache = join(projectRoot, '.cache');
const home = join(cache, 'mosquitto');
/** The broker and those of its libraries that a plain Debian or Ubuntu does not have. */
const packages = [
  'mosquitto',
  'libmosquitto1',
  'libcjson1',
  'libdlt2',
  'libwrap0',
  'libwebsockets17',
  'libwebsockets19t64',
];

export interface Mosquitto {
  readonly url: string;
  /** Ends the broker with SIGKILL and waits for it. */
  stop(): Promise<void>;
}

/**
 * A real Mosquitto on a free port of 127.0.0.1. The broker is taken from the distribution's own packages, unpacked into
 * `.cache/mosquitto` (nothing is installed), once. Every client may do everything. `onPort` starts it again where it was.
 */
export async function startMosquitto(settings = '', onPort?: number): Promise<Mosquitto> {
  await fetchOnce();
  const folder = await mkdtemp(join(tmpdir(), 'kanmen-mosquitto-'));
  const port = onPort ?? (await freePort());
  const configuration = join(folder, 'mosquitto.conf');
  await writeFile(
    configuration,
    `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\n${settings}\n`,
  );
  const libraries = (await readdir(join(home, 'usr/lib'), { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(home, 'usr/lib', entry.name));
  const child = spawnTied(join(home, 'usr/sbin/mosquitto'), ['-c', configuration], {
    stdio: 'ignore',
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(':') },
  });
  const ended = new Promise<void>((done) => {
    child.once('exit', () => done());
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await accepting(port, child);
  } catch (error) {
    // Nobody is given it, so nobody else could end it.
    await stop();
    throw error;
  }
  return { url: `mqtt://127.0.0.1:${port}`, stop };
}

async function fetchOnce(): Promise<void> {
  if (existsSync(join(home, 'usr/sbin/mosquitto'))) return;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'mosquitto-fetch-'));
  try {
    for (const name of packages) {
      // Which of the libraries exist, and under which name, differs between releases: what is missing shows at start.
      await run('apt-get', ['download', name], { cwd: work }).catch((error: unknown) => {
        if (name === 'mosquitto') {
          throw new Error('this test needs Mosquitto: apt-get download mosquitto failed (Debian or Ubuntu, online)', {
            cause: error,
          });
        }
      });
    }
    const unpacked = join(work, 'unpacked');
    for (const file of (await readdir(work)).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg', ['-x', file, unpacked], { cwd: work });
    }
    // Another test may have been faster; both copies are good.
    await rename(unpacked, home).catch((error: unknown) => {
      if (!existsSync(join(home, 'usr/sbin/mosquitto'))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function accepting(port: number, child: ChildProcess): Promise<void> {
  const deadlineMs = Date.now() + 10_000;
  while (Date.now() < deadlineMs) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}; run ldd on it`);
    const open = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        done(true);
      });
      socket.once('error', () => done(false));
    });
    if (open) return;
    await new Promise((done) => {
      setTimeout(done, 20);
    });
  }
  throw new Error('mosquitto did not start within 10 s');
}
