/** What the desk's page is told (`http/README.md`), as schemas: the OpenAPI document is made from them. */
import { z } from 'zod';
import { alertStates, feedbackKinds, feedbackMarks } from '../domain/alert.ts';
import { feedbackOutcomes, newsKinds, noticeDataSchema, noticeWhySchema } from '../domain/notice.ts';
import { tiers } from '../domain/tier.ts';

const time = z.iso.datetime().describe('RFC 3339 in UTC');
const noticeShape = noticeDataSchema.shape;

/** How far an answer given here has come: still here, handed to the gateway, stored by the gateway. */
export const relaySchema = z.enum(['waiting', 'sent', 'received']);
export type Relay = z.infer<typeof relaySchema>;

export const deskFeedbackSchema = z.object({
  id: z.string(),
  kind: z.enum(feedbackKinds),
  by: z.string(),
  at: time,
  text: z.string(),
  outcome: z.enum(feedbackOutcomes).nullable(),
  mark: z.enum(feedbackMarks).nullable(),
  to: z.string().nullable().describe('Whom it was handed over or transferred to, or who was asked'),
  relay: relaySchema.nullable().describe('null: not given at this desk'),
  receivedAt: time.nullable().describe('When the gateway had stored it'),
});
export type DeskFeedback = z.infer<typeof deskFeedbackSchema>;

/** Names and meanings are those of the notice, in the newest version seen. */
export const deskAlertSchema = z.object({
  id: z.string(),
  gateway: z.object({ id: z.string(), name: z.string() }),
  own: z.boolean().describe('Raised by this desk itself, about that gateway: it is silent'),
  tier: z.enum(tiers),
  kind: z.string(),
  title: noticeShape.title,
  message: noticeShape.message,
  state: z.enum(alertStates).describe('As this desk knows it: an answer given here counts at once'),
  form: noticeShape.form,
  occurredAt: time,
  raisedAt: time,
  receivedAt: time.describe('First notice stored at this desk'),
  lastAt: time.describe('When the cause was last seen'),
  count: noticeShape.count,
  place: noticeShape.place,
  source: noticeShape.source,
  facts: noticeShape.facts,
  owner: z.string().nullable().describe('First answerer'),
  acknowledgedAt: time.nullable(),
  closedAt: time.nullable(),
  deadline: time.nullable().describe('By when the next answer is due; null while the gateway has not said'),
  escalation: noticeShape.escalation,
  evidence: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(['picture', 'clip']),
      mediaType: z.string(),
      camera: z.string(),
      capturedAt: time,
      sha256: z.string(),
      arrived: z.boolean(),
      damaged: z.boolean().describe('The bytes were not those that the gateway names, and were not kept'),
    }),
  ),
  relay: relaySchema.nullable().describe("The slowest of this desk's answers; null where there is none"),
});
export type DeskAlert = z.infer<typeof deskAlertSchema>;

export const deskAlertDetailSchema = deskAlertSchema.extend({
  life: z
    .array(
      z.object({
        at: time,
        kind: z.enum(newsKinds),
        by: z.string(),
        text: z.string(),
        tier: z.enum(tiers),
        feedback: deskFeedbackSchema.nullable(),
      }),
    )
    .describe('What the notices told and the answers given here, oldest first'),
  rule: noticeShape.rule,
  why: noticeWhySchema.nullable().describe('Null where the gateway did not say'),
  recipients: z
    .array(
      z.object({
        name: z.string(),
        role: z.string(),
        channel: z.string(),
        state: z.enum(['pending', 'delivered', 'dead']),
        at: time.nullable(),
      }),
    )
    .describe('Who was told, and receipts, as of the newest version; empty where the gateway does not say'),
});
export type DeskAlertDetail = z.infer<typeof deskAlertDetailSchema>;

export const listOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next: z.string().nullable() });

export const alertQuerySchema = z.strictObject({
  state: z.enum(['open', 'all']).default('open'),
  tier: z.enum(tiers).optional(),
  gateway: z.string().max(64).optional(),
  before: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type AlertQuery = z.output<typeof alertQuerySchema>;

/** `by` and `at` are the desk's own: the signed-in user and its clock. */
export const answerSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9_-]{8,64}$/)
      .describe('Made by the page; a repeat changes nothing'),
    kind: z.enum(feedbackKinds),
    text: z.string().trim().max(2000).default(''),
    outcome: z.enum(feedbackOutcomes).nullish(),
    mark: z
      .enum(feedbackMarks)
      .nullish()
      .describe(
        'With progress: steady, handed-over (to whom: `to`) or asked (a question); with revisit: unsolved, which opens it again',
      ),
    to: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .nullish()
      .describe(
        'With transferred: who is to have it, as the gateway knows them; with handed-over: the new owner; with asked: whom',
      ),
  })
  .superRefine((answer, context) => {
    if (answer.kind === 'outcome' && !answer.outcome) {
      context.addIssue({ code: 'custom', path: ['outcome'], message: 'say what it was: true, false-alarm or drill' });
    }
    if (answer.mark && answer.kind !== (answer.mark === 'unsolved' ? 'revisit' : 'progress')) {
      const message = 'steady, handed-over and asked go with progress, unsolved with revisit';
      context.addIssue({ code: 'custom', path: ['mark'], message });
    }
    if (answer.mark === 'handed-over' && !answer.to) {
      context.addIssue({ code: 'custom', path: ['to'], message: 'say who has it from now on' });
    }
    if (answer.kind !== 'outcome' && answer.outcome) {
      context.addIssue({ code: 'custom', path: ['outcome'], message: 'only for kind outcome' });
    }
    if (answer.kind !== 'acknowledged' && answer.text === '') {
      context.addIssue({
        code: 'custom',
        path: ['text'],
        message: 'say a word about it; only acknowledged needs none',
      });
    }
  });
export type AnswerRequest = z.output<typeof answerSchema>;

export const healthSchema = z.object({
  status: z.enum(['ok', 'unhealthy']),
  faults: z.array(z.string()),
  wires: z.array(
    z.object({
      name: z.string(),
      depth: z.int(),
      capacity: z.int().nullable(),
      passed: z.int(),
      dropped: z.int(),
      waitedMs: z.number(),
    }),
  ),
  notices: z.object({
    stored: z.int(),
    repeats: z.int(),
    refused: z.record(z.string(), z.int()),
  }),
});

export type { DeskGateway } from './shapes-gateways.ts';
