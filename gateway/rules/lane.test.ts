import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventKinds, type EventKind, type GatewayEvent } from '../domain/event.ts';
import { fieldsOf, type FieldSpec } from './event-fields.ts';
import { createLane } from './lane.ts';

const valueOf = (name: string, spec: FieldSpec): fc.Arbitrary<unknown> => {
  if (name === 'at' || name === 'receivedAt') return fc.integer({ min: 1, max: 50 });
  if (name === 'late') return fc.constant(false);
  if (name === 'port') return fc.integer({ min: 1, max: 10 });
  const known: fc.Arbitrary<unknown> =
    spec.type === 'number'
      ? fc.constantFrom(0, -1.5, 220, 61.25)
      : spec.type === 'boolean'
        ? fc.boolean()
        : spec.type === 'plate'
          ? fc.constant(null)
          : fc.constantFrom(...(spec.values ?? ['a', '区']));
  return spec.nullable ? fc.option(known, { nil: null }) : known;
};
/** Fields that events of older versions lack. */
const optional = new Set(['sessionS', 'startPeakW']);
const eventOf = (kind: EventKind): fc.Arbitrary<GatewayEvent> =>
  fc
    .record(Object.fromEntries(Object.entries(fieldsOf(kind)).map(([name, spec]) => [name, valueOf(name, spec)])), {
      requiredKeys: Object.keys(fieldsOf(kind)).filter((name) => !optional.has(name)),
    })
    .map((fields) => ({ ...fields, kind }) as unknown as GatewayEvent);

/** What a lane is, said plainly. */
function keptOf(events: readonly GatewayEvent[], receivedFrom: number, most: number): readonly GatewayEvent[] {
  return events.filter(({ receivedAt }) => receivedAt >= receivedFrom).slice(-most);
}
const everything = (lane: ReturnType<typeof createLane>): readonly GatewayEvent[] =>
  Array.from({ length: lane.size }, (_, index) => lane.event(index));

describe('a lane', () => {
  it.each(eventKinds)(
    'gives events of kind %s back as they were, in the order of their time, and forgets the oldest',
    (kind) => {
      fc.assert(
        fc.property(
          fc.array(eventOf(kind), { minLength: 1, maxLength: 12 }),
          fc.integer({ min: 0, max: 60 }),
          fc.integer({ min: 1, max: 12 }),
          (events, receivedFrom, most) => {
            const [first, ...others] = events;
            if (!first) return;
            const lane = createLane(first);
            for (const event of others) lane.add(event);
            const inOrder = [...events].sort((a, b) => a.at - b.at);
            expect(everything(lane)).toStrictEqual(inOrder);
            expect(lane.newestAt).toBe(inOrder.at(-1)?.at);
            lane.keep(receivedFrom, most);
            const kept = keptOf(inOrder, receivedFrom, most);
            expect(everything(lane)).toStrictEqual(kept);
            expect(kept.map((_, index) => lane.at(index))).toEqual(kept.map(({ at }) => at));
            expect(lane.oldestReceivedAt).toBe(Math.min(...kept.map(({ receivedAt }) => receivedAt)));
            lane.add(first);
            expect(everything(lane)).toHaveLength(kept.length + 1);
          },
        ),
        { numRuns: 100 },
      );
    },
  );
});
