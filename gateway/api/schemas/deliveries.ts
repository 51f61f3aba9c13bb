import { z } from 'zod';
import { deliveryStates } from '../../domain/alert.ts';
import { tiers } from '../../domain/tier.ts';
import { named, time } from './shapes.ts';

const bilingual = z.object({ zh: z.string(), en: z.string() });

export const delivery = named(
  'Delivery',
  z.object({
    id: z.string().describe('The same over every try; the receiver’s webhook-id'),
    item: z.enum(['notice', 'digest', 'canary', 'passage', 'device']),
    type: z.string().describe('CloudEvents type'),
    alertId: z.string().nullable(),
    title: bilingual.nullable().describe('Of the notice; null for what has none'),
    recipient: z.object({ id: z.string(), name: z.string() }),
    channel: z.string(),
    tier: z.enum(tiers),
    state: z.enum(deliveryStates).describe('dead: given up, and waiting for somebody to send it again'),
    attempts: z.number().int(),
    createdAt: time,
    nextAttemptAt: time.nullable().describe('While it is pending'),
    deliveredAt: time.nullable(),
    receipt: z.string().nullable().describe('What the far side gave for it'),
    lastError: z.string().nullable(),
    tries: z
      .array(z.object({ at: time, state: z.enum([...deliveryStates, 'resent']), result: z.string() }))
      .describe('What came back from the last ten tries, oldest first; resent: by whom'),
  }),
);
export type DeliveryJson = z.infer<typeof delivery>;

export const resendRequest = z
  .strictObject({
    ids: z.array(z.string().min(1).max(64)).min(1).max(100).optional().describe('These'),
    recipient: z.string().min(1).max(64).optional().describe('All of this recipient’s'),
    state: z
      .enum(['dead', 'delivered'])
      .default('dead')
      .describe('With recipient: the dead letters, or what was received there and has been lost since'),
    since: z.iso.datetime({ offset: true }).optional().describe('With recipient: only what was made then or later'),
  })
  .refine(({ ids, recipient }) => (ids === undefined) !== (recipient === undefined), 'either ids or recipient')
  .refine(
    ({ state, since }) => state === 'dead' || since !== undefined,
    'what was delivered is sent again only from a time on: since',
  );

export const resent = z.object({ resent: z.number().int().describe('How many are on their way again') });
