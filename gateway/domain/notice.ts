/**
 * What recipients read and answer: the forms of interfaces.md, "Notices to recipients", as schemas. They are the only
 * source of the published JSON Schemas (`gateway/channels/schemas/`), and both ends parse with them.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { parseRfc3339 } from '../lib/local-time.ts';
import { alertStates, alertSteps, feedbackKinds, feedbackMarks, type Feedback } from './alert.ts';
import type { AlertId, RecipientId } from './ids.ts';
import { plateColors, plateKinds } from './plate.ts';
import { tiers } from './tier.ts';

/** CloudEvents `type` of each change of an alert. A change of the form is a new version at its end. */
export const noticeTypes = {
  raised: 'kanmen.notice.raised.v1',
  updated: 'kanmen.notice.updated.v1',
  escalated: 'kanmen.notice.escalated.v1',
  closed: 'kanmen.notice.closed.v1',
} as const;
export const canaryType = 'kanmen.canary.v1';
export const digestType = 'kanmen.digest.v1';

/** What a version of a notice tells that the one before did not. */
export const newsKinds = [
  'raised',
  'repeated',
  'tier-raised',
  'title-changed',
  'evidence-added',
  'escalated',
  ...feedbackKinds,
  'revisit-asked',
  'reopened',
  'closed',
] as const;
export type NewsKind = (typeof newsKinds)[number];

const time = z.iso.datetime({ offset: true }).describe('RFC 3339 with offset');
const id = z.string().min(1).max(200);
const bilingual = z.object({ zh: z.string(), en: z.string() });
const named = z.object({ id: z.string(), name: z.string() });

export const noticeEvidenceSchema = z
  .object({
    id: id.describe('Stable name of this piece of evidence'),
    kind: z.enum(['picture', 'clip']),
    mediaType: z.string().describe('Media type of the bytes, such as image/jpeg'),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('Of the bytes given here or fetched from url; in a picture faces are already blurred'),
    capturedAt: time,
    camera: z.string(),
    url: z
      .string()
      .optional()
      .describe('Where to fetch the bytes: a signed link of this recipient’s, without a login, until urlUntil'),
    urlUntil: time.optional().describe('With url: when the link ends'),
    inline: z.base64().optional().describe('The bytes themselves'),
    original: z
      .object({ url: z.string(), urlUntil: time, sha256: z.string().regex(/^[0-9a-f]{64}$/) })
      .optional()
      .describe('Only for a recipient with a legal basis: the picture as the camera saw it; each look is on record'),
  })
  .describe(
    'One of url and inline is present, unless the gateway has no address of its own or has lost the file. A clip, in which nobody can be blurred, is there only for a recipient with a legal basis',
  );
export type NoticeEvidence = z.infer<typeof noticeEvidenceSchema>;

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const condition = z.object({
  expression: z.string().describe('CEL, as it stands in the rule'),
  values: z.array(z.tuple([z.string(), value])).describe('Every value that it named, in its order'),
});
/** What the rule compared, for people who want to know why. */
export const noticeWhySchema = z.object({
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
    tier: z.enum(tiers),
    condition: condition.nullable().describe('Null: the only tier, or the one left when no other holds'),
    passedOver: z.int().describe('Tiers before it whose condition did not hold'),
  }),
  lateByS: z.number().nullable().describe('Seconds by which the newest event came too late to be put in its place'),
});

const noticeReceiptSchema = z.object({
  name: z.string(),
  role: z.string(),
  channel: z.string(),
  state: z.enum(['pending', 'delivered', 'dead']),
  at: time.nullable().describe('When it was received'),
});
export type NoticeReceipt = z.infer<typeof noticeReceiptSchema>;

