import { z } from 'zod';
import { durationMs } from '../lib/quantities.ts';

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

export const rulesOptions = z
  .strictObject({
    dir: z
      .string()
      .nullable()
      .default(null)
      .describe('Folder of rule documents (*.yaml); null for the pack that ships.'),
    nightFrom: timeOfDay('22:00', 'When night begins for `night` and `schedule: night`.'),
    nightTo: timeOfDay('06:00', 'When night ends.'),
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
