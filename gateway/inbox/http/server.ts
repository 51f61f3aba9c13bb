import cookie from '@fastify/cookie';
import fastifyStatic from '@fastify/static';
import swagger from '@fastify/swagger';
import { fastify, type FastifyInstance } from 'fastify';
import type { z } from 'zod';
import type { Logger } from '../../lib/logger.ts';
import { pageSecurityHeaders } from '../../lib/page-headers.ts';
import type { Logins } from '../logins.ts';
import { healthSchema } from '../shapes.ts';
import { registerErrors } from './errors.ts';
import { noticeRoutes, type NoticeRoutesOptions } from './notice-routes.ts';
import { pageRoutes, type PageRoutesOptions } from './page-routes.ts';
import { cookieName, defineRoute, registerAccess, useZodOnly } from './routes.ts';

/** What a browser sends is small: a login is 100 bytes, an answer at most 8 kB. Notices have their own limit. */
const pageBodyBytes = 32_768;

export interface ServerOptions {
  readonly notices: NoticeRoutesOptions;
  readonly page: PageRoutesOptions;
  readonly logins: Logins;
  readonly logger: Logger;
  readonly version: string;
  /** Folder of the built page; null for none. */
  readonly webRoot: string | null;
  readonly health: () => z.input<typeof healthSchema>;
}

/** All routes of the desk on one Fastify instance that does not listen yet. */
export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const app = fastify({
    // Fastify's own log would name URLs and addresses on every line; the rooms log what matters.
    logger: false,
    bodyLimit: pageBodyBytes,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
    // 16 MB of evidence over a 2 Mbit/s uplink take 64 s; what is slower than that gets no thread of ours.
    requestTimeout: 120_000,
  });
  useZodOnly(app);
  registerErrors(app, options.logger);
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(pageSecurityHeaders);
    if (!request.url.startsWith('/assets/')) reply.header('cache-control', 'no-store');
    done();
  });
  await app.register(cookie);
  registerAccess(app, options.logins);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Kanmen desk API',
        description: 'Times are RFC 3339 in UTC. Every error is {"error":{"code","message"}}.',
        version: options.version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          session: { type: 'apiKey', in: 'cookie', name: cookieName, description: 'Set by POST /api/login' },
        },
      },
      security: [{ session: [] }],
    },
  });
  noticeRoutes(app, options.notices);
  pageRoutes(app, options.page);
  defineRoute(app, {
    method: 'GET',
    url: '/health',
    access: 'public',
    summary: 'Whether the desk can do its work, and every wire',
    reply: healthSchema,
    errors: [503],
    handle: ({ reply }) => {
      const health = options.health();
      if (health.status === 'unhealthy') void reply.status(503);
      return health;
    },
  });
  app.route({
    method: 'GET',
    url: '/openapi.json',
    config: { access: 'public' },
    schema: { hide: true },
    handler: () => app.swagger(),
  });
  if (options.webRoot !== null) {
    await app.register(async (scope) => {
      // The page itself holds no data; it asks for the login.
      scope.addHook('onRoute', (route) => {
        route.config = { ...route.config, access: 'public' };
        route.schema = { ...route.schema, hide: true };
      });
      await scope.register(fastifyStatic, {
        root: options.webRoot ?? '',
        prefix: '/',
        index: ['index.html'],
        cacheControl: false,
        setHeaders: (reply, path) => {
          const hashed = /[\\/]assets[\\/]/.test(path);
          reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
        },
      });
    });
  }
  return app;
}