export const noticeDataSchema = z.object({
  alertId: id,
  noticeId: id,
  version: z.int().min(1).describe('Version of the alert; a receiver shows the highest it has seen'),
  form: z.enum(['report', 'notification']).describe('Report to station and department, notification to the rest'),
  tier: z.enum(tiers),
  kind: z.string().describe('Sort of matter, such as fire.smoke'),
  state: z.enum(alertStates),
  title: bilingual,
  message: bilingual,
  occurredAt: time.describe('When the first cause happened at the device or camera'),
  raisedAt: time,
  lastAt: time.describe('When the cause was last seen'),
  count: z.int().min(1).describe('How often the same cause was seen'),
  place: z.object({
    site: named,
    area: named.nullable(),
    grid: named.extend({ people: z.array(z.string()) }).nullable(),
    name: z.string().describe('The place in one phrase, for people'),
  }),
  gateway: z.string(),
  source: z.string().nullable().describe('Device or camera; null for a whole area'),
  facts: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .describe('Names carry their units'),
  evidence: z.array(noticeEvidenceSchema),
  owner: z.string().nullable().describe('Who acknowledged first'),
  acknowledgedAt: time.nullable(),
  escalation: z.int().min(0),
  deadline: time.nullable().describe('By when the next answer is due: an acknowledgement, then an outcome'),
  rule: z.object({ id: z.string(), version: z.string() }),
  why: noticeWhySchema.optional().describe('Why the match that gave the title came to be'),
  news: z
    .object({ kind: z.enum(newsKinds), by: z.string(), at: time, text: z.string() })
    .describe('Why this version was sent'),
  history: z
    .array(
      z.object({
        at: time,
        step: z.enum(alertSteps).nullable(),
        state: z.enum(alertStates),
        by: z.string(),
        why: z.string(),
      }),
    )
    .optional()
    .describe('The latest steps of its life, with what is escalated or transferred'),
  receipts: z
    .array(noticeReceiptSchema)
    .optional()
    .describe('Everybody who has been told of this alert, and whether it has arrived, when this version was sent'),
});
export type NoticeData = z.infer<typeof noticeDataSchema>;

/** What a gateway says of itself with its canaries. */
export const gatewayStateSchema = z.object({
  version: z.string(),
  healthy: z.boolean(),
  disk: z.object({ freeBytes: z.number(), totalBytes: z.number() }).nullable().describe('Of the data directory'),
  cameras: z.object({ total: z.int(), blind: z.array(z.string()).describe('Names of those that see nothing') }),
  devices: z.object({ total: z.int(), silent: z.int() }),
  recipients: z
    .array(z.object({ id: z.string(), name: z.string(), role: z.string() }))
    .describe('To whom an alert can be transferred'),
});
export type GatewayState = z.infer<typeof gatewayStateSchema>;

export const canaryDataSchema = z.object({
  gateway: z.string(),
  channel: z.string(),
  sentAt: time,
  recipient: z.string().optional().describe('Whose way is tried'),
  state: gatewayStateSchema.optional().describe('How the gateway is'),
  receipts: z
    .array(z.object({ alertId: id, receipts: z.array(noticeReceiptSchema) }))
    .max(1000)
    .optional()
    .describe('Alerts that others have received since this recipient was last told who has'),
});
export type CanaryData = z.infer<typeof canaryDataSchema>;

export const passageType = 'kanmen.passage.v1';
export const watchHitType = 'kanmen.watch-hit.v1';

/** One vehicle or person through one gate, as recipients get it who have `passages: true`. */
export const passageDataSchema = z.object({
  passageId: id,
  at: time.describe('Capture time of the picture'),
  startedAt: time,
  endedAt: time,
  camera: z.string(),
  place: z.object({ site: named, area: named.nullable(), name: z.string() }),
  gateway: z.string(),
  direction: z.enum(['in', 'out', 'unknown']),
  subject: z.enum(['vehicle', 'person']),
  plate: z
    .object({
      text: z.string().describe('Without dot or space'),
      kind: z.enum(plateKinds),
      color: z.enum(plateColors),
      confidence: z.number().min(0).max(1).describe('Of the least certain character'),
      characters: z.array(z.number().min(0).max(1)).describe('Confidence of each character'),
      accepted: z.boolean().describe('False: not sure enough for the log'),
    })
    .nullable()
    .describe('Null for a person, and for a vehicle whose plate could not be read'),
  boxPx: z
    .tuple([z.number(), z.number(), z.number(), z.number()])
    .nullable()
    .describe('[left, top, width, height] of plate or face in the picture'),
  evidence: z.array(noticeEvidenceSchema),
  /** Only in `kanmen.watch-hit.v1`. */
  watch: z
    .object({
      match: z.enum(['exact', 'possible']),
      order: z.string().describe('Id under which the plate was ordered to be watched for'),
      title: z.string(),
    })
    .optional(),
});
export type PassageData = z.infer<typeof passageDataSchema>;

const envelope = {
  specversion: z.literal('1.0'),
  id: id.describe('Delivery id: stable over tries, one per recipient; equals the webhook-id header'),
  source: z.string().min(1).describe('/community/<site>/gateway/<gateway>'),
  subject: z.string().optional(),
  time,
  datacontenttype: z.literal('application/json'),
};

