import { describe, expect, it } from 'vitest';
import type { DigestItem } from '../gateway/domain/alert.ts';
import type { AlertId, DeliveryId, NoticeId, RecipientId, RuleId } from '../gateway/domain/ids.ts';
import type { RuleProposal } from '../gateway/domain/proposal.ts';
import type { EpochMs } from '../gateway/lib/clock.ts';
import { createStrays } from '../gateway/app/strays.ts';
import { createFakeClock } from '../gateway/lib/fake-clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { sampleAlert, sampleDelivery, sampleNotice, startMs } from '../gateway/store/samples.ts';
import { started } from '../gateway/store/test-store.ts';

const hourMs = 3_600_000;
const later = (ms: number): EpochMs => (startMs + ms) as EpochMs;
const item = (notice: string, alertId: string, version = 1): DigestItem => ({
  notice: { ...sampleNotice(notice, alertId), alertVersion: version },
  ...{ tier: 'blue', channel: 'desk', dueAt: later(hourMs), type: 'kanmen.notice.raised.v1', data: { version } },
});

describe('what waits for the daily digest', () => {
  it('is the newest of each alert and recipient, due by its time or by a wrong clock, until it is made or dropped', async () => {
    const store = await started();
    await store.commit([
      { kind: 'digest-owed', item: item('n1', 'a1') },
      { kind: 'digest-owed', item: item('n2', 'a1', 2) },
      { kind: 'digest-owed', item: item('n3', 'a2') },
      { kind: 'digest-owed', item: item('n4', 'a3') },
      { kind: 'digest-dropped', alertId: 'a3' as AlertId },
    ]);
    const due = (nowMs: EpochMs): string[] => store.digestDue(nowMs, 25 * hourMs).map(({ notice }) => notice.id);
    expect(due(later(hourMs - 1))).toEqual([]);
    expect(due(later(hourMs))).toEqual(['n2', 'n3']);
    // Stamped by a clock that was years ahead.
    expect(due(later(-26 * hourMs))).toEqual(['n2', 'n3']);
    const delivery = sampleDelivery('d1', 1, { item: 'digest', notice: null, alertId: null, tier: 'blue' });
    const recipient = 'station' as RecipientId;
    const notices = ['n2', 'n3'] as NoticeId[];
    await store.commit([
      { kind: 'delivery-created', delivery },
      { kind: 'digest-made', recipient, notices, delivery: 'd1' as DeliveryId },
    ]);
    expect(due(later(hourMs))).toEqual([]);
    // An alert in it is told of it as of a delivery of its own.
    expect(store.deliveries('a2' as AlertId)).toEqual([{ ...delivery, notice: 'n3', alertId: 'a2' }]);
    // What comes later waits for the next.
    await store.commit([{ kind: 'digest-owed', item: item('n5', 'a1', 3) }]);
    expect(due(later(hourMs))).toEqual(['n5']);
  });
});

describe('deliveries of a channel that is gone', () => {
  it('go over the channel that their recipient has now, or become dead letters that people see', async () => {
    const store = await started();
    const clock = createFakeClock(startMs);
    await store.commit([
      { kind: 'delivery-created', delivery: sampleDelivery('kept', 1) },
      { kind: 'delivery-created', delivery: sampleDelivery('moved', 2, { channel: 'old', attempts: 7 }) },
      {
        kind: 'delivery-created',
        delivery: sampleDelivery('lost', 3, { channel: 'old', recipient: 'gone' as RecipientId }),
      },
      {
        kind: 'delivery-created',
        delivery: sampleDelivery('canary', 4, { channel: 'old', item: 'canary', alertId: null, notice: null }),
      },
    ]);
    const station = { id: 'station' as RecipientId, name: '所', role: 'station', grid: null, channel: 'desk' } as const;
    const strays = createStrays({
      channels: ['desk'],
      recipients: [station],
      find: (known, limit) => store.strandedDeliveries(known, limit),
      commit: store.commit,
      ...{ clock, logger: silentLogger },
    });
    await strays.start(new AbortController().signal);
    expect(store.delivery('kept')).toMatchObject({ state: 'pending', channel: 'desk' });
    expect(store.delivery('moved')).toMatchObject({ state: 'pending', channel: 'desk', attempts: 0 });
    expect(store.delivery('lost')).toMatchObject({
      ...{ state: 'dead', lastError: 'channel old is not configured any more' },
    });
    expect(store.strandedDeliveries(['desk'], 10)).toEqual([]);
    // A canary that died is nothing that anybody has to look at.
    expect(store.deadLetters(10).map(({ id }) => id)).toEqual(['lost']);
    expect(store.deliveryCounts().byState).toEqual({ pending: 2, delivered: 0, dead: 1 });
  });
});

describe('figures and proposals', () => {
  it('read the alerts of a span in bites, without what is not counted, also those of older versions', async () => {
    const store = await started();
    const alerts = Array.from({ length: 450 }, (_, n) =>
      sampleAlert(`a${String(n).padStart(3, '0')}`, { raisedAt: later(Math.floor(n / 2)) }),
    );
    const history = [{ at: startMs, from: null, to: 'raised', by: 'kanmen', why: '' }] as const;
    const [first, ...rest] = alerts;
    if (!first) throw new Error('no alert');
    const newer = { ...first, followUp: { ...first.followUp, missed: ['acknowledge'] as const, history } };
    await store.commit([newer, ...rest].map((alert) => ({ kind: 'alert-saved', alert })));
    const seen: string[] = [];
    let after: { raisedAt: EpochMs; id: string } | null = null;
    for (let bite = 1; ; bite += 1) {
      const { rows, more } = store.figureRows(startMs, later(200), after);
      if (bite === 1) expect(rows[0]?.followUp).toEqual({ ...first.followUp, missed: ['acknowledge'] });
      seen.push(...rows.map(({ id }) => id));
      const last = rows.at(-1);
      if (!more || !last) break;
      after = { raisedAt: last.raisedAt, id: last.id };
    }
    expect(seen).toEqual(alerts.slice(0, 400).map(({ id }) => id));
    expect(store.alertsOfRule('smoke', later(224), 10).map(({ id }) => id)).toEqual(['a448', 'a449']);
    const proposal: RuleProposal = {
      ...{ id: 'p1', alertId: 'a001' as AlertId, rule: 'smoke' as RuleId, ruleVersion: '1', madeAt: startMs },
      ...{
        change: { setting: 'params.x', from: 1, to: 2 },
        reason: { zh: '', en: '' },
        yaml: '',
        effect: null,
        note: null,
      },
    };
    await store.commit([{ kind: 'proposal-made', proposal }]);
    expect(store.proposalsOf('a001' as AlertId)).toEqual([proposal]);
  });
});
