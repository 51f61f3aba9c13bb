import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import { silentLogger } from '../lib/logger.ts';
import { systemRandom } from '../lib/random.ts';
import { signWebhook } from '../lib/standard-webhooks.ts';
import { createWireMeter } from '../lib/wire.ts';
import { createAlertQueries } from './alert-queries.ts';
import { createEvidenceFiles } from './evidence-files.ts';
import type { DeskData } from './data/desk-data.ts';
import { createSqliteData } from './data/sqlite-data.ts';
import { loadDeskKeys } from './desk-key.ts';
import { createReceiver } from './receiver.ts';
import { createRefusals } from './refusals.ts';

/** A database on a disk that is full until the reserve is given up. */
async function openFullDisk(reserve: boolean) {
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-inbox-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const clock = systemClock;
  const logger = silentLogger;
  const real = createSqliteData({ file: join(dir, 'desk.sqlite'), clock, logger });
  await real.start(new AbortController().signal);
  onTestFinished(() => real.stop());
  let full = true;
  const data: DeskData = {
    ...real,
    write: (statements) => {
      const fault = { facts: { disk: 'SQLITE_FULL' }, retryable: true };
      return full
        ? Promise.reject(new GatewayError('store.commit-failed', 'not written', fault))
        : real.write(statements);
    },
    releaseReserve: () => {
      if (reserve) full = false;
      return Promise.resolve(reserve);
    },
  };
  const key = systemRandom.bytes(32);
  const receiver = createReceiver({
    data,
    evidence: createEvidenceFiles({
      folder: join(dir, 'evidence'),
      keys: loadDeskKeys({ dataDir: dir }, systemRandom),
      random: systemRandom,
    }),
    clock,
    logger,
    refusals: createRefusals({ clock, logger }),
    meter: createWireMeter('gateway → desk', null),
    passKillPoint: () => undefined,
    onStored: () => undefined,
  });
  const send = (tier: string) => {
    const id = systemRandom.id();
    const at = new Date().toISOString();
    const body = Buffer.from(
      JSON.stringify({
        specversion: '1.0',
        id,
        source: '/community/x/gateway/east',
        type: 'kanmen.notice.raised.v1',
        time: at,
        datacontenttype: 'application/json',
        data: {
          alertId: `alert-${tier}`,
          noticeId: 'n',
          version: 1,
          form: 'report',
          tier,
          kind: 'fire.smoke',
          state: 'raised',
          title: { zh: '烟', en: 'smoke' },
          message: { zh: '', en: '' },
          occurredAt: at,
          raisedAt: at,
          lastAt: at,
          count: 1,
          place: { site: { id: 'x', name: 'X' }, area: null, grid: null, name: 'X' },
          gateway: 'east',
          source: null,
          facts: {},
          evidence: [],
          owner: null,
          acknowledgedAt: null,
          escalation: 0,
          deadline: null,
          rule: { id: 'smoke', version: '1' },
          news: { kind: 'raised', by: 'kanmen', at, text: '' },
        },
      }),
    );
    const headers: Record<string, string> = signWebhook({
      keys: [key],
      id,
      timestampS: Math.floor(Date.now() / 1000),
      body,
    });
    return receiver.receive({
      gateway: { id: 'east', name: '东苑', keys: [key] },
      header: (name) => headers[name],
      body,
    });
  };
  return { send, lines: () => createAlertQueries(real, (id) => id).lines(10) };
}

describe('receiving on a full disk', () => {
  it('gives up the reserve for red, and not for yellow', async () => {
    const { send, lines } = await openFullDisk(true);
    expect(await send('yellow')).toMatchObject({ kind: 'refused', reason: 'store.failed' });
    expect(await lines()).toEqual([]);
    expect(await send('red')).toEqual({ kind: 'stored', alertId: 'alert-red' });
    expect(await lines()).toMatchObject([{ id: 'alert-red', shownCount: 1 }]);
  });

  it('gives no receipt when the reserve is gone too', async () => {
    const { send, lines } = await openFullDisk(false);
    expect(await send('red')).toMatchObject({ kind: 'refused', reason: 'store.failed' });
    expect(await lines()).toEqual([]);
  });
});
