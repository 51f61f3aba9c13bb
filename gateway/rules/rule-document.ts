import { z } from 'zod';
import { eventKinds } from '../domain/event.ts';
import { departments } from '../domain/match.ts';
import { tiers } from '../domain/tier.ts';
import { durationMs } from '../lib/quantities.ts';
import { windowValues } from './compiled-rule.ts';

const addressees = ['station', 'department', 'community', 'grid'] as const;

const expression = z.string().min(1).max(2000);
const template = z.string().min(1).max(500);
const bilingual = (what: string) =>
  z
    .strictObject({
      zh: template.describe('Chinese'),
      en: template.describe('English'),
    })
    .describe(what);
const name = z
  .string({ error: 'a name such as warnC: a letter, then letters and digits' })
  .regex(/^[a-z][A-Za-z0-9]{0,31}$/, 'must be a name such as warnC: a small letter, then letters and digits');
const scalar = z.union([z.string(), z.number(), z.boolean()], { error: 'must be a text, a number or true/false' });

/** A duration without a default: optional where it stands. */
const duration = (describe: string) => durationMs({ default: '1s', min: '1s', max: '31d', describe }).unwrap();

const filter = z
  .object({
    kind: z.enum(eventKinds, { error: `must be a kind of event: ${eventKinds.join(', ')}` }).describe('Kind of event.'),
  })
  .catchall(z.union([scalar, z.array(scalar).min(1).max(64)], { error: 'must be a value or a list of values' }))
  .describe('A kind of event and, for its fields, the value or values that it must have.');
const when = z
  .union([filter, z.array(filter).min(1).max(16)], { error: 'must be {kind: …} or a list of such' })
  .transform((value) => (Array.isArray(value) ? value : [value]))
  .describe(
    'Which events the rule listens to. Filters only choose: what must hold, and what ends a hold, stands in `if`.',
  );

const tier = z.enum(tiers, { error: `must be a tier: ${tiers.join(', ')}` });
const tierChoice = z.strictObject({
  tier,
  if: expression.optional().describe('CEL; the first entry that holds gives the tier. Left out: it always holds.'),
  to: z.array(z.enum(addressees)).min(1).optional().describe('Who is told at this tier, in place of the rule’s `to`.'),
});

const timeOfDay = z
  .string({ error: 'must be a local time such as "22:30"' })
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a local time such as "22:30"');
const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
/** What a site's calendar (`rules.calendarFile`) makes of a day; without one, Monday to Friday are workdays and school days. */
export const dayKinds = ['workday', 'restday', 'holiday', 'school-day', 'no-school'] as const;

/** Local hours and days. */
export const scheduleSchema = z.union(
  [
    z.enum(['night', 'day']),
    z
      .strictObject({
        from: timeOfDay.optional(),
        to: timeOfDay.optional(),
        days: z.array(z.enum(weekdays)).min(1).optional(),
        on: z.enum(dayKinds).optional().describe('Only on such days of the site’s calendar (`rules.calendarFile`).'),
      })
      .refine(({ from, to }) => (from === undefined) === (to === undefined), 'from and to belong together'),
  ],
  { error: 'must be night, day or {from: "22:00", to: "06:00", days: [mon, …], on: school-day}' },
);

const given = z.union([
  z
    .object({
      kind: z.enum(eventKinds),
      after: duration('Time since the entry before.').optional(),
      late: duration('It happened so long before it came.').optional(),
    })
    .catchall(z.unknown())
    .describe('An event; fields left out are null, or a plain default where they cannot be.'),
  z.strictObject({ wait: duration('Time that passes without an event, then the rules’ clock ticks.') }),
]);
const expected = z.strictObject({
  tier: tier.optional(),
  key: z.string().optional(),
  kind: z.string().optional(),
  source: z.string().nullable().optional(),
  facts: z.record(z.string(), z.union([scalar, z.null()])).optional(),
  message: z.strictObject({ zh: z.string().optional(), en: z.string().optional() }).optional(),
});
const example = z.strictObject({
  name: z.string().min(1),
  startAt: timeOfDay.optional().describe('Local time of day of the first entry (default 12:00).'),
  startOn: z.iso.date().optional().describe('Local date of the first entry (default 2026-01-07, a Wednesday).'),
  given: z.array(given).min(1).max(200),
  expect: z.array(expected).describe('The matches, in order and complete; [] for none.'),
});

const sideShape = {
  name: name.describe('The event’s name in this rule’s expressions, e.g. `smoke.device`.'),
  when,
  if: expression.optional().describe('CEL over `event`.'),
};
const side = z.strictObject(sideShape);
const step = z.strictObject({
  ...sideShape,
  within: duration('Longest time since the step before.').optional(),
});

