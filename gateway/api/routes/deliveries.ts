import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { deliveryStates } from '../../domain/alert.ts';
import type { DeliveryId, RecipientId } from '../../domain/ids.ts';
import { parseRfc3339 } from '../../lib/local-time.ts';
import type { ApiCollaborators } from '../collaborators.ts';
import { defineRoute } from '../define-route.ts';
import type { ApiDeliveries, DeliveryRecord } from '../deliveries.ts';
import { ApiError } from '../errors.ts';
import { readPage } from '../paging.ts';
import { iso, isoOrNull } from '../represent.ts';
import { delivery, resendRequest, resent, type DeliveryJson } from '../schemas/deliveries.ts';
import { listOf, pageQuery } from '../schemas/shapes.ts';

/** What is on its way, what arrived and what was given up; and how to send it once more. */
export function deliveryRoutes(app: FastifyInstance, given: ApiCollaborators): void {
  const { recipients } = given;
  const deliveries = (): ApiDeliveries => {
    if (!given.deliveries) throw new ApiError(503, 'internal', 'this gateway delivers nothing');
    return given.deliveries;
  };
  const represent = (record: DeliveryRecord): DeliveryJson => ({
    id: record.id,
    item: record.item,
    type: record.type,
    alertId: record.alertId,
    title: record.title,
    recipient: {
      id: record.recipient,
      name: recipients.find(({ id }) => id === record.recipient)?.name ?? record.recipient,
    },
    channel: record.channel,
    tier: record.tier,
    state: record.state,
    attempts: record.attempts,
    createdAt: iso(record.createdAt),
    nextAttemptAt: record.state === 'pending' ? iso(record.nextAttemptAt) : null,
    deliveredAt: isoOrNull(record.deliveredAt),
    receipt: record.receipt,
    lastError: record.lastError,
    tries: record.tries.map(({ at, state, result }) => ({ at: iso(at), state, result })),
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/deliveries',
    summary: 'Deliveries, newest first: when they were tried, what came back, the receipt',
    query: z.strictObject({
      ...pageQuery,
      state: z.enum([...deliveryStates, 'all']).default('all'),
      recipient: z.string().max(64).optional(),
      channel: z.string().max(64).optional(),
    }),
    reply: listOf(delivery),
    handle: ({ query }) =>
      readPage({
        before: query.before,
        limit: query.limit,
        read: (page) =>
          deliveries().page({
            ...page,
            state: query.state === 'all' ? null : query.state,
            recipient: (query.recipient ?? null) as RecipientId | null,
            channel: query.channel ?? null,
          }),
        cursorOf: (row) => ({ at: row.createdAt, id: row.id }),
        represent,
      }),
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/deliveries/:id',
    summary: 'One delivery with its last tries',
    params: z.strictObject({ id: z.string().min(1).max(64) }),
    reply: delivery,
    errors: [404],
    handle: async ({ params }) => {
      const found = await deliveries().find(params.id as DeliveryId);
      if (!found) throw new ApiError(404, 'delivery.unknown', `there is no delivery ${params.id}`);
      return represent(found);
    },
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/deliveries/resend',
    summary: 'Send dead letters again, single ones or all of a recipient; or what a recipient has lost',
    body: resendRequest,
    reply: resent,
    errors: [503],
    handle: async ({ body, identity }) => {
      const { ids, recipient, state, since } = body;
      if (recipient !== undefined && !recipients.some(({ id }) => id === recipient))
        throw new ApiError(400, 'request.invalid', `recipient: there is no recipient ${recipient}`);
      const count = await deliveries().resend({
        by: identity.name,
        which:
          ids === undefined
            ? {
                ...{ kind: 'recipient', recipient: (recipient ?? '') as RecipientId, state },
                since: since === undefined ? null : parseRfc3339(since),
              }
            : { kind: 'ids', ids: ids.map((id) => id as DeliveryId) },
      });
      return { resent: count };
    },
  });
}
