import { describe, expect, it } from 'vitest';
import type { Delivery } from '../domain/alert.ts';
import type { AlertId, RecipientId } from '../domain/ids.ts';
import { deliveryOf, outboxBench, receipt } from './outbox-bench.ts';

const minuteMs = 60_000;

const idOf = (delivery: Delivery): string => delivery.id;
const alone = (changes: Partial<Delivery> = {}): Delivery => {
  const delivery = deliveryOf(changes);
  return { ...delivery, alertId: `a-${delivery.id}` as AlertId };
};

describe('a recipient with a limit', () => {
  const worker = 'worker' as RecipientId;
  const yellow = (): Delivery => alone({ tier: 'yellow', recipient: worker });

  it('gets so many a minute and then the rest, in order; others wait for none of it', async () => {
    const bench = await outboxBench({ answer: () => receipt, perMinute: { worker: 3 } });
    // More than one look finds, so that the other lies behind them.
    const his = Array.from({ length: 300 }, yellow);
    const other = alone({ tier: 'yellow' });
    await bench.add(...his, other);
    await bench.clock.advance(2000);
    expect(bench.sent()).toEqual([...his.slice(0, 3).map(idOf), other.id]);
    await bench.clock.advance(minuteMs - 2001);
    expect(bench.sent()).toHaveLength(4);
    await bench.clock.advance(2);
    expect(bench.sent().slice(4)).toEqual(his.slice(3, 6).map(idOf));
    await bench.clock.advance(2 * minuteMs);
    expect(bench.sent()).toEqual([...his.slice(0, 3), other, ...his.slice(3, 12)].map(idOf));
  });

  it('gets red and orange at once, with what these wait behind, and canaries; they count', async () => {
    const bench = await outboxBench({ answer: () => receipt, perMinute: { worker: 2 } });
    const first = [yellow(), yellow(), yellow()];
    await bench.add(...first);
    await bench.settle();
    const red = alone({ tier: 'red', recipient: worker });
    const before = alone({ tier: 'yellow', recipient: worker });
    const after = deliveryOf({ tier: 'orange', recipient: worker, alertId: before.alertId });
    const canary = deliveryOf({ tier: 'blue', recipient: worker, item: 'canary', alertId: null });
    await bench.add(red, before, after, canary);
    await bench.clock.advance(5000);
    expect(bench.sent().slice(2).sort()).toEqual([red, before, after, canary].map(idOf).sort());
    const [ahead, behind] = [before, after].map(({ id }) => bench.sent().indexOf(id));
    expect(ahead).toBeLessThan(behind ?? 0);
    // The urgent ones of five seconds ago fill the next minute as well.
    await bench.clock.advance(minuteMs - 5000 - 1);
    expect(bench.sent()).toHaveLength(6);
    await bench.clock.advance(6000);
    expect(bench.sent().slice(6)).toEqual([first[2]?.id]);
  });
});
