import { DateTime } from 'luxon';
import { GatewayError } from '../lib/errors.ts';
import type { EventKind, GatewayEvent } from '../domain/event.ts';
import type { Match } from '../domain/match.ts';
import { closest } from './cel-bounds.ts';
import { advanceClock, takeEvent } from './engine.ts';
import { fieldsOf } from './event-fields.ts';
import { createMemory } from './memory.ts';
import type { RulesOptions } from './options.ts';
import type { RuleExample } from './rule-document.ts';
import { compileRuleSet, type RuleSet } from './rule-set.ts';
import { dueOf } from './rule-state.ts';
import { loadRules } from './rules.ts';
import type { RuleText } from './rule-yaml.ts';
import type { Surroundings } from './surroundings.ts';

/** How one example of one rule came out. */
export interface ExampleResult {
  readonly rule: string;
  readonly file: string;
  readonly example: string;
  readonly ok: boolean;
  /** Why not, in one line; null where it holds. */
  readonly fault: string | null;
}

/** Runs every rule's own examples, each alone and from an empty memory. Throws 'rules.invalid' for a wrong set. */
export function testRules(
  texts: readonly RuleText[],
  setup: { readonly timeZone: string; readonly options: RulesOptions },
): readonly ExampleResult[] {
  const { options, timeZone } = setup;
  // Examples show what the document says; windows of the site's own would only confuse them.
  const { calendar } = loadRules({ source: [], timeZone, options: { ...options, settings: {}, suppressions: [] } });
  const around: Surroundings = {
    calendar,
    latenessMs: options.lateness,
    count: () => undefined,
    failed: () => undefined,
    silencedBy: () => null,
  };
  // Examples show what the document says, so the site's settings stay out of them.
  return texts.flatMap((text) => {
    const set = compileRuleSet([text], {}, { latenessMs: options.lateness });
    return set.rules.flatMap((rule) => {
      const result = (example: string, fault: string | null): ExampleResult => ({
        rule: rule.id,
        file: text.file,
        example,
        ok: fault === null,
        fault,
      });
      if (rule.document.examples.length === 0) return [result('(none)', 'the rule has no examples')];
      return rule.document.examples.map((example) => {
        try {
          return result(example.name, compare(runExample(set, example, around, setup.timeZone), example.expect));
        } catch (error) {
          if (error instanceof GatewayError) return result(example.name, error.message);
          throw error;
        }
      });
    });
  });
}

function runExample(set: RuleSet, example: RuleExample, around: Surroundings, timeZone: string): Match[] {
  const memory = createMemory({
    maxKeysPerRule: 10_000,
    latenessMs: around.latenessMs,
    dueOf: (id, state) => {
      const rule = set.byId.get(id);
      return rule ? dueOf(rule, state) : null;
    },
  });
  const matches: Match[] = [];
  let now = startOf(example.startAt ?? '12:00', timeZone, example.startOn);
  for (const [index, entry] of example.given.entries()) {
    if ('wait' in entry && !('kind' in entry)) {
      now += entry.wait;
      matches.push(...advanceClock(set, memory, now, around).matches);
      continue;
    }
    const { after, late, kind, ...fields } = entry as { after?: number; late?: number; kind: EventKind };
    now += after ?? 0;
    const event = eventFrom(kind, fields, index, now - (late ?? 0), now);
    matches.push(...takeEvent(set, memory, event, around).matches);
  }
  return matches;
}

/** The moment on that day, else on a fixed Wednesday, when the site's clocks show this time. */
function startOf(timeOfDay: string, timeZone: string, date = '2026-01-07'): number {
  return DateTime.fromISO(`${date}T${timeOfDay}`, { zone: timeZone }).toMillis();
}

const deviceDefaults: Readonly<Partial<Record<EventKind, Readonly<Record<string, unknown>>>>> = {
  charging: { device: 'charger/example', port: 1, report: 'telemetry' },
  'pile-alarm': { device: 'charger/example', active: true },
  fire: { device: 'fire/example', active: true },
  'fire-telemetry': { device: 'fire/example' },
  device: { device: 'fire/example' },
  camera: { camera: 'gate-example' },
  zone: { camera: 'gate-example', zone: 'zone-example', subject: 'vehicle', visit: 'visit-example' },
  system: { part: 'disk' },
  passage: { camera: 'gate-example', subject: 'vehicle', direction: 'in' },
};

/** A whole event from the fields that an example gives. Throws where a field is unknown, wrong or missing. */
function eventFrom(
  kind: EventKind,
  given: Readonly<Record<string, unknown>>,
  index: number,
  at: number,
  receivedAt: number,
): GatewayEvent {
  const specs = fieldsOf(kind);
  const refuse = (why: string): never => {
    throw new GatewayError('rules.invalid', `given[${index}]: ${why}`);
  };
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(specs, name)) continue;
    const close = closest(name, Object.keys(specs));
    refuse(`an event of kind ${kind} has no field ${name}${close === null ? '' : `, did you mean "${close}"?`}`);
  }
  const moments = kind === 'passage' ? { startedAt: at, endedAt: at } : {};
  const event: Record<string, unknown> = {
    kind,
    id: `example-${index}`,
    at,
    receivedAt,
    area: 'area-example',
    late: false,
    ...moments,
    ...deviceDefaults[kind],
    ...given,
  };
  for (const [name, spec] of Object.entries(specs)) {
    const value = event[name];
    if (value === undefined || value === null) {
      if (!spec.nullable) refuse(`the field ${name} is needed`);
      event[name] = null;
    } else if (spec.type !== 'plate' && typeof value !== spec.type) {
      refuse(`the field ${name} must be a ${spec.type}`);
    } else if (spec.values && !spec.values.some((known) => known === value)) {
      refuse(`the field ${name} is never ${JSON.stringify(value)}: ${spec.values.join(', ')}`);
    }
  }
  // Every field of the domain's type was checked against its table just above.
  return event as unknown as GatewayEvent;
}

/** Null where the matches are the expected ones, in order and complete. */
function compare(matches: readonly Match[], expected: RuleExample['expect']): string | null {
  const seen = matches.map((match) => `${match.tier} ${match.key}`).join(', ') || 'nothing';
  if (matches.length !== expected.length)
    return `expected ${expected.length} match(es), saw ${matches.length}: ${seen}`;
  for (const [index, wanted] of expected.entries()) {
    const match = matches[index];
    if (!match) return `no match ${index + 1}`;
    const pairs: (readonly [string, unknown, unknown])[] = [
      ['tier', wanted.tier, match.tier],
      ['key', wanted.key, match.key],
      ['kind', wanted.kind, match.kind],
      ['source', wanted.source, match.source],
      ['message.zh', wanted.message?.zh, match.message.zh],
      ['message.en', wanted.message?.en, match.message.en],
      ...Object.entries(wanted.facts ?? {}).map(
        ([name, value]) => [`facts.${name}`, value, match.facts[name] ?? null] as const,
      ),
    ];
    for (const [what, want, have] of pairs) {
      if (want !== undefined && want !== have) {
        return `match ${index + 1}: expected ${what} ${JSON.stringify(want)}, saw ${JSON.stringify(have)}`;
      }
    }
  }
  return null;
}
