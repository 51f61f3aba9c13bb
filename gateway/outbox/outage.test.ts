import { describe, expect, it } from 'vitest';
import type { Delivery } from '../domain/alert.ts';
import type { AlertId } from '../domain/ids.ts';
import { deliveryOf, outboxBench, receipt } from './outbox-bench.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

const alone = (changes: Partial<Delivery> = {}): Delivery => {
  const delivery = deliveryOf(changes);
  return { ...delivery, alertId: `a-${delivery.id}` as AlertId };
};

describe('a broken way', () => {
  const away = { kind: 'retry', reason: 'ECONNREFUSED', afterMs: null } as const;

  it('is tried with one delivery at a time, however many wait, and frees all of them at once when it is back', async () => {
    let back = false;
    const bench = await outboxBench({ answer: () => (back ? receipt : away) });
    await bench.add(...Array.from({ length: 200 }, () => alone({ tier: 'yellow' })), alone({ tier: 'orange' }));
    await bench.clock.advance(minuteMs);
    const before = bench.sends.length;
    await bench.clock.advance(hourMs);
    // One every 0.7 to 1 s and no more, looked for four times a second; 200 with waits of their own would be more by far.
    expect(bench.sends.length - before).toBeGreaterThan(hourMs / 1600);
    expect(bench.sends.length - before).toBeLessThan(hourMs / 650);
    back = true;
    const backMs = bench.clock.monotonic();
    await bench.clock.advance(5000);
    for (let n = 0; n < 50; n += 1) await bench.settle();
    expect(bench.received).toHaveLength(201);
    const urgent = bench.sends.findLast(({ delivery }) => delivery.tier === 'orange');
    expect((urgent?.at ?? Infinity) - backMs).toBeLessThanOrEqual(5000);
  });

  it('gives red the first word when it is back: but for the one that found it, nothing lesser goes before', async () => {
    let back = false;
    const bench = await outboxBench({ answer: () => (back ? receipt : away) });
    await bench.add(...Array.from({ length: 20 }, () => alone({ tier: 'yellow' })));
    await bench.clock.advance(minuteMs);
    await bench.add(...Array.from({ length: 5 }, () => alone({ tier: 'red' })));
    await bench.clock.advance(minuteMs);
    const before = bench.sends.length;
    back = true;
    await bench.clock.advance(5000);
    await bench.settle();
    const tiers = bench.sends.slice(before).map(({ delivery }) => delivery.tier);
    expect(tiers.slice(0, 6).filter((tier) => tier === 'yellow').length).toBeLessThanOrEqual(1);
    expect(tiers.lastIndexOf('red')).toBeLessThanOrEqual(5);
    expect(bench.received).toHaveLength(25);
  });

  it('is tried again at once with what hung in a dead connection', async () => {
    let back = false;
    const hanging = alone({ tier: 'red' });
    const bench = await outboxBench();
    const fail = async (): Promise<void> => {
      for (const sending of bench.sends)
        if (sending.delivery.id !== hanging.id) await sending.answer(back ? receipt : away);
    };
    await bench.add(...Array.from({ length: 3 }, () => alone({ tier: 'orange' })));
    await fail();
    await bench.add(hanging);
    for (let n = 0; n < 40 && !bench.sent().includes(hanging.id); n += 1) {
      await bench.clock.advance(500);
      await fail();
    }
    expect(bench.sent().filter((id) => id === hanging.id)).toHaveLength(1);
    back = true;
    for (let n = 0; n < 10; n += 1) {
      await bench.clock.advance(500);
      await fail();
    }
    expect(bench.sent().filter((id) => id === hanging.id)).toHaveLength(2);
    await bench.sends.findLast(({ delivery }) => delivery.id === hanging.id)?.answer(receipt);
    expect(bench.rows.get(hanging.id)).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  it('is not taken for broken for the sake of one delivery that the far side always fails on', async () => {
    const poison = alone({ tier: 'red' });
    const bench = await outboxBench({
      answer: ({ id }) => (id === poison.id ? { kind: 'retry', reason: 'status 500', afterMs: null } : receipt),
    });
    await bench.add(poison);
    await bench.clock.advance(minuteMs);
    await bench.add(...Array.from({ length: 10 }, () => alone({ tier: 'yellow' })));
    await bench.clock.advance(30_000);
    await bench.settle();
    expect(bench.received).toHaveLength(10);
    expect(bench.rows.get(poison.id)?.state).toBe('pending');
  });

  it('waits as long as the far side asks, but for red only as long as red was asked to', async () => {
    let back = false;
    const bench = await outboxBench({
      answer: ({ tier }) =>
        back ? receipt : { kind: 'retry', reason: 'status 503', afterMs: tier === 'red' ? 20_000 : 20 * minuteMs },
    });
    await bench.add(...Array.from({ length: 4 }, () => alone({ tier: 'yellow' })));
    await bench.clock.advance(10_000);
    const before = bench.sends.length;
    await bench.clock.advance(10 * minuteMs);
    expect(bench.sends.length).toBe(before);
    await bench.add(alone({ tier: 'red' }));
    await bench.clock.advance(3000);
    expect(bench.sends.at(-1)?.delivery.tier).toBe('red');
    const asked = bench.sends.length;
    await bench.clock.advance(15_000);
    expect(bench.sends.length).toBe(asked);
    back = true;
    await bench.clock.advance(10_000);
    await bench.settle();
    expect(bench.received).toHaveLength(5);
  });

  it('is waited for with jitter, so that many gateways do not come back in the same second', async () => {
    const waits = async (unit: number): Promise<number> => {
      const bench = await outboxBench({ answer: () => away, random: unit });
      await bench.add(alone({ tier: 'red' }));
      await bench.clock.advance(hourMs);
      return bench.sends.length;
    };
    expect(await waits(0)).toBeGreaterThan((await waits(1)) * 1.2);
  });
});

describe('passages', () => {
  const passage = (): Delivery => deliveryOf({ item: 'passage', notice: null, alertId: null, tier: 'blue' });

  it('have places of their own, and leave those of the notices alone', async () => {
    const bench = await outboxBench({ options: { parallel: 2, urgentParallel: 1, passageParallel: 5 } });
    await bench.add(...Array.from({ length: 20 }, passage));
    expect(bench.sends).toHaveLength(5);
    await bench.add(...Array.from({ length: 4 }, () => alone({ tier: 'yellow' })));
    expect(bench.sends.slice(5).map(({ delivery }) => delivery.tier)).toEqual(['yellow', 'yellow']);
    await bench.add(alone({ tier: 'red' }));
    expect(bench.sends.slice(7).map(({ delivery }) => delivery.tier)).toEqual(['red']);
  });

  it('go when every red one that waits has gone', async () => {
    const bench = await outboxBench({ options: { parallel: 1, urgentParallel: 1, passageParallel: 5 } });
    const reds = Array.from({ length: 4 }, () => alone({ tier: 'red' }));
    for (const delivery of [...Array.from({ length: 20 }, passage), ...reds]) bench.rows.set(delivery.id, delivery);
    await bench.add();
    expect(bench.sends.map(({ delivery }) => delivery.tier)).toEqual(['red', 'red']);
    for (let n = 0; n < 4; n += 1) await bench.sends[n]?.answer(receipt);
    expect(bench.sends.slice(0, 4).map(({ delivery }) => delivery.tier)).toEqual(['red', 'red', 'red', 'red']);
    expect(bench.sends.slice(4).map(({ delivery }) => delivery.tier)).toEqual(Array(5).fill('blue'));
  });
});
