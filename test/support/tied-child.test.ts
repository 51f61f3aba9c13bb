import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { leftoverProcesses, runVariable } from './leftover-processes.ts';
import { spawnTied } from './tied-child.ts';

/** Not there, or ended and only waited for. */
function isGone(pid: number): boolean {
  try {
    return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

it('ends a tied child with the process that started it, also when that is killed', async () => {
  // Node itself stands where a test's worker stands; it is killed without a chance to tidy up.
  const helper = new URL('../../dist/test/support/tied-child.js', import.meta.url).href;
  const script = `import { spawnTied } from '${helper}';
    console.log(spawnTied('sleep', ['600'], { stdio: 'ignore' }).pid);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
  const pid = Number(line);
  expect(isGone(pid)).toBe(false);
  parent.kill('SIGKILL');
  await expect.poll(() => isGone(pid), { timeout: 20_000 }).toBe(true);
});

it('is the program itself: its pid, its arguments, its signals', async () => {
  const child = spawnTied('sleep', ['600'], { stdio: 'ignore' });
  await expect
    .poll(
      () =>
        readFileSync(`/proc/${child.pid ?? 0}/cmdline`, 'utf8')
          .split('\0')
          .slice(0, 2),
      { timeout: 20_000 },
    )
    .toEqual(['sleep', '600']);
  child.kill('SIGTERM');
  expect((await once(child, 'exit')) as unknown[]).toEqual([null, 'SIGTERM']);
});

it(
  'finds a process of the run that outlived whoever started it, and no other',
  { skip: !existsSync('/proc') },
  async () => {
    const mark = `test-${process.pid}-${Date.now()}`;
    const environment = { ...process.env, [runVariable]: mark };
    const mine = spawn('sleep', ['601'], { stdio: 'ignore', env: environment });
    onTestFinished(() => void mine.kill('SIGKILL'));
    // The shell ends at once and leaves what it started to nobody.
    const shell = spawn('sh', ['-c', 'sleep 602 >&- & echo $!'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: environment,
    });
    const [line] = (await once(createInterface(shell.stdout), 'line')) as [string];
    onTestFinished(() => void process.kill(Number(line), 'SIGKILL'));
    await expect
      .poll(() => leftoverProcesses(mark), { timeout: 20_000 })
      .toEqual([{ pid: Number(line), command: 'sleep 602' }]);
  },
);
