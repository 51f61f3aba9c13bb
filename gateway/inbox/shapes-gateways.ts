/** Gateways, their pairing and the plans of their compounds, as the desk's page is told of them. */
import { z } from 'zod';
import { idPattern } from '../domain/ids.ts';

const time = z.iso.datetime().describe('RFC 3339 in UTC');

/** What is wrong at a gateway now. `clock`: its clock is off; `canary`: none has come for three times its interval. */
export const gatewayFaults = [
  'silent',
  'canary',
  'clock',
  'disk',
  'cameras',
  'devices',
  'unhealthy',
  'revoked',
] as const;

export const deskGatewaySchema = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(['online', 'silent', 'never', 'revoked']),
  /** Since when it is silent; null while it is not. */
  silentSince: time.nullable(),
  lastHeardAt: time.nullable().describe('Any notice, canary or request for answers'),
  lastNoticeAt: time.nullable(),
  lastCanaryAt: time.nullable(),
  openAlerts: z.int(),
  waitingAnswers: z.int().describe('Given here, not yet stored there'),
  faults: z.array(z.enum(gatewayFaults)).describe('Empty: all is well'),
  /** What it last said of itself; null while it has said nothing (an older version). */
  said: z
    .object({
      at: time,
      version: z.string(),
      healthy: z.boolean(),
      clockOffsetMs: z.number().describe('Its clock minus ours; positive: it is ahead. The way to us counts in'),
      disk: z.object({ freeBytes: z.number(), totalBytes: z.number() }).nullable(),
      cameras: z.object({ total: z.int(), blind: z.array(z.string()) }),
      devices: z.object({ total: z.int(), silent: z.int() }),
    })
    .nullable(),
  recipients: z
    .array(z.object({ id: z.string(), name: z.string(), role: z.string() }))
    .describe('To whom an alert of this gateway can be transferred, as it said; may be empty'),
  silentAlertId: z.string().nullable().describe("The desk's own alert of its silence, while that is open"),
  joined: z.enum(['file', 'paired']).describe('By desk.yaml, or by a code'),
  joinedAt: time.nullable(),
  keysChangedAt: time.nullable().describe('When its key was last made anew'),
  rotating: z.boolean().describe('Two keys are valid: the new one has not been seen in use, or the overlap runs'),
  hasPlan: z.boolean(),
});
export type DeskGateway = z.infer<typeof deskGatewaySchema>;

export const inviteRequestSchema = z.strictObject({
  id: z.string().regex(idPattern).describe('What the gateway will be called in addresses and logs'),
  name: z.string().trim().min(1).max(100).describe('What officers call it: the name of the compound'),
});
export const invitationSchema = z.object({
  invite: z.string().describe('Its public half: names it in lists and when it is cancelled'),
  gateway: z.object({ id: z.string(), name: z.string() }),
  by: z.string(),
  createdAt: time,
  expiresAt: time,
  state: z.enum(['open', 'used', 'expired', 'cancelled', 'locked']).describe('locked: too many wrong tries'),
});
/** The only time that the code is told. */
export const invitedSchema = invitationSchema.extend({
  code: z.string().describe('ABCD-EFGH-JKMN-PQRS, to be typed'),
  link: z.string().describe('CODE@https://desk…: the argument of `kanmen pair`'),
  qrSvg: z.string().describe('The link as an SVG document; show it as data: image'),
});
export const gatewayChangeSchema = z.strictObject({ name: z.string().trim().min(1).max(100) });
export const revokeSchema = z.strictObject({ reason: z.string().trim().min(1).max(500) });

const ratio = z.number().min(0).max(1);
export const planPointSchema = z.strictObject({
  kind: z.enum(['area', 'source']),
  id: z.string().min(1).max(200).describe("An alert's place.area.id, or its source (device or camera)"),
  name: z.string().max(100).default(''),
  xRatio: ratio.describe('From the left edge of the picture'),
  yRatio: ratio.describe('From its top edge'),
});
export const planSchema = z.object({
  gateway: z.string(),
  image: z
    .object({
      url: z.string().describe('Relative address of the picture; changes with it'),
      mediaType: z.enum(['image/png', 'image/jpeg', 'image/webp']),
      widthPx: z.int(),
      heightPx: z.int(),
    })
    .nullable(),
  points: z.array(planPointSchema),
  places: z
    .array(z.object({ kind: z.enum(['area', 'source']), id: z.string(), name: z.string() }))
    .describe('What alerts of this gateway have named so far: what can be placed'),
});
export const planPointsSchema = z.strictObject({ points: z.array(planPointSchema).max(2000) });

/** Between gateway and desk, no browser: `kanmen pair`. Numbers and bytes are base64url. */
export const pairRequestSchema = z.strictObject({
  invite: z.string().max(20),
  publicKey: z.string().max(100).describe('X25519, made for this one exchange'),
  proof: z.string().max(100).describe('HMAC under the stretched code: whoever asks knows it'),
  site: z.strictObject({ id: z.string().max(100), name: z.string().max(200) }),
  version: z.string().max(50),
});
export const pairReplySchema = z.object({
  gateway: z.object({ id: z.string(), name: z.string() }),
  title: z.string(),
  publicKey: z.string(),
  proof: z.string().describe('HMAC under the stretched code: whoever answers knows it too'),
});
export const rotateRequestSchema = z.strictObject({ publicKey: z.string().max(100) });
export const rotateReplySchema = z.object({ publicKey: z.string(), overlapUntil: time });

export type Invitation = z.infer<typeof invitationSchema>;
export type Invited = z.infer<typeof invitedSchema>;
export type PairRequest = z.output<typeof pairRequestSchema>;
export type PairReply = z.infer<typeof pairReplySchema>;
export type RotateReply = z.infer<typeof rotateReplySchema>;
export type Plan = z.infer<typeof planSchema>;
