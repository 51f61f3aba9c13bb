import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createKeyFilter } from './key-filter.ts';

const hash = (n: number): string => createHash('sha256').update(String(n)).digest('base64url').slice(0, 22);

describe('key filter', () => {
  it('never forgets a key, and rarely takes another for one', () => {
    const filter = createKeyFilter();
    // A sixtieth of a week's ids: at that filling an ideal filter errs once in ten million.
    for (let n = 0; n < 100_000; n += 1) filter.add(hash(n));
    let forgotten = 0;
    let mistaken = 0;
    for (let n = 0; n < 100_000; n += 1) {
      if (!filter.mayHave(hash(n))) forgotten += 1;
      if (filter.mayHave(hash(n + 1_000_000))) mistaken += 1;
    }
    expect(forgotten).toBe(0);
    expect(mistaken).toBeLessThan(10);
  });
});
