import { z } from 'zod';
import { eventKinds } from '../../domain/event.ts';
import { departments } from '../../domain/match.ts';
import { bilingual, named, tier, time } from './shapes.ts';

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const condition = z.object({
  of: z.string().describe('Where it stands in the rule: `if`, `smoke.if`, `tier`'),
  expression: z.string().describe('CEL'),
  values: z.array(z.tuple([z.string(), value])).describe('Every value that it named, in its order'),
});

/** Why an alert's match came to be. */
export const explanation = named(
  'Explanation',
  z.object({
    rule: z.string(),
    version: z.string().describe('SHA-256 of the rule’s document, first 12 hex digits'),
    conditions: z.array(condition).describe('Conditions that held'),
    time: z
      .union([
        z.object({ kind: z.literal('at-once') }),
        z.object({ kind: z.literal('for'), askedS: z.number(), heldS: z.number(), since: time }),
        z.object({ kind: z.literal('count'), withinS: z.number(), atLeast: z.number(), count: z.number() }),
        z.object({ kind: z.enum(['together', 'sequence']), withinS: z.number(), spanS: z.number() }),
        z.object({ kind: z.literal('absent'), withinS: z.number(), since: time }),
      ])
      .describe('How the condition of time came to hold'),
    tier: z.object({
      tier,
      condition: condition.nullable().describe('Null: the only tier, or the one left when no other holds'),
      passedOver: z.number().int().describe('Tiers before it whose condition did not hold'),
    }),
    events: z.array(
      z.object({ id: z.string(), kind: z.enum(eventKinds), at: time, source: z.string(), as: z.string() }),
    ),
    lateByS: z.number().nullable().describe('Seconds by which the newest event came too late to be put in its place'),
  }),
);

const counters = z.object({
  evaluated: z.number().int(),
  matched: z.number().int(),
  suppressed: z.number().int().describe('Repeats kept back by the rule'),
  silenced: z.number().int().describe('Kept back by a window of the site'),
  absent: z.number().int().describe('A field was not there: the condition did not hold'),
  failed: z.number().int(),
  late: z.number().int(),
  tooLate: z.number().int(),
  disproved: z.number().int(),
});

export const rule = named(
  'Rule',
  z.object({
    id: z.string(),
    version: z.string(),
    file: z.string(),
    title: bilingual,
    kind: z.string(),
    department: z.enum(departments).nullable().describe('Whose matter it is'),
    tiers: z.array(tier),
    to: z.array(z.string()),
    reason: z.string(),
    source: z.string().describe('Where the threshold comes from'),
    params: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    listensTo: z.array(z.enum(eventKinds)),
    pattern: z.string().describe('at-once, for, count, together, sequence, absent'),
    enabled: z.boolean(),
    keys: z.number().int().describe('Ports, devices, plates, … that it remembers now'),
    counters: counters.describe('Since the gateway started'),
    text: z.string().describe('The document'),
  }),
);

export const ruleFault = named(
  'RuleFault',
  z.object({
    file: z.string(),
    line: z.number().int(),
    column: z.number().int(),
    path: z.string(),
    value: z.string().nullable(),
    message: z.string(),
    allowed: z.string().nullable(),
  }),
);

export const ruleList = z.object({
  items: z.array(rule),
  version: z.string(),
  loadedAt: time,
  refused: z.array(ruleFault).describe('Why the files as they stand now are not in force; empty where they are'),
});

export const reloadReply = z.object({
  loaded: z.boolean().describe('False: refused whole, the set before stays in force'),
  version: z.string(),
  rules: z.number().int(),
  faults: z.array(ruleFault),
});

export const backtestRequest = z.strictObject({
  since: z
    .string()
    .regex(/^\d{1,4}[mhd]$/)
    .default('30d')
    .describe('Duration back from now, such as 30d'),
  rule: z.string().max(24_000).optional().describe('A draft, as YAML; only it is run, in place of the rule of its id'),
  only: z.array(z.string().max(64)).max(100).optional(),
});

export const backtestReply = z.object({
  from: time,
  to: time,
  events: z.number().int(),
  elapsedMs: z.number(),
  rules: z.array(
    z.object({
      rule: z.string(),
      wouldRaise: z.number().int(),
      wasRaised: z.number().int(),
      both: z.number().int(),
      onlyWould: z.number().int(),
      onlyWas: z.number().int(),
      matches: z.number().int(),
      suppressed: z.number().int(),
      silenced: z.number().int(),
      absent: z.number().int(),
      failed: z.number().int(),
    }),
  ),
  lines: z
    .array(
      z.object({
        rule: z.string(),
        key: z.string(),
        would: z.object({ at: time, lastAt: time, tier, matches: z.number().int(), message: bilingual }).nullable(),
        was: z
          .object({
            alertId: z.string(),
            rule: z.string(),
            at: time,
            tier,
            state: z.string(),
            matches: z.number().int(),
          })
          .nullable(),
      }),
    )
    .describe('The first 500, by time'),
  more: z.number().int().describe('Lines left out'),
});
