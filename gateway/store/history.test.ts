import { expect, it, describe } from 'vitest';
import type { Change } from '../domain/change.ts';
import type { CameraId, DeviceKey } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Store } from './index.ts';
import { at, sampleAlert, samplePassage, sampleReading, sampleSession } from './samples.ts';
import { anyPassage, newest, recorded, started } from './test-store.ts';

describe('store history', () => {
  it('pages passages newest first without losing or repeating one, also within one millisecond', async () => {
    const store = await started();
    const all = Array.from({ length: 25 }, (_, n) =>
      samplePassage(`p${String(n).padStart(2, '0')}`, '浙B12345', { at: at(Math.floor(n / 4)) }),
    );
    await store.commit(all.map((event): Change => ({ kind: 'event-recorded', event, messageKey: null })));
    const ids: string[] = [];
    let before: { at: EpochMs; id: string } | null = null;
    for (;;) {
      const page: ReturnType<Store['passages']> = store.passages({ ...anyPassage, before, limit: 7 });
      if (page.length === 0) break;
      ids.push(...page.map((event) => event.id));
      const last = page[page.length - 1];
      before = last ? { at: last.at, id: last.id } : null;
    }
    expect(ids).toEqual(all.map((event) => event.id).reverse());
  });

  it('finds passages by every filter, and by part of a plate whether it is rare or common', async () => {
    const store = await started();
    const common = Array.from({ length: 400 }, (_, n) => samplePassage(`c${n}`, `浙B1${String(n).padStart(4, '0')}`));
    const special = samplePassage('z1', '粤Z1234港', {
      camera: 'gate-south' as CameraId,
      direction: 'out',
      at: at(1000),
    });
    const person = samplePassage('z2', null, { at: at(2000) });
    await store.commit(
      [...common, special, person].map((event) => ({ kind: 'event-recorded', event, messageKey: null })),
    );
    const found = (part: Partial<Parameters<Store['passages']>[0]>): string[] =>
      store.passages({ ...anyPassage, ...newest, limit: 3, ...part }).map((event) => event.id);
    expect(found({ plate: '34港' })).toEqual(['z1']);
    expect(found({ plate: '浙B1' })).toEqual(['c99', 'c98', 'c97']);
    expect(found({ plate: '浙B10123' })).toEqual(['c123']);
    expect(found({ plate: '京' })).toEqual([]);
    expect(found({ camera: 'gate-south' as CameraId })).toEqual(['z1']);
    expect(found({ direction: 'out', subject: 'vehicle' })).toEqual(['z1']);
    expect(found({ subject: 'person' })).toEqual(['z2']);
    expect(found({ from: at(500), to: at(1500) })).toEqual(['z1']);
  });

  it('lists sessions, alerts and events of a device by their filters', async () => {
    const store = await started();
    await store.commit([
      { kind: 'session-saved', session: sampleSession('s1') },
      { kind: 'session-saved', session: sampleSession('s2', { startedAt: at(10) }) },
      { kind: 'session-saved', session: sampleSession('s1', { endedAt: at(20) }) },
      { kind: 'alert-saved', alert: sampleAlert('a1') },
      { kind: 'alert-saved', alert: sampleAlert('a2', { tier: 'blue', kind: 'gate', raisedAt: at(5) }) },
      { kind: 'alert-saved', alert: sampleAlert('a1', { state: 'closed', closedAt: at(9) }) },
      recorded('e1'),
      { kind: 'event-recorded', event: sampleReading('r1', { device: 'fire/f-0012' as DeviceKey }), messageKey: null },
    ]);
    const sessions = (state: 'running' | 'ended' | null): string[] =>
      store.sessions({ ...newest, device: null, area: null, state, from: null, to: null }).map((one) => one.id);
    expect([sessions(null), sessions('running'), sessions('ended')]).toEqual([['s2', 's1'], ['s2'], ['s1']]);
    const alerts = (part: Partial<Parameters<Store['alerts']>[0]>): string[] =>
      store.alerts({ ...newest, state: null, tier: null, kind: null, area: null, ...part }).map((one) => one.id);
    expect([alerts({}), alerts({ state: 'open' }), alerts({ state: 'ended' })]).toEqual([['a2', 'a1'], ['a2'], ['a1']]);
    expect([alerts({ tier: 'red' }), alerts({ kind: 'gate' })]).toEqual([['a1'], ['a2']]);
    expect(store.openAlerts().map((one) => one.id)).toEqual(['a2']);
    expect(store.deviceEvents({ ...newest, device: 'fire/f-0012' as DeviceKey }).map((one) => one.id)).toEqual(['e1']);
  });

  it('reads recorded events again in the order they came, from a moment on', async () => {
    const store = await started();
    await store.commit(
      Array.from({ length: 100 }, (_, n) => ({
        kind: 'event-recorded',
        event: sampleReading(`r${n}`, { receivedAt: at(n * 1000) }),
        messageKey: null,
      })),
    );
    const first = store.eventsSince(at(89_500), null, 6);
    const second = store.eventsSince(at(89_500), first.last, 6);
    expect([...first.events, ...second.events].map((event) => event.id)).toEqual(
      Array.from({ length: 10 }, (_, n) => `r${90 + n}`),
    );
    expect(store.eventsSince(at(1e9), null, 6)).toEqual({ events: [], last: null });
  });
});
