import cookie from '@fastify/cookie';
import fastifyStatic from '@fastify/static';
import swagger from '@fastify/swagger';
import { fastify, type FastifyInstance, type FastifyServerFactory } from 'fastify';
import type { z } from 'zod';
import type { Logger } from '../../lib/logger.ts';
import { pageSecurityHeaders } from '../../lib/page-headers.ts';
import { healthSchema } from '../shapes.ts';
import { alertRoutes, type AlertRoutesOptions } from './alert-routes.ts';
import { registerErrors } from './errors.ts';
import { gatewayRoutes, type GatewayRoutesOptions } from './gateway-routes.ts';
import { noticeRoutes, type NoticeRoutesOptions } from './notice-routes.ts';
import { pairRoutes, type PairRoutesOptions } from './pair-routes.ts';
import { peopleRoutes, type PeopleRoutesOptions } from './people-routes.ts';
import { cookieName, defineRoute, registerAccess, useZodOnly } from './routes.ts';
import { sessionRoutes, type SessionRoutesOptions } from './session-routes.ts';
import { stationRoutes, type StationRoutesOptions } from './station-routes.ts';

/** What a browser sends is small: a login is 100 bytes, an answer at most 8 kB. Notices have their own limit. */
const pageBodyBytes = 32_768;

export interface ServerOptions {
  readonly notices: NoticeRoutesOptions;
  readonly pair: PairRoutesOptions;
  readonly session: SessionRoutesOptions;
  readonly alerts: AlertRoutesOptions;
  readonly gateways: GatewayRoutesOptions;
  readonly station: StationRoutesOptions;
  readonly people: PeopleRoutesOptions;
  readonly trustProxy: boolean;
  /** Makes the server where it speaks TLS itself; null: plain HTTP. */
  readonly serverFactory: FastifyServerFactory | null;
  readonly logger: Logger;
  readonly version: string;
  /** Folder of the built page; null for none. */
  readonly webRoot: string | null;
  readonly health: () => Promise<z.input<typeof healthSchema>>;
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
    trustProxy: options.trustProxy,
    ...(options.serverFactory === null ? {} : { serverFactory: options.serverFactory }),
  });
  useZodOnly(app);
  registerErrors(app, options.logger);
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(pageSecurityHeaders);
    if (!request.url.startsWith('/assets/')) reply.header('cache-control', 'no-store');
    done();
  });
  await app.register(cookie);
  registerAccess(app, options.session.logins);
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
  pairRoutes(app, options.pair);
  sessionRoutes(app, options.session);
  alertRoutes(app, options.alerts);
  gatewayRoutes(app, options.gateways);
  stationRoutes(app, options.station);
  peopleRoutes(app, options.people);
  defineRoute(app, {
    method: 'GET',
    url: '/health',
    access: 'public',
    summary: 'Whether the desk can do its work, and every wire',
    reply: healthSchema,
    errors: [503],
    handle: async ({ reply }) => {
      const health = await options.health();
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
