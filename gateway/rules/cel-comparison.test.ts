import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCelCompiler, viewRecord, type CelScope } from './cel.ts';
import { joinedFields } from './event-fields.ts';

const scope: CelScope = {
  records: { event: joinedFields(['charging']), params: { warnC: { type: 'number', nullable: false, values: null } } },
  variables: { night: 'boolean', hour: 'number', area: 'string' },
};

const numbers = fc.constantFrom(
  'event.portC',
  'event.powerW',
  'event.port',
  'params.warnC',
  'hour',
  '60',
  '60.5',
  '0',
  '-3',
  '1e2',
  'params.warnC * 3600',
  'event.portC - event.powerW',
  '(event.port + 1) * 2 - hour',
  'event.powerW / 4',
  '7 / 2 + event.port',
);
const texts = fc.constantFrom('event.state', 'event.device', 'area', '"charging"', '"idle"');
const part = fc.oneof(
  fc.tuple(numbers, fc.constantFrom('<', '<=', '>', '>=', '==', '!='), numbers).map((side) => side.join(' ')),
  fc.tuple(texts, fc.constantFrom('==', '!='), texts).map((side) => side.join(' ')),
  fc.constantFrom('night', 'event.late', 'has(event.portC)', 'event.state in ["charging", "float"]', '!event.late'),
  fc.constantFrom('!(event.portC > 60)', '(event.portC > 60 ? night : event.late)', 'event.portC - 5 > params.warnC'),
);
const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    part,
    fc
      .tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition'))
      .map(([a, op, b]) => `(${a}) ${op} (${b})`),
  ),
}));
const eventOf = (asIs: boolean) =>
  fc
    .record({
      portC: fc.constantFrom(undefined, 0, 59.9, 60, 60.5, 100, -3),
      powerW: fc.constantFrom(undefined, 60, 800),
      port: fc.constantFrom(1, 60),
      state: fc.constantFrom(undefined, 'charging', 'idle'),
      device: fc.constantFrom('charging', 'charger/p1'),
      late: fc.boolean(),
    })
    // As it stands in the record, null for what is absent; or as the library would have it.
    .map((fields): object =>
      asIs
        ? Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value ?? null]))
        : viewRecord(fields),
    );
const context = fc.record({
  event: fc.oneof(eventOf(true), eventOf(false)),
  params: fc.constantFrom<object>({ warnC: 60 }, viewRecord({ warnC: 60 })),
  night: fc.boolean(),
  hour: fc.constantFrom(0, 23, 60),
  area: fc.constantFrom(undefined, 'idle'),
});

describe('conditions run without the library', () => {
  it('answer as the library does, absent fields included', () => {
    const [quick, library] = [createCelCompiler(scope), createCelCompiler(scope, { shortcuts: false })];
    let compared = 0;
    fc.assert(
      fc.property(condition, context, (source, values) => {
        const results = [quick, library].map((compiler) => {
          const compiled = compiler.condition(source);
          return compiled.ok ? compiled.expression.evaluate(values) : compiled.fault;
        });
        if (typeof results[0] !== 'object') compared += 1;
        expect(results[0]).toEqual(results[1]);
      }),
      { numRuns: 1500 },
    );
    // Faults (a literal that a choice never has) must not crowd out the answers.
    expect(compared).toBeGreaterThan(500);
  });
});
