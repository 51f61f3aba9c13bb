import { expect, it, describe } from 'vitest';
import type { Change } from '../domain/change.ts';
import type { AlertId, DeviceKey, EvidenceId } from '../domain/ids.ts';
import { retentionOptions } from './options.ts';
import { at, sampleAlert, sampleDelivery, sampleNotice, samplePassage, sampleReading, startMs } from './samples.ts';
import { anyPassage, newest, recorded, started, tamper } from './test-store.ts';

describe('store retention', () => {
  const day = 86_400_000;

  it('gives up sending a passage whose record is gone, visibly, and red or orange never', async () => {
    const store = await started({ retention: retentionOptions.parse({ passages: '10d', readings: '20d' }) });
    const loose = { alertId: null, notice: null, item: 'passage' } as const;
    await store.commit(
      [
        sampleDelivery('old', 1, { ...loose, tier: 'blue' }),
        sampleDelivery('new', 2, { ...loose, tier: 'blue', createdAt: at(15 * day) }),
        sampleDelivery('red', 3, { tier: 'red', alertId: 'a1' as AlertId }),
      ].map((delivery): Change => ({ kind: 'delivery-created', delivery })),
    );
    const stateOf = (id: string): unknown => store.delivery(id)?.state;
    await store.sweep(at(21 * day));
    expect(['old', 'new', 'red'].map(stateOf)).toEqual(['dead', 'pending', 'pending']);
    expect(store.delivery('old')?.lastError).toMatch(/^expired/);
    // To be looked at for a week beyond what was received.
    await store.sweep(at(26 * day));
    expect(stateOf('old')).toBe('dead');
    await store.sweep(at(28 * day));
    expect(['old', 'red'].map(stateOf)).toEqual([undefined, 'pending']);
  });

  it('deletes what is too old in bites, names the evidence files, and leaves open alerts alone', async () => {
    const store = await started({ retention: retentionOptions.parse({ passages: '10d', readings: '20d' }) });
    const evidence = (
      id: string,
      alertId: string | null,
      faces: readonly (readonly [number, number, number, number])[],
    ): Change => ({
      kind: 'evidence-saved',
      id: id as EvidenceId,
      alertId: alertId as AlertId | null,
      camera: 'gate-north',
      mediaKind: 'picture',
      capturedAt: startMs,
      sha256: 'ab',
      sizeBytes: 1,
      path: `${id}.kme`,
      faces,
    });
    await store.commit([
      recorded('alarm'),
      ...Array.from({ length: 1500 }, (_, n): Change => ({
        kind: 'event-recorded',
        event: sampleReading(`r${n}`),
        messageKey: null,
      })),
      { kind: 'event-recorded', event: samplePassage('old', '浙B12345'), messageKey: null },
      {
        kind: 'event-recorded',
        event: samplePassage('new', '浙B99999', { receivedAt: at(15 * day) }),
        messageKey: null,
      },
      evidence('face', null, [[0, 0, 9, 9]]),
      evidence('car', null, []),
      evidence('smoke', 'a1', [[0, 0, 9, 9]]),
      { kind: 'alert-saved', alert: sampleAlert('a1', { state: 'closed', closedAt: at(1) }) },
      { kind: 'alert-saved', alert: sampleAlert('a2') },
      { kind: 'notice-created', notice: sampleNotice('n1', 'a1') },
      { kind: 'delivery-created', delivery: sampleDelivery('d1', 1) },
    ]);
    expect(await store.sweep(at(4 * day))).toEqual({ evidencePaths: ['face.kme'], done: true });
    expect(await store.sweep(at(11 * day))).toEqual({ evidencePaths: ['car.kme'], done: true });
    expect(store.passages({ ...newest, ...anyPassage }).map((event) => event.id)).toEqual(['new']);
    expect(store.passages({ ...newest, ...anyPassage, plate: '12345' })).toEqual([]);
    expect((await store.sweep(at(21 * day))).done).toBe(false);
    expect((await store.sweep(at(21 * day))).done).toBe(true);
    expect([store.event('r0'), store.event('r1499'), store.event('alarm')?.id]).toEqual([
      undefined,
      undefined,
      'alarm',
    ]);
    expect(await store.sweep(at(401 * day))).toEqual({ evidencePaths: ['smoke.kme'], done: true });
    expect(store.alerts({ ...newest, state: null, tier: null, kind: null, area: null }).map((one) => one.id)).toEqual([
      'a2',
    ]);
    expect([store.notices('a1' as AlertId), store.deliveries('a1' as AlertId)]).toEqual([[], []]);
    expect(store.event('alarm')).toBeUndefined();
  });

  it('bounds the quarantine', async () => {
    const store = await started();
    const message = {
      kind: 'quarantined',
      device: 'fire/f' as DeviceKey,
      topic: 't',
      payload: new Uint8Array(1),
      reason: 'r',
    } as const;
    await store.commit(Array.from({ length: 10_050 }, (_, n) => ({ ...message, at: at(n) })));
    const rows = store.quarantine({ before: null, limit: 20_000, device: null });
    expect([rows.length, rows[0]?.at, rows.at(-1)?.at]).toEqual([10_000, at(10_049), at(50)]);
  });
});

describe('audit log', () => {
  const line = (n: number): Change => ({
    kind: 'audited',
    at: at(n * 86_400_000),
    by: 'li',
    action: 'unblur',
    subject: `e${n}`,
  });

  it('verifies, also after its oldest lines were swept', async () => {
    const store = await started();
    await store.commit([line(0), line(1)]);
    await Promise.all([store.commit([line(2)]), store.commit([line(3)])]);
    expect(store.verifyAudit()).toMatchObject({ kind: 'intact', rows: 4 });
    await store.sweep(at(402 * 86_400_000));
    expect(store.verifyAudit()).toMatchObject({ kind: 'intact', rows: 2 });
    await store.sweep(at(900 * 86_400_000));
    await store.commit([line(901)]);
    expect(store.verifyAudit()).toMatchObject({ kind: 'intact', rows: 1 });
  });

  it.each([
    ['a changed line', "UPDATE audit SET subject = 'x' WHERE seq = 2", 2],
    ['a line taken out', 'DELETE FROM audit WHERE seq = 2', 3],
    ['the oldest line taken out', 'DELETE FROM audit WHERE seq = 1', 2],
  ])('shows %s', async (_what, sql, seq) => {
    const store = await started();
    await store.commit([line(0), line(1), line(2)]);
    await store.stop();
    await tamper(sql);
    expect((await started()).verifyAudit()).toMatchObject({ kind: 'broken', seq });
  });
});
