#!/usr/bin/env node
/*
 * The process edge: the only file that reads argv and the environment, writes to the terminal, hears signals and ends
 * the process. What the words mean stands in cli/, what is done in tools.ts, app.ts and desk.ts.
 */
import { readFileSync } from 'node:fs';
import { exitCodes, runProgram, type Commands, type ExitCode } from './cli/index.ts';
import { faultsOf, formatFault, loadConfiguration, loadDesk } from './config/index.ts';
import { systemClock } from './lib/clock.ts';
import type { Component } from './lib/component.ts';
import { createKillPoints } from './lib/kill-points.ts';
import { createLogger, type Logger, type LogLevel } from './lib/logger.ts';
import { systemRandom } from './lib/random.ts';
import { createSteeredClock } from './lib/steering.ts';
import { createTools, exitCodeOf, printFaults } from './tools/index.ts';

const out = (text: string): void => void process.stdout.write(text);
const err = (text: string): void => void process.stderr.write(text);
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
/** The installed program: models, rules and the dashboard's pages stand beside `dist`. */
const installDir = new URL('../../', import.meta.url);
const passKillPoint = createKillPoints(process.env, () => process.kill(process.pid, 'SIGKILL'));
/** What steers time and disk, only in tests. */
const steering = process.env['KANMEN_TEST'] === '1' ? (process.env['KANMEN_STEER'] ?? null) : null;
const runningClock = steering === null ? systemClock : createSteeredClock(steering);
/** A slow disk, only in tests. */
const fsyncDelayMs = process.env['KANMEN_TEST'] === '1' ? Number(process.env['KANMEN_FSYNC_MS'] ?? '0') : 0;

function loggerTo(level: LogLevel): Logger {
  // Standard output belongs to the ready line and to --json.
  return createLogger({ level, destination: { write: err } });
}

/** Runs parts until a signal asks them to end; a second signal ends at once. */
async function serve(part: Component, logger: Logger, ready: () => object): Promise<ExitCode> {
  const asked = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
  const starting = new AbortController();
  try {
    await part.start(starting.signal);
  } catch (error) {
    logger.fatal({ err: error }, 'cannot start');
    for (const fault of faultsOf(error)) err(`${formatFault(fault)}\n`);
    return exitCodeOf(error);
  }
  out(`${JSON.stringify({ ready: true, ...ready() })}\n`);
  const signal = await asked;
  process.once(signal, () => process.exit(exitCodes.failed));
  logger.info({ signal }, 'stopping');
  starting.abort();
  try {
    await part.stop();
    return exitCodes.fine;
  } catch (error) {
    logger.error({ err: error }, 'did not stop cleanly');
    return exitCodes.failed;
  }
}

const commands: Commands = {
  ...createTools({
    out,
    err,
    installDir,
    version,
    clock: systemClock,
    random: systemRandom,
    stdin: process.stdin,
    execPath: process.execPath,
    logger: loggerTo('warn'),
  }),
  run: async ({ config: file }) => {
    const loaded = loadConfiguration(file);
    if (!loaded.ok) return printFaults(loaded.faults, err);
    const logger = loggerTo(loaded.value.log.level);
    const { createApp } = await import('./app.ts');
    const app = createApp({
      configuration: loaded.value,
      reloadConfiguration: () => loadConfiguration(file),
      installDir,
      version,
      clock: runningClock,
      random: systemRandom,
      logger,
      passKillPoint,
      fsyncDelayMs,
      steering,
      memoryUsage: () => process.memoryUsage(),
      notifySocket: process.env['NOTIFY_SOCKET'] ?? null,
      pid: process.pid,
    });
    return serve(app, logger, () => app.ready());
  },
  desk: async ({ config: file }) => {
    const loaded = loadDesk(file);
    if (!loaded.ok) return printFaults(loaded.faults, err);
    const logger = loggerTo(loaded.value.log.level);
    const { createDesk } = await import('./desk.ts');
    const desk = createDesk({
      config: loaded.value,
      installDir,
      version,
      clock: runningClock,
      random: systemRandom,
      logger,
      passKillPoint,
      steering,
    });
    return serve(desk, logger, () => ({ api: desk.address(), mqtt: null }));
  },
};

process.on('unhandledRejection', (error) => {
  // A bug: state may be torn. The supervisor starts anew; what was acknowledged is on disk.
  loggerTo('error').fatal({ err: error }, 'unhandled rejection');
  process.exit(exitCodes.failed);
});

process.exitCode = await runProgram(process.argv.slice(2), { commands, version, out, err });
