import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import type { Audit } from '../audit.ts';
import type { Figures } from '../figures.ts';
import type { Push } from '../push.ts';
import { permissionsOf } from '../roles.ts';
import type { Search } from '../search.ts';
import type { Shift } from '../shift.ts';
import {
  auditQuerySchema,
  auditRowSchema,
  auditVerdictSchema,
  pushKeySchema,
  pushSubscribeSchema,
  pushUnsubscribeSchema,
} from '../shapes-people.ts';
import { searchReplySchema, searchSchema } from '../shapes-search.ts';
import {
  deskFiguresSchema,
  dutyEntrySchema,
  dutyPutSchema,
  dutyQuerySchema,
  figuresQuerySchema,
  handoverRequestSchema,
  handoverSchema,
  shiftQuerySchema,
  shiftSheetSchema,
} from '../shapes-shift.ts';
import { listOf } from '../shapes.ts';
import { HttpError } from './errors.ts';
import { defineRoute, loginOf, scopeOf } from './routes.ts';

export interface StationRoutesOptions {
  readonly clock: Clock;
  readonly shift: Shift;
  readonly figures: Figures;
  readonly search: Search;
  readonly audit: Audit;
  readonly push: Push;
}

const pageSchema = z.strictObject({
  before: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
const dayMs = 86_400_000;
const wrongPage = (): HttpError =>
  new HttpError(400, 'request.invalid', 'before: not the `next` of a page of this list');

/** Shift, figures, search, audit, notifications. */
export function stationRoutes(app: FastifyInstance, options: StationRoutesOptions): void {
  const { clock, shift, figures, search, audit, push } = options;
  const nameOf = (request: Parameters<typeof loginOf>[0]): string => loginOf(request).user.name;

  defineRoute(app, {
    method: 'GET',
    url: '/api/shift',
    access: 'signed-in',
    summary: 'Everything that the next shift must know',
    query: shiftQuerySchema,
    reply: shiftSheetSchema,
    handle: ({ query, request }) => shift.sheet(query.dueWithinH, scopeOf(request)),
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/shift/handover',
    access: 'shift',
    summary: 'Hand the shift over; answers the sheet afterwards',
    body: handoverRequestSchema,
    reply: shiftSheetSchema,
    handle: async ({ body, request }) => {
      await shift.handOver(body, nameOf(request));
      return shift.sheet(8, scopeOf(request));
    },
  });
  defineRoute(app, {
    method: 'GET',
    url: '/api/shift/handovers',
    access: 'signed-in',
    summary: 'Hand-overs, newest first',
    query: pageSchema,
    reply: listOf(handoverSchema),
    handle: async ({ query }) => {
      const page = await shift.handovers(query.before, query.limit);
      if (!page) throw wrongPage();
      return page;
    },
  });
  defineRoute(app, {
    method: 'GET',
    url: '/api/duty',
    access: 'signed-in',
    summary: 'The duty list; default: from a day ago, two weeks',
    query: dutyQuerySchema,
    reply: listOf(dutyEntrySchema),
    handle: async ({ query }) => {
      const from = query.from === undefined ? clock.now() - dayMs : Date.parse(query.from);
      const to = query.to === undefined ? from + 15 * dayMs : Date.parse(query.to);
      return { items: await shift.duty(from, to), next: null };
    },
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/duty',
    access: 'duty',
    summary: 'Put an entry on the duty list; the same id replaces it',
    body: dutyPutSchema,
    reply: dutyEntrySchema,
    handle: ({ body, request }) => shift.putDuty(body, nameOf(request)),
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/duty/:id/remove',
    access: 'duty',
    summary: 'Take an entry off the duty list',
    errors: [404],
    handle: async ({ params, request }) => {
      if (!(await shift.removeDuty(params['id'] ?? '', nameOf(request)))) {
        throw new HttpError(404, 'request.unknown', 'there is no such entry');
      }
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/figures',
    access: 'signed-in',
    summary: 'Figures of a month by gateway, grid and department',
    query: figuresQuerySchema,
    reply: deskFiguresSchema,
    handle: ({ query, request }) => figures.of(query.month, scopeOf(request)),
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/search',
    access: 'signed-in',
    summary: 'Alerts, notes and shared passages by any part of their words; passages only with a reason, on record',
    body: searchSchema,
    reply: searchReplySchema,
    handle: async ({ body, request }) => {
      const { user } = loginOf(request);
      if (body.kinds.includes('passage') && !permissionsOf(user.role).includes('search-passages')) {
        throw new HttpError(
          403,
          'auth.not-allowed',
          `passages need the permission "search-passages"; you are ${user.role}`,
        );
      }
      const page = await search.find(body, user.name, user.gateways);
      if (!page) throw wrongPage();
      return page;
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/audit',
    access: 'audit',
    summary: 'The audit log, newest first',
    query: auditQuerySchema,
    reply: listOf(auditRowSchema),
    handle: async ({ query }) => {
      const before = query.before === undefined ? null : Number(query.before);
      if (before !== null && !Number.isSafeInteger(before)) throw wrongPage();
      const rows = await audit.list({
        ...{ by: query.by ?? null, action: query.action ?? null, before, limit: query.limit + 1 },
      });
      const items = rows.slice(0, query.limit);
      const last = rows.length > query.limit ? items.at(-1) : undefined;
      return {
        items: items.map((row) => ({ ...row, at: new Date(row.at).toISOString() })),
        next: last ? String(last.seq) : null,
      };
    },
  });
  defineRoute(app, {
    method: 'GET',
    url: '/api/audit/verify',
    access: 'audit',
    summary: 'Whether the audit log is as it was written',
    reply: auditVerdictSchema,
    handle: () => audit.verify(),
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/push',
    access: 'signed-in',
    summary: 'The key for subscribing to notifications',
    reply: pushKeySchema,
    handle: async ({ request }) => ({
      publicKey: push.publicKey(),
      subscriptions: await push.count(nameOf(request)),
    }),
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/push/subscribe',
    access: 'signed-in',
    summary: 'Notify this browser also when its page is closed',
    body: pushSubscribeSchema,
    handle: async ({ body, request }) => {
      if (!(await push.subscribe(nameOf(request), body))) {
        throw new HttpError(400, 'push.not-allowed', 'this desk does not send to that push service (push.services)');
      }
    },
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/push/unsubscribe',
    access: 'signed-in',
    summary: 'Notify this browser no more',
    body: pushUnsubscribeSchema,
    handle: ({ body, request }) => push.unsubscribe(nameOf(request), body.endpoint),
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/push/test',
    access: 'signed-in',
    summary: "A notification to each of one's own browsers",
    reply: z.object({ sent: z.int(), failed: z.int() }),
    handle: ({ request }) => push.test(nameOf(request)),
  });
}
