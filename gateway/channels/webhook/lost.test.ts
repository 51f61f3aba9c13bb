import { describe, expect, it } from 'vitest';
import { createReceiptCheck, readMissing } from './lost.ts';

/** A far side that has some of what it was sent, and a gateway that believes it has all. */
function bench(count: number) {
  /** Newest first, as the store answers. */
  let received = Array.from({ length: count }, (_, index) => `d${count - index}`);
  const has = new Set(received);
  const sentAgain: string[] = [];
  let failing = false;
  const check = createReceiptCheck({
    latest: (limit) => received.slice(0, limit),
    lost: (ids) => {
      if (failing) return Promise.reject(new Error('disk full'));
      sentAgain.push(...ids.filter((id) => received.includes(id)));
      received = received.filter((id) => !ids.includes(id));
      return Promise.resolve();
    },
  });
  const poll = async (): Promise<number> => {
    const asked = check.next();
    await check.heard(
      asked,
      asked.filter((id) => !has.has(id)),
    );
    return asked.length;
  };
  return {
    check,
    poll,
    sentAgain,
    fail: (now: boolean) => (failing = now),
    /** Back to when it had this many. */
    restore: (to: number) => received.filter((id) => Number(id.slice(1)) > to).forEach((id) => has.delete(id)),
    receive: (id: string) => {
      received = [id, ...received];
      has.add(id);
    },
  };
}

describe('what a far side has lost', () => {
  it('is nothing in ordinary times: a few ids a poll, and none is sent again', async () => {
    const { poll, check, sentAgain } = bench(300);
    expect(await poll()).toBe(20);
    expect(await poll()).toBe(20);
    expect(check.walking()).toBe(false);
    expect(sentAgain).toEqual([]);
  });

  it('is found to the last one and no further, however long ago the backup was made', async () => {
    const far = bench(300);
    await far.poll();
    far.restore(90);
    let polls = 0;
    do {
      expect(await far.poll()).toBeLessThanOrEqual(50);
      polls += 1;
    } while (far.check.walking());
    expect(far.sentAgain).toHaveLength(210);
    expect(new Set(far.sentAgain).size).toBe(210);
    expect(far.sentAgain).not.toContain('d90');
    expect(polls).toBeLessThan(10);
  });

  it('is found also when much has arrived since it was restored, before anybody asked', async () => {
    const far = bench(100);
    await far.poll();
    far.restore(80);
    for (let n = 101; n <= 200; n += 1) far.receive(`d${n}`);
    do await far.poll();
    while (far.check.walking());
    expect(far.sentAgain.sort()).toEqual(Array.from({ length: 20 }, (_, index) => `d${81 + index}`).sort());
  });

  it('is asked about again when it could not be written down', async () => {
    const far = bench(10);
    far.restore(5);
    far.fail(true);
    await expect(far.poll()).rejects.toThrow('disk full');
    far.fail(false);
    do await far.poll();
    while (far.check.walking());
    expect(far.sentAgain).toHaveLength(5);
  });

  it('is only what it says in so many words', () => {
    const read = (text: string): readonly string[] => readMissing(Buffer.from(text));
    expect(read('{"feedback":[],"cursor":"","missing":["a","b"]}')).toEqual(['a', 'b']);
    for (const text of ['', 'ok', '{"missing":"a"}', '{"missing":[1]}', '{"feedback":[]}', '[]'])
      expect(read(text)).toEqual([]);
  });
});
