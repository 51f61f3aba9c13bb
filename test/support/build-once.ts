import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { leftoverProcesses, runVariable } from './leftover-processes.ts';

/** What is just ending is given this long. */
const endsWithinMs = 5000;

/**
 * Builds `dist/` before any test runs: worker threads and child processes are started from there. When all have run, nothing
 * that they started may run on: such a process is named, ended, and the run has failed.
 */
export function setup(): () => Promise<void> {
  const mark = `${process.pid}-${Date.now()}`;
  process.env[runVariable] = mark;
  if (process.env['KANMEN_SKIP_BUILD'] !== '1') {
    const root = resolve(import.meta.dirname, '../..');
    execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.json'], { cwd: root, stdio: 'inherit' });
  }
  return async () => {
    const deadlineMs = Date.now() + endsWithinMs;
    while (leftoverProcesses(mark).length > 0 && Date.now() < deadlineMs) await sleep(100);
    const left = leftoverProcesses(mark);
    for (const { pid, command } of left) {
      console.error(`a test left a process running: ${pid} ${command}`);
      process.kill(pid, 'SIGKILL');
    }
    // Vitest logs an error that is thrown here and ends with 0 all the same.
    if (left.length > 0) process.exitCode = 1;
  };
}
