import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createFakeClock } from '../lib/fake-clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { createSystemdNotify } from './systemd-notify.ts';
import { createWatchdog } from './watchdog.ts';

function start(given: { readonly socket?: string | null; readonly failing?: boolean } = {}) {
  const clock = createFakeClock();
  const told: string[][] = [];
  const state = { healthy: true };
  const watchdog = createWatchdog({
    options: { period: 10_000 },
    socket: given.socket === undefined ? '/run/notify' : given.socket,
    healthy: () => state.healthy,
    clock,
    logger: silentLogger,
    notify: (words) => {
      told.push([...words]);
      return given.failing === true ? Promise.reject(new Error('no such command')) : Promise.resolve();
    },
  });
  return { clock, told, state, watchdog, begin: () => watchdog.start(new AbortController().signal) };
}

describe('watchdog', () => {
  it('says ready, then that it lives, and at the end that it stops', async () => {
    const { clock, told, watchdog, begin } = start();
    await begin();
    await clock.advance(20_000);
    await watchdog.stop();
    await watchdog.stop();
    await clock.advance(60_000);
    expect(told).toEqual([['READY=1', 'STATUS=running'], ['WATCHDOG=1'], ['WATCHDOG=1'], ['STOPPING=1']]);
  });

  it('withholds its sign of life while the gateway is unhealthy', async () => {
    const { clock, told, state, begin } = start();
    await begin();
    state.healthy = false;
    await clock.advance(10_000);
    state.healthy = true;
    await clock.advance(10_000);
    expect(told.slice(1)).toEqual([['STATUS=unhealthy: see /health'], ['WATCHDOG=1']]);
  });

  it('does nothing where systemd did not start the gateway, and goes on when the word cannot be sent', async () => {
    const outside = start({ socket: null });
    await outside.begin();
    await outside.clock.advance(60_000);
    await outside.watchdog.stop();
    expect(outside.told).toEqual([]);

    const failing = start({ failing: true });
    await failing.begin();
    await failing.clock.advance(20_000);
    expect(failing.told).toHaveLength(3);
  });
});

describe('systemd-notify', () => {
  it("hands the words and the socket, and nothing else of the environment, to systemd's command", async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kanmen-notify-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const command = join(dir, 'systemd-notify');
    writeFileSync(command, `#!/bin/sh\n{ echo "$NOTIFY_SOCKET" "$@"; echo "\${HOME-none}"; } > ${dir}/heard\n`);
    chmodSync(command, 0o755);
    await createSystemdNotify({ socket: '@kanmen', command })(['READY=1', 'STATUS=a b']);
    expect(readFileSync(join(dir, 'heard'), 'utf8')).toBe('@kanmen READY=1 STATUS=a b\nnone\n');
  });

  it('fails where the command is missing or fails', async () => {
    await expect(createSystemdNotify({ socket: 'x', command: '/nowhere/notify' })(['READY=1'])).rejects.toThrow();
    await expect(createSystemdNotify({ socket: 'x', command: '/bin/false' })(['READY=1'])).rejects.toThrow();
  });
});
