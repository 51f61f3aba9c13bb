import { z } from 'zod';
import { alertSteps, deadlineKinds } from '../../domain/alert.ts';
import { named, bilingual, time } from './shapes.ts';

const spread = z.object({
  n: z.number().int().describe('Alerts in which it happened'),
  meanMs: z.number().int().nullable(),
  p90Ms: z.number().int().nullable().describe('Nine of ten took no longer'),
});

const figureLine = named(
  'FigureLine',
  z.object({
    raised: z.number().int(),
    byTier: z.object({
      red: z.number().int(),
      orange: z.number().int(),
      yellow: z.number().int(),
      blue: z.number().int(),
    }),
    inTime: z.number().int().describe('Outcome told with no deadline missed'),
    late: z.number().int().describe('At least one deadline missed'),
    pending: z.number().int().describe('Neither yet'),
    escalated: z.number().int(),
    transferred: z.number().int(),
    transfersAccepted: z.number().int(),
    falseAlarms: z.number().int(),
    reopened: z.number().int(),
    closed: z.number().int(),
    revisitsAsked: z.number().int(),
    revisitsDone: z.number().int(),
    delivered: spread.describe('From raised to the first receipt'),
    acknowledged: spread.describe('From raised to the first acknowledgement'),
    resolved: spread.describe('From raised to the first outcome'),
  }),
);
const figureGroup = named(
  'FigureGroup',
  z.object({ key: z.string(), name: z.string(), now: figureLine, before: figureLine.describe('The month before') }),
);
export const figures = named(
  'Figures',
  z.object({
    month: z.string().describe('Local month, 2026-11'),
    from: time,
    to: time,
    whole: z.boolean().describe('False while the month still runs'),
    total: figureGroup,
    byTier: z.array(figureGroup),
    byGrid: z.array(figureGroup),
    byRule: z.array(figureGroup),
    byDepartment: z.array(figureGroup),
  }),
);
export type FiguresJson = z.infer<typeof figures>;

export const month = z
  .string()
  .regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'a month such as 2026-11')
  .describe('Local month of the gateway, 2026-11; absent: the one that runs');

export const proposal = named(
  'Proposal',
  z.object({
    id: z.string(),
    rule: z.string(),
    madeAt: time,
    change: z.object({
      setting: z.string(),
      from: z.union([z.string(), z.number()]).nullable(),
      to: z.union([z.string(), z.number()]),
    }),
    reason: bilingual,
    yaml: z
      .string()
      .describe('Lines for kanmen.yaml, for whom would rather have it there; nothing is changed by itself'),
    effect: z
      .object({
        since: time,
        until: time,
        before: z.number().int().describe('Matches of the rule as it is'),
        after: z.number().int().describe('Matches with the change'),
        falseAlarms: z.number().int(),
        falseAlarmsSpared: z.number().int(),
        missed: z.array(z.string()).describe('Alerts that were no false alarms and would not have been raised'),
      })
      .nullable(),
    note: z.string().nullable().describe('Why there is no effect to show'),
    applied: z
      .object({ at: time, by: z.string(), why: z.string(), ruleVersion: z.string() })
      .nullable()
      .describe('Who put it in force; null: nobody has'),
  }),
);
export const applyRequest = z.strictObject({
  why: z.string().trim().min(1).max(300).describe('Stands in the rule’s file and in the audit log'),
  by: z.string().trim().min(1).max(100).optional().describe('Who decided it; only over the command line'),
});
export const applyReply = z.object({
  proposal,
  file: z.string().describe('The file that was changed'),
  failing: z.array(z.string()).describe('The rule’s own examples that no longer hold: look at them'),
});

export const followUp = named(
  'FollowUp',
  z.object({
    awaits: z
      .array(z.enum(['report', 'notification']))
      .describe(
        'Sides that have not answered yet: station and departments (report), community and grid (notification)',
      ),
    deadlines: z.array(z.object({ kind: z.enum(deadlineKinds), at: time })).describe('Those that run, the next first'),
    missed: z.array(z.enum(deadlineKinds)),
    steadyAt: time.nullable().describe('Since when the station says that it is steady'),
    revisitAskedAt: time.nullable(),
    reopened: z.number().int(),
    transfers: z.array(
      z.object({
        at: time,
        by: z.string(),
        to: z.string(),
        recipient: z.string().nullable(),
        why: z.string(),
        acceptedAt: time.nullable(),
        endedAt: time.nullable(),
      }),
    ),
    proposals: z.array(proposal).describe('Changes of the rule that a false-alarm verdict suggests'),
  }),
);
export type FollowUpJson = z.infer<typeof followUp>;
export const lifeStep = z.enum(alertSteps).nullable().describe('What happened; null in rows of older versions');

export const person = named(
  'Person',
  z.object({
    id: z.string(),
    name: z.string(),
    role: z.enum(['station', 'department', 'community', 'grid']),
    grid: z.object({ id: z.string(), name: z.string() }).nullable(),
    channel: z.string(),
    level: z.number().int().describe('0: told at once; n: only after n escalations'),
    onDuty: z.boolean(),
    nextChangeAt: time.nullable().describe('When that changes next; null: not within a week'),
    standIns: z.array(z.object({ id: z.string(), name: z.string(), onDuty: z.boolean() })),
    way: z
      .object({
        state: z.enum(['unknown', 'working', 'broken']),
        since: time,
        lastReceiptAt: time.nullable(),
        reason: z.string().nullable(),
      })
      .nullable()
      .describe('Whether canaries arrive'),
  }),
);
export type PersonJson = z.infer<typeof person>;
