import { describe, expect, it } from 'vitest';
import type { Delivery, Feedback } from '../domain/alert.ts';
import type { AlertId, DeliveryId, RecipientId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import { createOutboxBench, deliveryOf, outboxBench, receipt, startMs, stoppedWithTest } from './outbox-bench.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

const idOf = (delivery: Delivery): string => delivery.id;
const alone = (changes: Partial<Delivery> = {}): Delivery => {
  const delivery = deliveryOf(changes);
  return { ...delivery, alertId: `a-${delivery.id}` as AlertId };
};
const refused = { kind: 'retry', reason: 'ECONNREFUSED', afterMs: null } as const;

describe('the outbox', () => {
  it('sends when woken and settles with one row', async () => {
    const bench = await outboxBench({ answer: () => receipt });
    const delivery = deliveryOf();
    await bench.add(delivery);
    expect(bench.commits).toEqual([
      [
        {
          kind: 'delivery-tried',
          id: delivery.id,
          at: startMs,
          state: 'delivered',
          attempts: 1,
          nextAttemptAt: startMs,
          result: '204',
        },
      ],
    ]);
    expect(bench.passed).toEqual(['outbox.before-send', 'outbox.after-send']);
    expect(bench.outbox.report()).toMatchObject([{ name: 'outbox desk', depth: 0, passed: 1, dropped: 0 }]);
    expect(bench.outbox.links()).toMatchObject([{ channel: 'desk', state: 'up', lastSuccessAt: startMs }]);
  });

  it('sends red before orange before yellow before blue, whatever came first', async () => {
    const bench = stoppedWithTest(
      createOutboxBench({ options: { parallel: 1, urgentParallel: 1 }, answer: () => receipt }),
    );
    const mixed = (['blue', 'yellow', 'red', 'orange', 'yellow', 'red'] as const).map((tier) => alone({ tier }));
    await bench.add(...mixed);
    await bench.outbox.start(new AbortController().signal);
    await bench.settle();
    expect(bench.sends.map(({ delivery }) => delivery.tier)).toEqual([
      'red',
      'red',
      'orange',
      'yellow',
      'yellow',
      'blue',
    ]);
  });

  it('keeps places for red and orange that slow lesser ones cannot take', async () => {
    const bench = await outboxBench({ options: { parallel: 2, urgentParallel: 1 } });
    await bench.add(...Array.from({ length: 5 }, () => alone({ tier: 'yellow' })));
    expect(bench.sends).toHaveLength(2);
    const red = alone({ tier: 'red' });
    await bench.add(red, alone({ tier: 'red' }));
    expect(bench.sent().slice(2)).toEqual([red.id]);
  });

  it('never lets a newer notice overtake an older one to the same recipient, and others go on', async () => {
    const bench = await outboxBench();
    const [first, second, other] = [deliveryOf(), deliveryOf(), deliveryOf({ recipient: 'property' as RecipientId })];
    await bench.add(first, second, other);
    expect(bench.sent()).toEqual([first, other].map(idOf));
    await bench.sends[0]?.answer(refused);
    await bench.clock.advance(500);
    expect(bench.sent()).toEqual([first, other].map(idOf));
    await bench.clock.advance(1000);
    expect(bench.sent()).toEqual([first, other, first].map(idOf));
    await bench.sends[2]?.answer(receipt);
    expect(bench.sent()).toEqual([first, other, first, second].map(idOf));
  });

  it('sends a blue one that waits for the digest ahead of the red one that follows it', async () => {
    const bench = await outboxBench({ answer: () => receipt });
    const blue = deliveryOf({ tier: 'blue', nextAttemptAt: (startMs + 20 * hourMs) as EpochMs });
    await bench.add(blue);
    await bench.clock.advance(hourMs);
    expect(bench.sent()).toEqual([]);
    const red = deliveryOf({ tier: 'red' });
    await bench.add(red);
    expect(bench.sent()).toEqual([blue, red].map(idOf));
  });

  it('holds channels apart: one that hangs does not hold up another', async () => {
    const bench = await outboxBench({ channels: ['desk', 'property'] });
    await bench.add(
      ...Array.from({ length: 20 }, () => alone({ tier: 'red' })),
      alone({ channel: 'property', tier: 'blue' }),
    );
    expect(bench.sends.filter(({ delivery }) => delivery.channel === 'property')).toHaveLength(1);
    expect(bench.sends.filter(({ delivery }) => delivery.channel === 'desk')).toHaveLength(16);
  });

  it('backs off with doubling waits, shorter ones for red, while the far side takes others', async () => {
    const gapsS = async (tier: Delivery['tier']): Promise<number[]> => {
      const stuck = alone({ tier, nextAttemptAt: startMs });
      const bench = await outboxBench({ answer: ({ id }) => (id === stuck.id ? refused : receipt) });
      await bench.add(stuck);
      for (let second = 0; second < 240; second += 1) {
        await bench.clock.advance(500);
        await bench.add(alone({ tier: 'blue' }));
        await bench.clock.advance(500);
      }
      const times = bench.sends.filter(({ delivery }) => delivery.id === stuck.id).map(({ at }) => at);
      return times.slice(1).map((at, index) => Math.round((at - (times[index] ?? 0)) / 1000));
    };
    const red = await gapsS('red');
    // Looked for once a second, so each wait is rounded up to the next look.
    expect(red.slice(0, 6)).toEqual([1, 2, 4, 7, 14, 26]);
    expect(Math.max(...red)).toBeLessThanOrEqual(31);
    expect((await gapsS('yellow')).slice(0, 5)).toEqual([5, 9, 17, 34, 68]);
  });

  it('waits as long as the far side asks, up to the limit', async () => {
    const afterMs = (ms: number) => ({ kind: 'retry', reason: '503', afterMs: ms }) as const;
    const bench = await outboxBench({ answer: (_, attempt) => afterMs(attempt === 1 ? 90_000 : 5 * hourMs) });
    await bench.add(deliveryOf({ tier: 'red' }));
    await bench.clock.advance(89_000);
    expect(bench.sends).toHaveLength(1);
    await bench.clock.advance(2000);
    expect(bench.sends).toHaveLength(2);
    await bench.clock.advance(hourMs - 5000);
    expect(bench.sends).toHaveLength(2);
    await bench.clock.advance(10_000);
    expect(bench.sends).toHaveLength(3);
  });

  it('does not care when the wall clock is set back or forward', async () => {
    for (const jumpMs of [-30 * 24 * hourMs, 30 * 24 * hourMs]) {
      const bench = await outboxBench({ answer: (_, attempt) => (attempt < 3 ? refused : receipt) });
      await bench.add(alone({ tier: 'red' }));
      bench.clock.jumpWall(jumpMs);
      await bench.clock.advance(2000);
      await bench.add(alone({ tier: 'yellow', nextAttemptAt: bench.clock.now() }));
      await bench.clock.advance(minuteMs);
      expect(bench.received.map(({ delivery }) => delivery.tier).sort()).toEqual(['red', 'yellow']);
    }
  });

  it('does not wait an hour for a wait that was reckoned from a clock set forward and put right again', async () => {
    const bench = await outboxBench({ answer: (_, attempt) => (attempt < 2 ? refused : receipt) });
    bench.clock.jumpWall(40 * minuteMs);
    await bench.add(alone({ tier: 'red', nextAttemptAt: bench.clock.now() }));
    bench.clock.jumpWall(-40 * minuteMs);
    await bench.clock.advance(10_000);
    expect(bench.received).toHaveLength(1);
    // What people read of it is by the clock on the wall.
    expect(bench.received[0]?.settled).toMatchObject({ at: expect.toSatisfy((at: number) => at < startMs + minuteMs) });
  });

  it('honours a wait over a restart, unless a wrong clock made it absurd', async () => {
    const later = (ms: number): EpochMs => (startMs + ms) as EpochMs;
    const bench = stoppedWithTest(createOutboxBench({ answer: () => receipt }));
    const sane = alone({ attempts: 3, nextAttemptAt: later(40 * minuteMs) });
    const absurd = alone({ attempts: 3, nextAttemptAt: later(400 * 24 * hourMs) });
    await bench.add(sane, absurd);
    await bench.outbox.start(new AbortController().signal);
    await bench.clock.advance(30 * minuteMs);
    expect(bench.sent()).toEqual([absurd.id]);
    await bench.clock.advance(11 * minuteMs);
    expect(bench.sent()).toEqual([absurd.id, sane.id]);
  });

  it('takes up after a restart what was under way: the same id again, nothing lost', async () => {
    const bench = await outboxBench();
    const delivery = deliveryOf();
    await bench.add(delivery);
    const again = stoppedWithTest(bench.restarted());
    await again.outbox.start(new AbortController().signal);
    await again.settle();
    expect(again.sent()).toEqual([delivery.id]);
    await again.sends[0]?.answer(receipt);
    expect(again.rows.get(delivery.id)).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  it('does not look more than once a second when there is nothing to do', async () => {
    const bench = await outboxBench();
    await bench.clock.advance(100_000);
    expect(bench.reads()).toBeLessThanOrEqual(101);
    for (let n = 0; n < 1000; n += 1) bench.outbox.wake();
    const before = bench.reads();
    await bench.settle();
    expect(bench.reads() - before).toBe(1);
  });
});

describe('a long backlog', () => {
  it('is read ahead, not searched through for every send, and a red one that comes meanwhile is next', async () => {
    const bench = await outboxBench({ answer: () => receipt });
    const red = alone({ tier: 'red' });
    for (const delivery of Array.from({ length: 1000 }, () => alone({ tier: 'yellow' })))
      bench.rows.set(delivery.id, delivery);
    await bench.add();
    const before = bench.sends.length;
    expect(before).toBeLessThan(900);
    await bench.add(red);
    expect(bench.sent().indexOf(red.id) - before).toBeLessThan(2);
    for (let n = 0; n < 50; n += 1) await bench.settle();
    expect(bench.received).toHaveLength(1001);
    expect(bench.reads()).toBeLessThan(25);
  });

  it('that takes long to search is searched in a sixth of the time at most, however often it is woken', async () => {
    const bench = await outboxBench({ answer: () => receipt, lookMs: 10 });
    await bench.settle();
    const before = bench.reads();
    for (let ms = 0; ms < 3000; ms += 1) {
      await bench.add(alone({ tier: 'yellow' }));
      await bench.clock.advance(1);
    }
    expect(bench.reads() - before).toBeLessThanOrEqual(61);
    expect(bench.received.length).toBeGreaterThan(2900);
  });
});

describe('a canary', () => {
  it('is tried once, is no dead letter that anyone must look at, and goes after every alert', async () => {
    const bench = await outboxBench({
      answer: ({ item }) => (item === 'canary' ? refused : receipt),
      options: { parallel: 1 },
    });
    const canary = alone({ item: 'canary', notice: null, tier: 'blue', sequence: 0 });
    await bench.add(canary, alone({ tier: 'yellow' }));
    expect(bench.sends.map(({ delivery }) => delivery.item)).toEqual(['notice', 'canary']);
    await bench.clock.advance(10 * minuteMs);
    expect(bench.rows.get(canary.id)).toMatchObject({ state: 'dead', attempts: 1, lastError: 'ECONNREFUSED' });
    expect(bench.outbox.report()).toMatchObject([{ dropped: 0 }]);
  });
});

describe('what the far side refuses', () => {
  const rejected = { kind: 'rejected', reason: '410' } as const;

  it('is a dead letter where it is yellow, and can be sent again by hand', async () => {
    const bench = await outboxBench({ answer: (_, attempt) => (attempt === 1 ? rejected : receipt) });
    const delivery = deliveryOf({ tier: 'yellow' });
    await bench.add(delivery);
    expect(bench.rows.get(delivery.id)).toMatchObject({ state: 'dead', lastError: 'rejected: 410' });
    expect(bench.outbox.report()).toMatchObject([{ dropped: 1 }]);
    await bench.clock.advance(hourMs);
    expect(bench.sends).toHaveLength(1);
    expect(await bench.outbox.resend(delivery.id)).toBe(true);
    await bench.settle();
    expect(bench.rows.get(delivery.id)).toMatchObject({ state: 'delivered', attempts: 2 });
    expect(await bench.outbox.resend(delivery.id)).toBe(false);
    expect(await bench.outbox.resend('nope' as DeliveryId)).toBe(false);
  });

  it('is tried for ever where it is red or orange', async () => {
    const bench = await outboxBench({ answer: () => rejected });
    const delivery = deliveryOf({ tier: 'orange' });
    await bench.add(delivery);
    await bench.clock.advance(6 * hourMs);
    expect(bench.rows.get(delivery.id)?.state).toBe('pending');
    expect(bench.sends.length).toBeGreaterThan(40);
    expect(bench.sends.length).toBeLessThan(80);
    expect(bench.outbox.links()).toMatchObject([{ state: 'down', lastFailure: '410' }]);
  });

  it('makes way for a younger one of the same alert', async () => {
    const bench = await outboxBench({ answer: ({ type }) => (type.includes('raised') ? rejected : receipt) });
    const first = deliveryOf({ tier: 'red' });
    const second = deliveryOf({ tier: 'red', type: 'kanmen.notice.updated.v1' });
    await bench.add(first, second);
    expect([first, second].map(({ id }) => bench.rows.get(id)?.state)).toEqual(['dead', 'delivered']);
  });

  it('expires after a month where it is yellow, never where it is red', async () => {
    const bench = await outboxBench({ answer: () => refused, options: { expireAfter: '2h' } });
    const [yellow, red] = [alone({ tier: 'yellow' }), alone({ tier: 'red' })];
    await bench.add(yellow, red);
    await bench.clock.advance(3 * hourMs);
    expect([yellow, red].map(({ id }) => bench.rows.get(id)?.state)).toEqual(['dead', 'pending']);
    expect(bench.rows.get(yellow.id)?.lastError).toBe('expired: ECONNREFUSED');
  });
});

describe('settling', () => {
  it('hands the receipt and the feedback over together with the row that settles', async () => {
    const feedback: Feedback = {
      id: 'f-1',
      alertId: 'alert-1' as AlertId,
      kind: 'acknowledged',
      by: '李警官',
      at: startMs,
      text: '',
      outcome: null,
      recipient: 'station' as RecipientId,
    };
    const bench = await outboxBench({ answer: () => ({ ...receipt, feedback: [feedback] }) });
    await bench.add(deliveryOf());
    expect(bench.received.map(({ feedback: answers, settled }) => [answers, settled.kind])).toEqual([
      [[feedback], 'delivery-tried'],
    ]);
  });

  it('that cannot be written leaves the delivery pending and tries again after a pause', async () => {
    const bench = await outboxBench({ answer: () => receipt });
    bench.failCommits(true);
    const delivery = deliveryOf({ tier: 'red' });
    await bench.add(delivery);
    await bench.clock.advance(500);
    expect(bench.sends).toHaveLength(1);
    bench.failCommits(false);
    await bench.clock.advance(2000);
    expect(bench.sent()).toEqual([delivery.id, delivery.id]);
    expect(bench.rows.get(delivery.id)?.state).toBe('delivered');
  });

  it('goes on when the feedback names an alert that is not there', async () => {
    const bench = await outboxBench({
      answer: () => receipt,
      onDelivered: () => Promise.reject(new GatewayError('alert.unknown', 'no such alert')),
    });
    const delivery = deliveryOf();
    await bench.add(delivery);
    expect(bench.rows.get(delivery.id)?.state).toBe('delivered');
  });
});

describe('stopping', () => {
  it('takes nothing new, waits for what is under way and settles it', async () => {
    const bench = await outboxBench();
    const [first, second] = [deliveryOf(), deliveryOf()];
    await bench.add(first, second);
    const stopped = bench.outbox.stop();
    await bench.sends[0]?.answer(receipt);
    await stopped;
    await bench.outbox.stop();
    expect(bench.sent()).toEqual([first.id]);
    expect(bench.rows.get(first.id)?.state).toBe('delivered');
    expect(bench.rows.get(second.id)?.attempts).toBe(0);
  });

  it('cuts a send short after the deadline, which does not count as a try', async () => {
    const bench = await outboxBench({ options: { drainWithin: '1s' } });
    const delivery = deliveryOf();
    await bench.add(delivery);
    const stopped = bench.outbox.stop();
    await bench.clock.advance(1000);
    await stopped;
    expect(bench.rows.get(delivery.id)).toEqual(delivery);
  });
});
