import { spawn, type SpawnOptions } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Part of util-linux, which every Debian has. */
const setpriv = '/usr/bin/setpriv';

/**
 * `spawn`, but the kernel kills the child when this process is gone, however it went: a test that runs into its limit, or
 * whose worker is killed, runs no `afterEach`. setpriv becomes the program itself, so `pid` and signals are the program's
 * own. Where there is no setpriv (no Linux) it is an ordinary child.
 */
export const spawnTied = ((command: string, args: readonly string[], options: SpawnOptions = {}) =>
  existsSync(setpriv)
    ? spawn(setpriv, ['--pdeathsig', 'KILL', '--', command, ...args], options)
    : spawn(command, args, options)) as typeof spawn;
