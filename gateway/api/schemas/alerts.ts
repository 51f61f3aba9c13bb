import { z } from 'zod';
import { alertStates, deliveryStates, feedbackKinds, feedbackMarks } from '../../domain/alert.ts';
import { followUp, lifeStep } from './follow-up.ts';
import { explanation } from './rules.ts';
import { bilingual, facts, named, place, tier, time } from './shapes.ts';

export const outcomes = ['true', 'false-alarm', 'drill'] as const;

export const alert = named(
  'Alert',
  z.object({
    id: z.string(),
    tier,
    kind: z.string(),
    title: bilingual,
    message: bilingual,
    state: z.enum(alertStates),
    occurredAt: time,
    raisedAt: time,
    lastAt: time,
    count: z.number().int().describe('How often the same cause was seen'),
    place,
    source: z.string().nullable(),
    facts,
    owner: z.string().nullable().describe('The first answerer'),
    acknowledgedAt: time.nullable(),
    closedAt: time.nullable(),
    acknowledgeBy: time.nullable(),
    outcomeBy: time.nullable(),
    deadline: time.nullable().describe('By when the next answer is due; null where none is'),
    escalation: z.number().int(),
    version: z.number().int(),
    rule: z.object({ id: z.string(), version: z.string() }),
    evidence: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(['picture', 'clip']),
        capturedAt: time,
        camera: z.string(),
        sha256: z.string(),
      }),
    ),
  }),
);
export type AlertJson = z.infer<typeof alert>;

const feedback = named(
  'Feedback',
  z.object({
    id: z.string(),
    kind: z.enum(feedbackKinds),
    by: z.string(),
    at: time,
    receivedAt: time,
    text: z.string(),
    outcome: z.enum(outcomes).nullable(),
    mark: z.enum(feedbackMarks).nullable(),
    to: z.string().nullable(),
    recipient: z.object({ id: z.string(), name: z.string() }).nullable().describe('Null: given at the gateway itself'),
  }),
);

const told = named(
  'Told',
  z.object({
    recipient: z.object({ id: z.string(), name: z.string(), role: z.string().nullable() }),
    form: z.enum(['report', 'notification']),
    change: z.enum(['raised', 'updated', 'escalated', 'closed']),
    createdAt: time,
    deliveries: z.array(
      z.object({
        id: z.string(),
        channel: z.string(),
        state: z.enum(deliveryStates),
        attempts: z.number().int(),
        nextAttemptAt: time,
        lastError: z.string().nullable(),
        deliveredAt: time.nullable(),
      }),
    ),
  }),
);

export const alertDetail = named(
  'AlertDetail',
  alert.extend({
    why: explanation.nullable().describe('Why its match came to be; null for alerts of older versions'),
    life: z.array(
      z.object({
        at: time,
        from: z.enum(alertStates).nullable(),
        to: z.enum(alertStates),
        by: z.string(),
        why: z.string(),
        step: lifeStep,
      }),
    ),
    followUp,
    feedback: z.array(feedback),
    told: z.array(told),
  }),
);
export type AlertDetailJson = z.infer<typeof alertDetail>;

export const feedbackRequest = z
  .strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9_-]{8,64}$/)
      .optional()
      .describe('Made by the caller, so that a repeat changes nothing'),
    kind: z.enum(feedbackKinds),
    text: z.string().max(2000).default(''),
    outcome: z.enum(outcomes).nullable().default(null).describe('What it turned out to be; only with kind outcome'),
    by: z.string().min(1).max(100).optional().describe('In whose name; only the machine itself may say so'),
    mark: z
      .enum(feedbackMarks)
      .nullable()
      .default(null)
      .describe('With progress: steady, or handed-over (to whom: `to`); with revisit: unsolved, which opens it again'),
    to: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .nullable()
      .default(null)
      .describe('With transferred: id or name of the recipient who is to have it; with handed-over: the new owner'),
  })
  .refine(({ mark, kind }) => mark === null || kind === (mark === 'unsolved' ? 'revisit' : 'progress'), {
    error: 'steady and handed-over go with progress, unsolved with revisit',
    path: ['mark'],
  })
  .refine(({ mark, to }) => mark !== 'handed-over' || to !== null, {
    error: 'say in `to` who has it from now on',
    path: ['to'],
  })
  .refine((body) => (body.kind === 'outcome') === (body.outcome !== null), {
    error: 'outcome is given with kind outcome, and only with it',
    path: ['outcome'],
  })
  .refine((body) => body.kind === 'acknowledged' || body.text.trim() !== '', {
    error: 'say in a few words what was done',
    path: ['text'],
  });
