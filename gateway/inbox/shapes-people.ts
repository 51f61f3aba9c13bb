/** People, second factor, push subscriptions and the audit log, as the desk's page is told of them. */
import { z } from 'zod';
import { deskRoles, permissions } from './roles.ts';

const time = z.iso.datetime().describe('RFC 3339 in UTC');

export const meSchema = z.object({
  user: z.object({ name: z.string(), role: z.enum(deskRoles) }),
  may: z.array(z.enum(permissions)).describe('What this person may do beyond looking'),
  gateways: z
    .array(z.string())
    .nullable()
    .describe('Ids of the gateways this person sees; null for all. Everything that is read is held to it'),
  secondFactor: z.boolean().describe('Whether a code is asked for at login'),
  secondFactorWanted: z.boolean().describe('The desk asks for one and this person has none yet: show the set-up'),
  title: z.string(),
  version: z.string(),
  timeZone: z.string().describe('Of the station, such as Asia/Shanghai: what a shift and a month are'),
  now: time,
});
export type Me = z.infer<typeof meSchema>;

export const loginSchema = z.strictObject({
  name: z.string().min(1).max(100),
  password: z.string().min(1).max(1000),
  code: z
    .string()
    .trim()
    .max(40)
    .optional()
    .describe('Six digits of the second factor, or a recovery code; asked for with 401 auth.second-factor'),
});

export const passwordChangeSchema = z.strictObject({
  current: z.string().min(1).max(1000),
  next: z.string().min(1).max(1000),
});

export const secondFactorSchema = z.object({ enabled: z.boolean(), recoveryCodesLeft: z.int() });
export const secondFactorBeginSchema = z.strictObject({ password: z.string().min(1).max(1000) });
/** Nothing is switched on before a code has been confirmed. */
export const secondFactorOfferSchema = z.object({
  otpauth: z.string().describe('otpauth://totp/…'),
  secret: z.string().describe('Base32, to be typed where no camera is at hand'),
  qrSvg: z.string().describe('The same as an SVG document; show it as data: image'),
});
export const secondFactorConfirmSchema = z.strictObject({ code: z.string().trim().min(6).max(10) });
export const recoveryCodesSchema = z.object({
  recoveryCodes: z.array(z.string()).describe('Each works once in place of a code; shown this once'),
});
export const secondFactorRemoveSchema = z.strictObject({
  password: z.string().min(1).max(1000),
  code: z.string().trim().min(6).max(40),
});

export const deskUserSchema = z.object({
  name: z.string(),
  role: z.enum(deskRoles),
  gateways: z.array(z.string()).nullable(),
  secondFactor: z.boolean(),
  createdAt: time,
  lastLoginAt: time.nullable(),
});
export type DeskUser = z.infer<typeof deskUserSchema>;

export const userAddSchema = z.strictObject({
  name: z.string().min(1).max(32),
  role: z.enum(deskRoles),
  gateways: z.array(z.string().max(64)).max(1000).nullable().default(null),
  password: z.string().min(1).max(1000).optional().describe('Without it one is made, and shown this once'),
});
export const userAddedSchema = z.object({
  user: deskUserSchema,
  password: z.string().nullable().describe('The one that was made; null where one was given'),
});
export const userChangeSchema = z.strictObject({
  role: z.enum(deskRoles).optional(),
  gateways: z.array(z.string().max(64)).max(1000).nullable().optional(),
  password: z.literal('new').optional().describe('Makes a new one, shown this once; ends the logins'),
  secondFactor: z.literal('remove').optional().describe('For somebody who has lost telephone and recovery codes'),
});

export const officerSchema = z.object({ name: z.string(), role: z.enum(deskRoles), onDuty: z.boolean() });

export const pushKeySchema = z.object({
  publicKey: z.string().describe('VAPID key for applicationServerKey, base64url'),
  subscriptions: z.int().describe("This person's"),
});
export const pushSubscribeSchema = z.strictObject({
  endpoint: z.url({ protocol: /^https?$/ }).max(1000),
  keys: z.strictObject({
    p256dh: z.string().regex(/^[A-Za-z0-9_-]{80,100}={0,2}$/),
    auth: z.string().regex(/^[A-Za-z0-9_-]{16,40}={0,2}$/),
  }),
  expirationTime: z.number().nullish(),
  tiers: z
    .array(z.enum(['red', 'orange', 'yellow', 'blue']))
    .min(1)
    .max(4)
    .default(['red', 'orange']),
  language: z.enum(['zh', 'en']).default('zh'),
});
export const pushUnsubscribeSchema = z.strictObject({ endpoint: z.string().max(1000) });
/** What a service worker gets, decrypted: it names nobody and no place; the page asks for the rest once opened. */
export const pushMessageSchema = z.object({
  kind: z.enum(['alert', 'gateway', 'test']),
  alertId: z.string().nullable(),
  tier: z.enum(['red', 'orange', 'yellow', 'blue']).nullable(),
  title: z.string().describe('「红色预警」 or "Red alert", in the language of the subscription'),
  at: time,
});
export type PushMessage = z.infer<typeof pushMessageSchema>;

export const auditRowSchema = z.object({
  seq: z.int(),
  at: time,
  by: z.string().describe('A person, or "desk" for what it did by itself'),
  action: z.string().describe('Such as login.in, login.wrong, alert.answered, search.passages, evidence.viewed'),
  subject: z.string(),
  hash: z.string(),
});
export const auditQuerySchema = z.strictObject({
  by: z.string().max(100).optional(),
  action: z.string().max(100).optional().describe('Whole, or up to a dot: login'),
  before: z.string().max(50).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export const auditVerdictSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('intact'), rows: z.int(), lastHash: z.string() }),
  z.object({ kind: z.literal('broken'), seq: z.int(), why: z.string() }),
]);
