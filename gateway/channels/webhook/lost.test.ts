import { describe, expect, it } from 'vitest';
import { createReceiptCheck, readMissing } from './lost.ts';

/** A far side that has some of what it was sent, and a gateway that believes it has all. */
function bench(count: number) {
  /** As the store has them: in the order of their receipts. */
  let received = Array.from({ length: count }, (_, index) => ({ id: `d${index + 1}`, number: index + 1 }));
  let numbers = count;
  let confirmed: number | null = null;
  let has = new Set(received.map(({ id }) => id));
  const sentAgain: string[] = [];
  let failing = false;
  const begin = () =>
    createReceiptCheck({
      after: (number, limit) => received.filter((one) => one.number > number).slice(0, limit),
      upTo: (number, limit) =>
        received
          .filter((one) => one.number <= number)
          .reverse()
          .slice(0, limit),
      confirmed: () => confirmed,
      confirm: (number) => {
        confirmed = number;
        return Promise.resolve();
      },
      lost: (ids) => {
        if (failing) return Promise.reject(new Error('disk full'));
        sentAgain.push(...ids.filter((id) => received.some((one) => one.id === id)));
        received = received.filter(({ id }) => !ids.includes(id));
        return Promise.resolve();
      },
    });
  let check = begin();
  const poll = async (): Promise<number> => {
    const asked = check.next();
    await check.heard(asked.filter((id) => !has.has(id)));
    return asked.length;
  };
  return {
    poll,
    sentAgain,
    walking: () => check.walking(),
    pollUntilDone: async (): Promise<number> => {
      let polls = 0;
      do {
        expect(await poll()).toBeLessThanOrEqual(50);
        polls += 1;
      } while (check.walking());
      return polls;
    },
    fail: (now: boolean) => (failing = now),
    restart: () => (check = begin()),
    backUp: () => new Set(has),
    restore: (backup: ReadonlySet<string>) => (has = new Set(backup)),
    receive: (from: number, to: number) => {
      for (let n = from; n <= to; n += 1) {
        received.push({ id: `d${n}`, number: (numbers += 1) });
        has.add(`d${n}`);
      }
    },
  };
}
const ids = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `d${from + index}`);

describe('what a far side has lost', () => {
  it('is nothing in ordinary times: what came since the last poll is asked about once, and none is sent again', async () => {
    const far = bench(300);
    expect(await far.pollUntilDone()).toBe(1);
    far.receive(301, 304);
    expect(await far.poll()).toBe(5);
    expect(await far.poll()).toBe(1);
    far.receive(305, 404);
    expect(await far.pollUntilDone()).toBe(2);
    expect(await far.poll()).toBe(3);
    expect(await far.poll()).toBe(1);
    expect(far.sentAgain).toEqual([]);
  });

  it('is found to the last one and no further, however long ago the backup was made', async () => {
    const far = bench(90);
    const backup = far.backUp();
    far.receive(91, 300);
    await far.poll();
    far.restore(backup);
    expect(await far.pollUntilDone()).toBeLessThan(10);
    expect(far.sentAgain.sort()).toEqual(ids(91, 300).sort());
  });

  it.each([
    { why: 'much has arrived since it was restored, before anybody asked', restarts: false },
    { why: 'the gateway was restarted after the loss', restarts: true },
  ])('is found also when $why', async ({ restarts }) => {
    const far = bench(80);
    const backup = far.backUp();
    far.receive(81, 100);
    await far.poll();
    far.restore(backup);
    far.receive(101, 300);
    if (restarts) far.restart();
    await far.pollUntilDone();
    expect(far.sentAgain.sort()).toEqual(ids(81, 100).sort());
  });

  it('is found also when nobody had asked about it before it was lost', async () => {
    const far = bench(80);
    await far.poll();
    const backup = far.backUp();
    far.receive(81, 180);
    far.restore(backup);
    far.receive(181, 400);
    await far.pollUntilDone();
    expect(far.sentAgain.sort()).toEqual(ids(81, 180).sort());
  });

  it('is asked about again when it could not be written down', async () => {
    const far = bench(5);
    const backup = far.backUp();
    far.receive(6, 10);
    far.restore(backup);
    far.fail(true);
    await expect(far.poll()).rejects.toThrow('disk full');
    far.fail(false);
    await far.pollUntilDone();
    expect(far.sentAgain).toHaveLength(5);
  });

  it('is only what it says in so many words', () => {
    const read = (text: string): readonly string[] => readMissing(Buffer.from(text));
    expect(read('{"feedback":[],"cursor":"","missing":["a","b"]}')).toEqual(['a', 'b']);
    for (const text of ['', 'ok', '{"missing":"a"}', '{"missing":[1]}', '{"feedback":[]}', '[]'])
      expect(read(text)).toEqual([]);
  });
});
