import { DateTime } from 'luxon';
import { z } from 'zod';
import { durationMs } from '../lib/quantities.ts';
import { scheduleSchema } from './rule-document.ts';

const timeOfDay = (fallback: string, describe: string) =>
  z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a local time such as "22:30"')
    .default(fallback)
    .describe(`${describe} (local time, default ${fallback})`);
const optionalDuration = (describe: string) =>
  durationMs({ default: '1s', min: '1s', max: '31d', describe }).unwrap().optional();

/** What a site changes of one rule without touching the pack's file. */
export const ruleSettingsSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('False: the rule is read and checked, but raises nothing.'),
  for: optionalDuration('In place of the rule’s `for`.'),
  within: optionalDuration('In place of the rule’s `within` (count or together).'),
  suppress: optionalDuration('In place of the rule’s `suppress.for`.'),
  params: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe('In place of the rule’s own parameters, by name; the same type.'),
});
export type RuleSettings = z.output<typeof ruleSettingsSchema>;

const names = (describe: string) => z.array(z.string().min(1)).max(1000).default([]).describe(describe);
const moment = (describe: string) =>
  z
    .string()
    .refine(
      (text) => DateTime.fromISO(text).isValid,
      'must be a local time such as 2026-11-25T09:00, or one with an offset',
    )
    .optional()
    .describe(`${describe} Local time such as 2026-11-25T09:00, or with an offset.`);

/** A time in which matches are kept back: planned work, a drill. They are counted, and nothing else is done with them. */
export const suppressionSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z][a-z0-9-]{1,63}$/, 'must be small letters, digits and hyphens, such as pump-room-work')
      .describe('Name of the window.'),
    reason: z.string().min(1).describe('Why, for those who ask later.'),
    from: moment('When it begins; left out: it has begun.'),
    to: moment('When it ends; needed unless there is a schedule.'),
    schedule: scheduleSchema.optional().describe('Only in these local hours, as in a rule.'),
    rules: names(
      'Ids of the rules that it keeps back. Red matches are kept back only by a window that names their rule.',
    ),
    kinds: names('Sorts of matter that it keeps back, such as `gate` or `gate.unknown-vehicle`.'),
    areas: names('Only of these areas.'),
    sources: names('Only of these devices or cameras.'),
  })
  .refine(
    ({ to, schedule }) => to !== undefined || schedule !== undefined,
    'needs `to` or `schedule`: a window must end',
  )
  .refine(
    ({ rules, kinds, areas, sources }) => [rules, kinds, areas, sources].some((list) => list.length > 0),
    'must name rules, kinds, areas or sources: everything is never kept back',
  );
export type Suppression = z.output<typeof suppressionSchema>;

export const rulesOptions = z
  .strictObject({
    dir: z
      .string()
      .nullable()
      .default(null)
      .describe(
        'Folder of rule documents (*.yaml), in place of the pack that ships; null for the pack, with what stands in `rules` below `dataDir` before it.',
      ),
    nightFrom: timeOfDay('22:00', 'When night begins for `night` and `schedule: night`.'),
    nightTo: timeOfDay('06:00', 'When night ends.'),
    calendarFile: z
      .string()
      .optional()
      .describe(
        'YAML file of the site’s special days: holidays, workdays (worked in place of a holiday), schoolHolidays, each a list of 2026-10-01 or 2026-10-01..2026-10-07; absent: Monday to Friday are workdays and school days.',
      ),
    lateness: durationMs({
      default: '1m',
      min: '1s',
      max: '1h',
      describe:
        'An event that is behind its device’s newest by no more than this is put in its place; later ones are marked',
    }),
    watch: z
      .boolean()
      .default(true)
      .describe('Whether a change in the folder of rules or in the calendar is taken in while the gateway runs.'),
    suppressions: z
      .array(suppressionSchema)
      .max(100)
      .default([])
      .describe('Times in which matches are kept back: planned work, a drill.'),
    maxKeysPerRule: z
      .int()
      .min(100)
      .max(1_000_000)
      // 200 piles with 10 ports and a register of some thousand plates fit; about 1 kB a key in the worst case.
      .default(20_000)
      .describe(
        'How many ports, devices or plates one rule remembers; past it the longest untouched is forgotten and counted.',
      ),
    settings: z
      .record(z.string(), ruleSettingsSchema)
      .default({})
      .describe('Durations and parameters of single rules, by rule id.'),
  })
  .describe('Rules: when an alert is raised');
export type RulesOptions = z.output<typeof rulesOptions>;
