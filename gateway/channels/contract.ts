/**
 * What every kind of channel must do, run by each one's own test against a far side that speaks the real protocol:
 * `describeChannelContract('webhook', openHarness)`.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Delivery, Feedback } from '../domain/alert.ts';
import type { Channel, DeliveryResult } from '../domain/delivery.ts';
import type { AlertId, DeliveryId, NoticeId, RecipientId } from '../domain/ids.ts';
import type { FeedbackItem } from '../domain/notice.ts';
import type { EpochMs } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';

/** How the far side treats what comes next. */
export type FarBehaviour =
  | { readonly kind: 'accept'; readonly reply?: string }
  /** Says that it has no time now; `afterMs` if it says for how long. */
  | { readonly kind: 'busy'; readonly afterMs: number | null }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'break' }
  | { readonly kind: 'hang' };

export interface FarItem {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
}

/** An open channel and the far side it speaks to. */
export interface ChannelHarness {
  readonly channel: Channel;
  /** Everything that came in, in order, once its authenticity was checked. */
  readonly items: readonly FarItem[];
  behave(behaviour: FarBehaviour): void;
  /** Keeps an answer ready for the way back; null where this kind of channel has none. */
  readonly answer: ((item: FeedbackItem) => void) | null;
  /** False where the protocol has no words for how long to wait. */
  readonly saysWhen?: boolean;
  /** A delivery that this protocol can carry; absent: `someDelivery`, a notice. */
  readonly sample?: (changes?: Partial<Delivery>) => Delivery;
  /** What the far side shows of a delivery, where the protocol turns it into something of its own. Absent: id, type and data. */
  readonly shown?: (delivery: Delivery) => FarItem;
  close(): Promise<void>;
}

export const someDelivery = (changes: Partial<Delivery> = {}): Delivery => ({
  id: '019b7c3e-0000-7000-8000-000000000001' as DeliveryId,
  item: 'notice',
  notice: 'n-1' as NoticeId,
  alertId: 'a-1' as AlertId,
  recipient: 'station' as RecipientId,
  channel: 'desk',
  tier: 'red',
  sequence: 1,
  type: 'kanmen.notice.raised.v1',
  data: { alertId: 'a-1', title: { zh: '烟感报警', en: 'Smoke' }, evidence: [] },
  createdAt: Date.UTC(2026, 0, 2, 3, 4, 5) as EpochMs,
  state: 'pending',
  attempts: 0,
  nextAttemptAt: 0 as EpochMs,
  lastError: null,
  deliveredAt: null,
  ...changes,
});

export const someAnswer = (changes: Partial<FeedbackItem> = {}): FeedbackItem => ({
  id: 'f-1',
  alertId: 'a-1',
  kind: 'acknowledged',
  by: '李警官',
  at: '2026-01-02T11:05:00+08:00',
  text: '',
  ...changes,
});

export function describeChannelContract(kind: string, open: () => Promise<ChannelHarness>): void {
  describe(`the contract of channels, kept by ${kind}`, () => {
    let close: (() => Promise<void>) | null = null;
    afterEach(async () => {
      await close?.();
      close = null;
    });
    const opened = async (): Promise<ChannelHarness> => {
      const harness = await open();
      close = () => harness.close();
      return harness;
    };
    const sampleOf = (harness: ChannelHarness): Delivery => (harness.sample ?? someDelivery)();
    const send = (harness: ChannelHarness, delivery = sampleOf(harness)): Promise<DeliveryResult> =>
      harness.channel.send(delivery, new AbortController().signal);
    const shown = (harness: ChannelHarness, delivery: Delivery): FarItem =>
      harness.shown?.(delivery) ?? { id: delivery.id, type: delivery.type, data: delivery.data };

    it('brings id, type and data across and gives a receipt', async () => {
      const harness = await opened();
      const delivery = sampleOf(harness);
      expect(await send(harness, delivery)).toMatchObject({ kind: 'delivered', feedback: [] });
      expect(harness.items).toEqual([shown(harness, delivery)]);
    });

    it('carries a canary', async () => {
      const harness = await opened();
      const data = { gateway: 'gw-1', channel: 'desk', sentAt: '2026-01-02T11:04:05.000+08:00' };
      const canary = someDelivery({ item: 'canary', notice: null, alertId: null, type: 'kanmen.canary.v1', data });
      expect(await send(harness, canary)).toMatchObject({ kind: 'delivered' });
      expect(harness.items).toEqual([shown(harness, canary)]);
    });

    it('sends a repeat under the same id', async () => {
      const harness = await opened();
      await send(harness);
      await send(harness);
      const { id } = shown(harness, sampleOf(harness));
      expect(harness.items.map((item) => item.id)).toEqual([id, id]);
    });

    it('asks for another try, and says when, where the far side is busy', async () => {
      const harness = await opened();
      harness.behave({ kind: 'busy', afterMs: 120_000 });
      expect(await send(harness)).toMatchObject({
        kind: 'retry',
        afterMs: harness.saysWhen === false ? null : 120_000,
      });
      harness.behave({ kind: 'busy', afterMs: null });
      expect(await send(harness)).toMatchObject({ kind: 'retry', afterMs: null });
    });

    it('tells a refusal apart from a failure', async () => {
      const harness = await opened();
      harness.behave({ kind: 'refuse' });
      expect((await send(harness)).kind).toBe('rejected');
      harness.behave({ kind: 'break' });
      expect((await send(harness)).kind).toBe('retry');
      harness.behave({ kind: 'hang' });
      expect((await send(harness)).kind).toBe('retry');
      harness.behave({ kind: 'accept' });
      expect((await send(harness)).kind).toBe('delivered');
    });

    it('ends at once when it is told to', async () => {
      const harness = await opened();
      harness.behave({ kind: 'hang' });
      const ending = new AbortController();
      const sending = harness.channel.send(sampleOf(harness), ending.signal);
      ending.abort();
      expect((await sending).kind).toBe('retry');
      expect((await harness.channel.send(sampleOf(harness), ending.signal)).kind).toBe('retry');
    });

    it('brings answers back, again where they could not be stored, and ends with its signal', async () => {
      const harness = await opened();
      const ending = new AbortController();
      const taken: Feedback[] = [];
      let refusals = 0;
      harness.answer?.(someAnswer({ id: 'f-1' }));
      harness.answer?.(someAnswer({ id: 'f-2', alertId: 'unknown' }));
      harness.answer?.(someAnswer({ id: 'f-3', kind: 'outcome', outcome: 'drill', text: '演练' }));
      const listening = harness.channel.listen((feedback) => {
        if (feedback.alertId === 'unknown') throw new GatewayError('alert.unknown', 'no such alert');
        if (feedback.id === 'f-3' && (refusals += 1) === 1) return Promise.reject(new Error('disk full'));
        taken.push(feedback);
        if (feedback.id === 'f-3') ending.abort();
        return Promise.resolve();
      }, ending.signal);
      if (!harness.answer) ending.abort();
      await listening;
      if (!harness.answer) return;
      expect(taken.at(-1)).toEqual({
        id: 'f-3',
        alertId: 'a-1',
        kind: 'outcome',
        by: '李警官',
        at: Date.UTC(2026, 0, 2, 3, 5, 0),
        text: '演练',
        outcome: 'drill',
        recipient: 'station',
      });
      expect(new Set(taken.map(({ id }) => id))).toEqual(new Set(['f-1', 'f-3']));
    });
  });
}
