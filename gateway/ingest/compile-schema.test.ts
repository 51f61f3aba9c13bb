import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { compileSchema } from './compile-schema.ts';
import { deviceMessages, pileTelemetry } from './payloads.ts';

const ts = '2026-01-02T03:04:05+08:00';

describe('the quick check of a payload', () => {
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      undefined,
      true,
      false,
      '',
      'f1',
      'smoke',
      'charging',
      'online',
      'start',
      ts,
      1,
      0,
      -1,
    ),
    fc.integer(),
    fc.double(),
    fc.string({ maxLength: 140 }),
    fc.array(fc.integer(), { maxLength: 2 }),
    fc.constant({}),
  );
  const usual: Record<string, unknown> = {
    ...{ v: 1, ts, pile: 'c1', device: 'f1', port: 1, state: 'online', kind: 'smoke', active: true, event: 'start' },
  };

  it.each(deviceMessages)('of $name says what zod says', ({ schema }) => {
    const fits = compileSchema(schema);
    const names = Object.keys(schema.shape);
    const payload = fc
      .dictionary(fc.constantFrom(...names, 'unknown'), value)
      .chain((odd) => fc.constantFrom({ ...usual, ...odd }, odd, { ...usual, state: 'charging', ...odd }));
    fc.assert(
      fc.property(payload, (candidate) => {
        expect(fits(candidate)).toBe(schema.safeParse(candidate).success);
      }),
      { numRuns: 400 },
    );
  });

  it('refuses at start a schema that it does not understand', () => {
    expect(() => compileSchema(z.object({ a: z.array(z.string()) }))).toThrow('a: cannot compile items');
    expect(() => compileSchema(pileTelemetry)).not.toThrow();
  });
});
