import type { FastifyInstance } from 'fastify';
import { pageSecurityHeaders } from '../lib/page-headers.ts';

/** Puts the security headers on every reply, errors and pictures included; API replies are not kept by browsers. */
export function registerHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(pageSecurityHeaders);
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
    done();
  });
}