/** One rule, one file. The JSON Schema in `rules/rule.schema.json` is generated from this. */
export const ruleDocumentSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z][a-z0-9-]{1,63}$/, 'must be small letters, digits and hyphens, such as charging-over-temperature')
      .describe('Name of the rule, unique in the set.'),
    title: bilingual('What people call the matter.'),
    reason: z.string().min(1).describe('Why the rule exists and why its tier is right.'),
    source: z.string().min(1).describe('Where the threshold comes from.'),
    kind: z
      .string()
      .regex(/^[a-z]+(\.[a-z][a-z-]*)+$/, 'must be words with dots, such as fire.smoke')
      .describe('What sort of matter, such as fire.smoke.'),
    tier: z
      .union([tier, z.array(tierChoice).min(1).max(8)], {
        error: `must be a tier (${tiers.join(', ')}) or a list of {tier, if}`,
      })
      .transform((value) => (Array.isArray(value) ? value : [{ tier: value }]))
      .describe('A tier, or a list of {tier, if}: the first that holds.'),
    to: z
      .array(z.enum(addressees, { error: `must be one of ${addressees.join(', ')}` }))
      .min(1)
      .describe('Who is told, by role.'),
    department: z
      .enum(departments, { error: `must be one of ${departments.join(', ')}` })
      .optional()
      .describe('Whose matter it is: the department concerned is told, and the monthly figures count it there.'),
    when: when.optional(),
    if: expression
      .optional()
      .describe(
        'CEL over `event`, `window`, `params`, `night`, `hour`, `weekday`, `date`, `nightDate`, `workday`, `holiday`, `schoolDay`, `area`, `source`, `place`, `now`; with `together` and `sequence` over the events’ names.',
      ),
    window: z
      .record(
        name,
        z.strictObject({
          of: expression.describe('CEL over `event`: the number that is watched, such as `event.portC`.'),
          is: z
            .enum(windowValues, { error: `must be one of ${windowValues.join(', ')}` })
            .describe(
              '`rise`: by how much it is above its lowest in the time; `fall`: below its highest; or the time’s min, max, mean.',
            ),
          within: durationMs({ default: '1s', min: '1s', max: '1h', describe: 'How far back, in event time' }).unwrap(),
        }),
      )
      .refine((windows) => Object.keys(windows).length <= 4, 'four windows at most')
      .optional()
      .describe(
        'What a value has done within a time, for one `per`: `window.<name>` in `if`, `tier`, `message` and `facts`. With `when` alone or with `for` or `count`.',
      ),
    for: duration('How long the condition must hold, for one `per`, in event time.').optional(),
    tick: z
      .boolean()
      .default(true)
      .describe('With `for`: whether time alone completes it when no further event comes; false waits for an event.'),
    count: z
      .strictObject({
        within: duration('Length of the sliding window.'),
        atLeast: z.int().min(2).max(100).describe('How many events in it.'),
        distinct: template
          .optional()
          .describe('Count different values of this template, e.g. `{{event.device}}`, not events.'),
      })
      .optional()
      .describe('The condition must hold for so many events within a time.'),
    release: duration(
      'With `for`: a gap in the condition that is shorter than this does not end the hold (a damper for flapping).',
    ).optional(),
    absent: z
      .strictObject({
        when,
        if: expression.optional().describe('CEL over `event`.'),
        within: duration('How long is waited for it, from the event of `when` on.'),
      })
      .optional()
      .describe('The rule matches when, after an event of `when`, none of this kind comes for the same `per` in time.'),
    sequence: z
      .array(step)
      .min(2)
      .max(6)
      .optional()
      .describe('Several events one after the other, for the same `per` (default: area); in place of `when`.'),
    without: z
      .strictObject({ when, if: expression.optional().describe('CEL over `event`.') })
      .optional()
      .describe('With `sequence`: what must not happen between the first and the last step.'),
    wait: durationMs({ default: '0s', min: '0s', max: '1h', describe: 'How long a conclusion waits for late events' })
      .unwrap()
      .optional()
      .describe(
        'How long a conclusion that a late event could disprove (`for`, `absent`, `without`) waits for such events; default: 0s for `for`, the site’s `rules.lateness` for the others.',
      ),
    together: z
      .array(side)
      .min(2)
      .max(4)
      .optional()
      .describe('Several conditions that hold near each other, in any order; in place of `when`.'),
    within: duration('With `together` and `sequence`: the longest time from first to last.').optional(),
    in: z
      .enum(['area', 'site'])
      .optional()
      .describe('With `together` and `sequence`: in one area (default) or anywhere; `per` says it finer.'),
    schedule: scheduleSchema.optional().describe('Local hours in which the rule is in force.'),
    per: template
      .optional()
      .describe('What the rule’s memory (`for`, `count`, `suppress`) is kept for; default: `key`.'),
    key: template.optional().describe('Matches with the same key are one cause; default: the rule and the source.'),
    suppress: z
      .strictObject({
        for: duration('How long repeats are kept back.'),
        extend: z
          .boolean()
          .default(false)
          .describe(
            'True: each repeat kept back begins the time anew, so that what flaps is told once until it is quiet.',
          ),
        atMost: duration('With `extend`: how long at most without telling again; default 24h.').optional(),
      })
      .optional()
      .describe('After a match, repeats of the same `per` are kept back for a time, unless the tier has become worse.'),
    params: z.record(name, scalar).default({}).describe('Thresholds by name: `params.warnC`; a site can set its own.'),
    weight: z
      .int()
      .min(0)
      .max(100)
      .default(10)
      .describe('Which of several joined matches gives the alert its title: the highest.'),
    message: bilingual('What people read; `{{event.portC}}` is replaced by the value of the CEL expression.'),
    facts: z.record(name, expression).default({}).describe('Further facts: name → CEL.'),
    examples: z.array(example).default([]).describe('Given events, expected matches: run by `kanmen rules test`.'),
  })
  .describe('A rule of the Kanmen gateway');

export type RuleDocument = z.output<typeof ruleDocumentSchema>;
export type RuleFilter = NonNullable<RuleDocument['when']>[number];
export type RuleExample = RuleDocument['examples'][number];
export type Scalar = string | number | boolean;
