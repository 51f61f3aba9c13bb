import type { FastifyInstance } from 'fastify';
import type { ApiCollaborators } from '../collaborators.ts';
import { defineRoute } from '../define-route.ts';
import { iso, isoOrNull } from '../represent.ts';
import { health, status } from '../schemas/status.ts';

/** How the gateway does: in short for everyone who can reach it, in full for those signed in. */
export function statusRoutes(app: FastifyInstance, given: ApiCollaborators): void {
  const { reads, clock, metrics } = given;

  app.route({
    method: 'GET',
    url: '/health',
    schema: {
      summary: "Status, and every wire's depth and drops; 503 when alarms may not get through",
      security: [],
      response: { 200: health, 503: health },
    },
    handler: (_request, reply) => {
      const report = given.health();
      return reply
        .status(report.status === 'unhealthy' ? 503 : 200)
        .header('cache-control', 'no-store')
        .send({
          status: report.status,
          wires: report.wires,
          canary: { working: 0, broken: 0, unknown: 0, ...report.canary },
        });
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/status',
    summary: 'How every part does, and what is still to be delivered',
    reply: status,
    handle: async () => {
      const report = given.health();
      const { byState, oldestPendingAt } = await reads.deliveryCounts();
      const disk = given.disk?.();
      return {
        status: report.status,
        now: iso(clock.now()),
        parts: report.parts.map((part) => ({ ...part })),
        wires: report.wires.map((wire) => ({ ...wire })),
        disk: disk ? { ...disk, refused: [...disk.refused] } : null,
        deliveries: { ...byState, oldestPendingAt: isoOrNull(oldestPendingAt) },
      };
    },
  });

  app.route({
    method: 'GET',
    url: '/metrics',
    schema: {
      summary: 'Prometheus metrics',
      description: 'From loopback, or with `Authorization: Bearer <metrics token>`.',
    },
    handler: async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  });
}
