/** Search, passages that gateways share, and what else happened near an alert. */
import { z } from 'zod';
import { tiers } from '../domain/tier.ts';
import { deskAlertSchema, listOf } from './shapes.ts';

const time = z.iso.datetime().describe('RFC 3339 in UTC');

export const deskPassageSchema = z.object({
  id: z.string(),
  gateway: z.object({ id: z.string(), name: z.string() }),
  at: time.describe('Capture time'),
  camera: z.string(),
  place: z.string(),
  direction: z.enum(['in', 'out', 'unknown']),
  subject: z.enum(['vehicle', 'person']),
  plate: z.object({ text: z.string(), color: z.string(), kind: z.string(), accepted: z.boolean() }).nullable(),
  watch: z.object({ title: z.string(), match: z.enum(['exact', 'possible']) }).nullable(),
});
export type DeskPassage = z.infer<typeof deskPassageSchema>;

export const searchKinds = ['alert', 'note', 'passage'] as const;
export const searchSchema = z
  .strictObject({
    text: z
      .string()
      .trim()
      .max(100)
      .default('')
      .describe('Any part of words, plates, names; several parts: all of them'),
    kinds: z.array(z.enum(searchKinds)).min(1).max(3).default(['alert', 'note']),
    gateway: z.string().max(64).optional(),
    tier: z.enum(tiers).optional().describe('Alerts only'),
    from: z.iso.datetime({ offset: true }).optional(),
    to: z.iso.datetime({ offset: true }).optional(),
    reason: z
      .string()
      .trim()
      .min(4)
      .max(200)
      .optional()
      .describe('Needed with kind passage: case number or matter. Kept in the audit log with the search'),
    before: z.string().max(100).optional(),
    limit: z.int().min(1).max(100).default(50),
  })
  .superRefine((search, context) => {
    if (search.kinds.includes('passage') && !search.reason) {
      const message = 'plates are personal data: say what this search is for (at least 4 characters)';
      context.addIssue({ code: 'custom', path: ['reason'], message });
    }
    if (search.text === '' && !search.from && !search.to && !search.gateway && !search.tier) {
      context.addIssue({ code: 'custom', path: ['text'], message: 'say what to look for' });
    }
  });
export type SearchRequest = z.output<typeof searchSchema>;

export const searchHitSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('alert'), at: time, alert: deskAlertSchema }),
  z.object({
    kind: z.literal('note'),
    at: time,
    alertId: z.string(),
    by: z.string(),
    text: z.string(),
    alert: deskAlertSchema,
  }),
  z.object({ kind: z.literal('passage'), at: time, passage: deskPassageSchema }),
]);
export const searchReplySchema = listOf(searchHitSchema).extend({
  indexing: z.boolean().describe('Entries of an older database are still being indexed: there may be more'),
});
export type SearchHit = z.infer<typeof searchHitSchema>;

export const aroundSchema = z.object({
  alerts: z
    .array(deskAlertSchema)
    .describe('Of the same area (else grid, else gateway) in the 30 days before; newest first'),
  passages: z.int().describe('Shared by this gateway within ten minutes of it: what a search would find'),
});
