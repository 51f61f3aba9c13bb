import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { AlertQueries } from '../alert-queries.ts';
import type { Answers } from '../answers.ts';
import type { EvidenceFiles } from '../evidence-files.ts';
import type { GatewayWatch } from '../gateway-watch.ts';
import type { LiveFeed } from '../live-feed.ts';
import type { Logins } from '../logins.ts';
import {
  alertQuerySchema,
  answerSchema,
  deskAlertDetailSchema,
  deskAlertSchema,
  deskGatewaySchema,
  listOf,
  loginSchema,
  meSchema,
} from '../shapes.ts';
import { HttpError } from './errors.ts';
import { cookieName, defineRoute, loginOf } from './routes.ts';

export interface PageRoutesOptions {
  readonly title: string;
  readonly version: string;
  readonly secureCookies: boolean;
  readonly sessionLifetimeMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logins: Logins;
  readonly queries: AlertQueries;
  readonly answers: Answers;
  readonly evidence: EvidenceFiles;
  readonly watch: GatewayWatch;
  readonly live: LiveFeed;
}

const unknownAlert = (): HttpError => new HttpError(404, 'alert.unknown', 'there is no such alert at this desk');

/** What the desk's page uses (dashboard/desk/api.md). */
export function pageRoutes(app: FastifyInstance, options: PageRoutesOptions): void {
  const { clock, logger, logins, queries, answers, evidence, watch, live } = options;
  const cookie = { path: '/', httpOnly: true, sameSite: 'strict', secure: options.secureCookies } as const;
  const meOf = (user: { readonly name: string; readonly role: z.input<typeof meSchema>['user']['role'] }) => ({
    user: { name: user.name, role: user.role },
    title: options.title,
    version: options.version,
    now: new Date(clock.now()).toISOString(),
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/login',
    access: 'public',
    summary: 'Sign in; sets the session cookie',
    body: loginSchema,
    reply: meSchema,
    errors: [401, 429],
    handle: async ({ body, request, reply }) => {
      const result = await logins.begin(body.name, body.password, request.ip);
      switch (result.kind) {
        case 'in':
          void reply.setCookie(cookieName, result.token, {
            ...cookie,
            maxAge: Math.floor(options.sessionLifetimeMs / 1000),
          });
          return meOf(result.user);
        case 'wrong':
          logger.info({ user: body.name, address: request.ip }, 'login refused');
          throw new HttpError(401, 'auth.wrong', 'name or password is wrong');
        case 'too-many-tries': {
          const seconds = Math.max(1, Math.ceil(result.waitMs / 1000));
          void reply.header('retry-after', String(seconds));
          throw new HttpError(429, 'auth.too-many-tries', `too many tries; try again in ${seconds} s`);
        }
      }
    },
  });

  app.route({
    method: 'POST',
    url: '/api/logout',
    config: { access: 'viewer' },
    schema: { summary: 'Sign out; the session ends at once', response: { 204: { type: 'null' } } },
    handler: async (request, reply) => {
      const { session } = loginOf(request);
      await logins.end(session.tokenSha256);
      live.endSession(session.tokenSha256);
      return reply.clearCookie(cookieName, cookie).status(204).send();
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/me',
    access: 'viewer',
    summary: 'Who is signed in',
    reply: meSchema,
    handle: ({ request }) => meOf(loginOf(request).user),
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/alerts',
    access: 'viewer',
    summary: 'Open alerts, worst tier first, then oldest; or all, newest first',
    query: alertQuerySchema,
    reply: listOf(deskAlertSchema),
    handle: ({ query }) => {
      const page = queries.list(query);
      if (!page) throw new HttpError(400, 'request.invalid', 'before: not the `next` of a page of this list');
      return page;
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/alerts/:id',
    access: 'viewer',
    summary: 'One alert with its life',
    reply: deskAlertDetailSchema,
    errors: [404],
    handle: ({ params }) => {
      const alert = queries.detail(params['id'] ?? '');
      if (!alert) throw unknownAlert();
      return alert;
    },
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/alerts/:id/feedback',
    access: 'manager',
    summary: 'Answer; kept until the gateway has stored it',
    body: answerSchema,
    reply: deskAlertDetailSchema,
    errors: [404, 409],
    handle: async ({ params, body, request }) => {
      const result = await answers.give(params['id'] ?? '', loginOf(request).user.name, body);
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

  app.route({
    method: 'GET',
    url: '/api/alerts/:id/evidence/:n',
    config: { access: 'viewer' },
    schema: {
      summary: 'One piece of evidence: image/jpeg or video/mp4',
      response: { 200: { type: 'string', format: 'binary' } },
    },
    handler: async (request, reply) => {
      const { id = '', n = '' } = request.params as Record<string, string>;
      const item = /^\d{1,4}$/.test(n) ? queries.evidence(id)[Number(n)] : undefined;
      if (item?.arrived !== 2) throw new HttpError(404, 'evidence.missing', 'this evidence has not arrived');
      const bytes = await evidence.read(item.sha256);
      // Only these two are ever shown; anything else that a gateway names is offered as a download.
      const shown = item.media_type === 'image/jpeg' || item.media_type === 'video/mp4';
      return reply
        .type(shown ? item.media_type : 'application/octet-stream')
        .header('content-disposition', shown ? 'inline' : 'attachment')
        .send(bytes);
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/gateways',
    access: 'viewer',
    summary: 'The gateways that send here, and when each was last heard',
    reply: listOf(deskGatewaySchema),
    handle: () => ({ items: watch.list(), next: null }),
  });

  app.route({
    method: 'GET',
    url: '/api/live',
    config: { access: 'viewer' },
    schema: { summary: 'Server-sent events: hello, alert, gateway, gap', response: { 200: { type: 'string' } } },
    handler: (request, reply) => {
      const { session } = loginOf(request);
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
      );
      raw.on('close', leave);
      raw.on('error', leave);
    },
  });
}
