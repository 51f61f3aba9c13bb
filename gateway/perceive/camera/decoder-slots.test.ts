import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../lib/fake-clock.ts';
import { createDecoderSlots, type DecoderLease } from './decoder-slots.ts';

/** Cameras that all want to decode all the time: each that is asked to yield ends its decoder and asks again. */
function busyCameras(names: readonly string[], capacity: number, turnMs: number) {
  const clock = createFakeClock();
  const slots = createDecoderSlots({ capacity, turnMs, clock });
  const ranMs = new Map(names.map((name) => [name, 0]));
  const since = new Map<string, number>();
  const order: string[] = [];
  let most = 0;
  const ask = (name: string): void => {
    let lease: DecoderLease | null = null;
    slots.ask(
      (given) => {
        lease = given;
        order.push(name);
        since.set(name, clock.monotonic());
        most = Math.max(most, since.size);
      },
      () => {
        ranMs.set(name, (ranMs.get(name) ?? 0) + clock.monotonic() - (since.get(name) ?? 0));
        since.delete(name);
        lease?.release();
        ask(name);
      },
    );
  };
  for (const name of names) ask(name);
  return { clock, slots, ranMs, order, most: () => most };
}

describe('decoders at once', () => {
  it('are never more than allowed, and every camera has the same share of them', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const { clock, ranMs, order, most, slots } = busyCameras(names, 2, 6000);
    expect(slots.report()).toEqual({ running: 2, waiting: 3, capacity: 2 });
    for (let second = 0; second < 600; second += 1) await clock.advance(1000);
    expect(most()).toBe(2);
    expect(slots.report()).toEqual({ running: 2, waiting: 3, capacity: 2 });
    // Ten minutes on two decoders are 1200 s, 240 s for each of five; a turn is 6 s.
    for (const name of names) expect(Math.abs((ranMs.get(name) ?? 0) / 1000 - 240)).toBeLessThanOrEqual(12);
    expect(order.slice(0, 10)).toEqual([...names, ...names]);
  });

  it('are not taken from anybody while nobody waits', async () => {
    const { clock, ranMs, order } = busyCameras(['a', 'b'], 2, 6000);
    await clock.advance(600_000);
    expect([...ranMs.values()]).toEqual([0, 0]);
    expect(order).toEqual(['a', 'b']);
  });

  it('go to the one who waits next when one is given back, and to nobody who gave up waiting', () => {
    const clock = createFakeClock();
    const slots = createDecoderSlots({ capacity: 1, turnMs: 6000, clock });
    const started: string[] = [];
    let first: DecoderLease | null = null;
    slots.ask(
      (lease) => {
        first = lease;
        started.push('first');
      },
      () => undefined,
    );
    const giveUp = slots.ask(
      () => started.push('second'),
      () => undefined,
    );
    slots.ask(
      () => started.push('third'),
      () => undefined,
    );
    giveUp();
    const lease = first as DecoderLease | null;
    lease?.release();
    // Twice is as good as once.
    lease?.release();
    expect(started).toEqual(['first', 'third']);
    expect(slots.report()).toEqual({ running: 1, waiting: 0, capacity: 1 });
  });
});
