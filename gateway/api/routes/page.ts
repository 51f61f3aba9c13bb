import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** The built dashboard. Names under assets/ carry a hash of their contents, so they may be kept for ever. */
export async function pageRoutes(app: FastifyInstance, dashboardDir: string | null): Promise<void> {
  if (dashboardDir === null) return;
  await app.register(fastifyStatic, {
    root: dashboardDir,
    prefix: '/',
    index: ['index.html'],
    cacheControl: false,
    setHeaders: (reply, path) => {
      reply.header('cache-control', /[\\/]assets[\\/]/.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}
