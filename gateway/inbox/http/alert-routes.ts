import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import type { AlertQueries } from '../alert-queries.ts';
import type { Answers } from '../answers.ts';
import type { Audit } from '../audit.ts';
import type { EvidenceFiles } from '../evidence-files.ts';
import type { LiveFeed } from '../live-feed.ts';
import { permissionsOf } from '../roles.ts';
import type { Shift } from '../shift.ts';
import { officerSchema } from '../shapes-people.ts';
import { aroundSchema } from '../shapes-search.ts';
import { alertQuerySchema, answerSchema, deskAlertDetailSchema, deskAlertSchema, listOf } from '../shapes.ts';
import type { InboxUsers } from '../users.ts';
import { HttpError } from './errors.ts';
import { defineRoute, loginOf, scopeOf } from './routes.ts';

export interface AlertRoutesOptions {
  readonly clock: Clock;
  readonly queries: AlertQueries;
  readonly answers: Answers;
  readonly evidence: Pick<EvidenceFiles, 'read'>;
  readonly audit: Pick<Audit, 'note'>;
  readonly users: Pick<InboxUsers, 'list'>;
  readonly shift: Pick<Shift, 'duty'>;
  readonly live: LiveFeed;
}

const unknownAlert = (): HttpError => new HttpError(404, 'alert.unknown', 'there is no such alert at this desk');
/** Looking at one piece of evidence again within this time is the same look. */
const lookMs = 3_600_000;
const maxLooks = 20_000;

/** Reading and answering alerts, their evidence, and what happens live. */
export function alertRoutes(app: FastifyInstance, options: AlertRoutesOptions): void {
  const { clock, queries, answers, evidence, audit, users, shift, live } = options;
  const looks = new Map<string, number>();

  defineRoute(app, {
    method: 'GET',
    url: '/api/alerts',
    access: 'signed-in',
    summary: 'Open alerts, worst tier first, then oldest; or all, newest first',
    query: alertQuerySchema,
    reply: listOf(deskAlertSchema),
    handle: async ({ query, request }) => {
      const page = await queries.list(query, scopeOf(request));
      if (!page) throw new HttpError(400, 'request.invalid', 'before: not the `next` of a page of this list');
      return page;
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/alerts/:id',
    access: 'signed-in',
    summary: 'One alert with its life',
    reply: deskAlertDetailSchema,
    errors: [404],
    handle: async ({ params, request }) => {
      const alert = await queries.detail(params['id'] ?? '', scopeOf(request));
      if (!alert) throw unknownAlert();
      return alert;
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/alerts/:id/around',
    access: 'signed-in',
    summary: 'What else happened there lately',
    reply: aroundSchema,
    errors: [404],
    handle: async ({ params, request }) => {
      const around = await queries.around(params['id'] ?? '', scopeOf(request));
      if (!around) throw unknownAlert();
      return around;
    },
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/alerts/:id/feedback',
    access: 'answer',
    summary: 'Answer; kept until the gateway has stored it',
    body: answerSchema,
    reply: deskAlertDetailSchema,
    errors: [404, 409],
    handle: async ({ params, body, request }) => {
      const id = params['id'] ?? '';
      if (!(await queries.detail(id, scopeOf(request)))) throw unknownAlert();
      const result = await answers.give(id, loginOf(request).user.name, body);
      switch (result.kind) {
        case 'given':
          return result.alert;
        case 'unknown-alert':
          throw unknownAlert();
        case 'not-allowed':
          throw new HttpError(409, 'alert.not-allowed', result.message);
        case 'id-taken':
          throw new HttpError(400, 'request.invalid', 'id: used for an answer to another alert');
      }
    },
  });

  /** On record who looked at what (Order 799: a log of viewing and export), once a person and piece an hour. */
  async function noteLook(by: string, alertId: string, piece: string, download: boolean): Promise<void> {
    const key = `${by}\n${alertId}\n${piece}`;
    const now = clock.monotonic();
    const before = looks.get(key);
    if (!download && before !== undefined && now - before < lookMs) return;
    looks.delete(key);
    looks.set(key, now);
    const oldest = looks.size > maxLooks ? looks.keys().next().value : undefined;
    if (oldest !== undefined) looks.delete(oldest);
    await audit.note(by, download ? 'evidence.downloaded' : 'evidence.viewed', `${alertId} ${piece}`);
  }

  app.route({
    method: 'GET',
    url: '/api/alerts/:id/evidence/:n',
    config: { access: 'signed-in' },
    schema: {
      summary: 'One piece of evidence: image/jpeg or video/mp4; ?download=1 as attachment. Looking is audited',
      querystring: z.toJSONSchema(downloadSchema, { io: 'input' }),
      response: { 200: { type: 'string', format: 'binary' } },
    },
    handler: async (request, reply) => {
      const { id = '', n = '' } = request.params as Record<string, string>;
      const download = downloadSchema.safeParse(request.query).data?.download === '1';
      const pieces = /^\d{1,4}$/.test(n) ? await queries.evidence(id, scopeOf(request)) : [];
      const item = pieces[Number(n)];
      if (item?.arrived !== 2) throw new HttpError(404, 'evidence.missing', 'this evidence has not arrived');
      const bytes = await evidence.read(item.sha256);
      await noteLook(loginOf(request).user.name, id, item.id, download);
      // Only these two are ever shown; anything else that a gateway names is offered as a download.
      const shown = !download && (item.media_type === 'image/jpeg' || item.media_type === 'video/mp4');
      return reply
        .type(shown || download ? safeType(item.media_type) : 'application/octet-stream')
        .header('content-disposition', shown ? 'inline' : 'attachment')
        .send(bytes);
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/officers',
    access: 'signed-in',
    summary: 'Whom a matter can be handed to',
    reply: listOf(officerSchema),
    handle: async () => {
      const now = clock.now();
      const onDuty = new Set((await shift.duty(now, now + 1)).flatMap(({ people }) => people));
      const officers = (await users.list()).filter(({ role }) => permissionsOf(role).includes('answer'));
      return {
        items: officers.map(({ name, role }) => ({ name, role, onDuty: onDuty.has(name) })),
        next: null,
      };
    },
  });

  app.route({
    method: 'GET',
    url: '/api/live',
    config: { access: 'signed-in' },
    schema: { summary: 'Server-sent events: hello, alert, gateway, shift, gap', response: { 200: { type: 'string' } } },
    handler: (request, reply) => {
      const { session, user } = loginOf(request);
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      const leave = live.add(
        {
          write: (text) => raw.write(text),
          onDrain: (callback) => raw.once('drain', callback),
          end: () => raw.end(),
        },
        session.tokenSha256,
        user.gateways,
      );
      raw.on('close', leave);
      raw.on('error', leave);
    },
  });
}

const downloadSchema = z.object({ download: z.enum(['0', '1']).optional() });

const safeType = (mediaType: string): string =>
  mediaType === 'image/jpeg' || mediaType === 'video/mp4' ? mediaType : 'application/octet-stream';
