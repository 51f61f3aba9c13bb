import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

/** Builds `dist/` before any test runs: worker threads and child processes are started from there. */
export function setup(): void {
  if (process.env['KANMEN_SKIP_BUILD'] === '1') return;
  const root = resolve(import.meta.dirname, '../..');
  execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.json'], { cwd: root, stdio: 'inherit' });
}
