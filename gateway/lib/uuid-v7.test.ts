import { validate, version } from 'uuid';
import { describe, expect, it } from 'vitest';
import { createUuidV7 } from './uuid-v7.ts';

describe('uuid v7', () => {
  it('is one by the form of RFC 9562, with its time in it, and each is greater than the one before', () => {
    const id = createUuidV7(() => 0x0199_aabb_ccdd);
    const ids = Array.from({ length: 20_000 }, id);
    expect(ids.every((one) => validate(one) && version(one) === 7)).toBe(true);
    expect(ids[0]?.slice(0, 13)).toBe('0199aabb-ccdd');
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('goes on upwards when the clock is set back', () => {
    let nowMs = 1_000_000;
    const id = createUuidV7(() => nowMs);
    const before = id();
    nowMs = 5;
    const after = id();
    expect(after > before).toBe(true);
    nowMs = 2_000_000;
    expect(id() > after).toBe(true);
  });

  it('differs between two processes that begin in the same millisecond', () => {
    const [a, b] = [createUuidV7(() => 7), createUuidV7(() => 7)];
    expect(a()).not.toBe(b());
    expect(a().slice(24)).not.toBe(b().slice(24));
  });
});
