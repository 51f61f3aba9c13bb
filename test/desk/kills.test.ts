import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { v7 } from 'uuid';
import { describe, expect, it, onTestFinished } from 'vitest';
import { withDeskTools } from '../../gateway/desk.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { createTestGateway, deskConfig, deskFolder, noticeEvent, quickPasswords } from './fixture.ts';

const program = resolve(import.meta.dirname, '../../dist/test/desk/desk-process.js');

interface Running {
  readonly url: string;
  readonly child: ChildProcess;
  readonly ended: Promise<unknown[]>;
}

async function runDesk(dir: string, killAt?: string): Promise<Running> {
  const child = spawn(process.execPath, [program, dir], {
    env: { PATH: process.env['PATH'], ...(killAt ? { KANMEN_TEST: '1', KANMEN_KILL_AT: killAt } : {}) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { url, child, ended };
}

describe('a desk that is killed', () => {
  it.each(['desk.before-store', 'desk.after-store'])(
    'loses nothing and shows nothing twice: %s',
    async (point) => {
      const { dir, secrets } = deskFolder(['east']);
      const config = deskConfig(dir, ['east']);
      writeFileSync(
        join(dir, 'desk.json'),
        JSON.stringify({
          dataDir: config.dataDir,
          listen: '127.0.0.1:0',
          gateways: [{ id: 'east', name: '东苑', secretFile: join(dir, 'secrets', 'east') }],
        }),
      );
      const events = Array.from({ length: 6 }, (_, index) =>
        noticeEvent('raised', { alertId: v7(), version: 1, count: index + 1 }),
      );
      const answered = new Set<string>();
      // Dies at the first notice, then at the third of those that are new to it, and so on until all have a receipt.
      for (const killAt of [`${point}:1`, `${point}:3`, `${point}:2`, undefined]) {
        const running = await runDesk(dir, killAt);
        const east = createTestGateway(running.url, 'east', secrets.get('east')!);
        for (const event of events) {
          if (answered.has(event.id)) continue;
          const reply = await east.send(event).catch(() => null);
          if (reply === null) break;
          expect(reply.status).toBe(200);
          answered.add(event.id);
        }
        if (killAt === undefined) running.child.kill('SIGTERM');
        const [code, signal] = await running.ended;
        expect([killAt, code, signal]).toEqual(killAt === undefined ? [killAt, 0, null] : [killAt, null, 'SIGKILL']);
      }
      const common = { config, clock: systemClock, logger: silentLogger, passwords: quickPasswords };
      const lines = await withDeskTools(common, ({ alerts }) => alerts.lines(100));
      expect(answered.size).toBe(6);
      expect(lines.map(({ id }) => id).sort()).toEqual(events.map((event) => event.data.alertId).sort());
      expect(lines.map(({ shownCount }) => shownCount)).toEqual([1, 1, 1, 1, 1, 1]);
    },
    120_000,
  );
});