/** CloudEvents 1.0, structured mode: one alert told to one recipient, in one version. */
export const noticeEventSchema = z.object({
  ...envelope,
  type: z.enum(noticeTypes),
  data: noticeDataSchema,
});
export type NoticeEvent = z.infer<typeof noticeEventSchema>;

/** CloudEvents 1.0, structured mode: proves that a channel works; nothing to show, a 2xx is enough. */
export const canaryEventSchema = z.object({ ...envelope, type: z.literal(canaryType), data: canaryDataSchema });
export type CanaryEvent = z.infer<typeof canaryEventSchema>;

export const digestDataSchema = z.object({
  gateway: z.string(),
  site: named,
  recipient: z.string(),
  day: z.iso.date().describe('Local day on which it was made'),
  notices: z
    .array(z.object({ type: z.enum(noticeTypes), data: noticeDataSchema }))
    .min(1)
    .describe('The newest version of each alert that waited, each as its own notice would have had it'),
});
export type DigestData = z.infer<typeof digestDataSchema>;

/** CloudEvents 1.0, structured mode: what waited for one recipient's daily digest (blue), in one. */
export const digestEventSchema = z.object({ ...envelope, type: z.literal(digestType), data: digestDataSchema });
export type DigestEvent = z.infer<typeof digestEventSchema>;

/** CloudEvents 1.0, structured mode: one passage, or one that somebody had ordered to be watched for. */
export const passageEventSchema = z.object({
  ...envelope,
  type: z.enum([passageType, watchHitType]),
  data: passageDataSchema,
});

/** What is told of alerts; passages go only to those who ask for them (`passageEventSchema`). */
export const outgoingEventSchema = z.discriminatedUnion('type', [
  noticeEventSchema,
  canaryEventSchema,
  digestEventSchema,
]);
export type OutgoingEvent = z.infer<typeof outgoingEventSchema>;

export const feedbackOutcomes = ['true', 'false-alarm', 'drill'] as const;

/** One answer. Without an `id` a repeat is known by its contents. */
export const feedbackItemSchema = z.object({
  id: z.string().min(1).max(128).optional(),
  alertId: id,
  kind: z.enum(feedbackKinds),
  by: z.string().min(1).max(100).describe('Who answers, as people know them'),
  at: time,
  text: z.string().max(4000).default(''),
  outcome: z
    .enum(feedbackOutcomes)
    .optional()
    .describe('With kind outcome: what it turned out to be; absent means true'),
  mark: z
    .enum(feedbackMarks)
    .optional()
    .describe(
      'With progress: steady, handed-over (to whom: `to`) or asked (a question); with revisit: unsolved, which opens it again',
    ),
  to: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('With transferred: id or name of the recipient who is to have it; with handed-over: the new owner'),
});
export type FeedbackItem = z.infer<typeof feedbackItemSchema>;

/** Reply body to a notice, and answer of the feedback poll (which adds `cursor`). */
export const feedbackReplySchema = z.object({
  feedback: z.array(feedbackItemSchema).max(1000),
  cursor: z.string().max(500).optional().describe('Only in the answer of a feedback poll'),
  missing: z
    .array(z.string().max(200))
    .max(1000)
    .optional()
    .describe('Only in the answer of a feedback poll: ids of its `have` that are not here; they are sent again'),
});
export type FeedbackReply = z.infer<typeof feedbackReplySchema>;

/** Deterministic id for an answer that came without one. */
export function derivedFeedbackId(item: Omit<FeedbackItem, 'id'>): string {
  const text = JSON.stringify([item.alertId, item.kind, item.by, item.at, item.text]);
  return `h-${createHash('sha256').update(text).digest('hex').slice(0, 40)}`;
}

/** An answer as the gateway keeps it; null if `at` names no moment. `recipient` is whose channel it came over. */
export function feedbackOf(item: FeedbackItem, recipient: RecipientId | null): Feedback | null {
  const at = parseRfc3339(item.at);
  if (at === null) return null;
  return {
    id: item.id ?? derivedFeedbackId(item),
    alertId: item.alertId as AlertId,
    kind: item.kind,
    by: item.by,
    at,
    text: item.text,
    outcome: item.kind === 'outcome' ? (item.outcome ?? 'true') : null,
    recipient,
    ...(item.mark === undefined ? {} : { mark: item.mark }),
    ...(item.to === undefined ? {} : { to: item.to }),
  };
}
