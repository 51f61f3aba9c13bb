import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { EvidenceId } from '../../domain/ids.ts';
import { requireRole } from '../access.ts';
import type { ApiCollaborators } from '../collaborators.ts';
import { errorReply } from '../schemas/shapes.ts';

const params = z.strictObject({ id: z.string().min(1).max(64) });
const query = z.strictObject({
  unblurred: z.literal('1').optional().describe('Show faces; for managers, and written into the audit log'),
});

/** Pictures: faces blurred, unless a manager asks otherwise, and then the asking is on record before the picture leaves. */
export function evidenceRoutes(app: FastifyInstance, given: ApiCollaborators): void {
  const { evidence, commit, clock } = given;
  app.route({
    method: 'GET',
    url: '/api/evidence/:id',
    schema: {
      summary: 'A picture or clip kept as evidence',
      description: 'Role: viewer or higher; `unblurred` needs manager.',
      params,
      querystring: query,
      // No schema for 200: the bytes are the reply.
      response: { 400: errorReply, 401: errorReply, 403: errorReply, 404: errorReply },
    },
    handler: async (request, reply) => {
      const { id } = request.params as z.output<typeof params>;
      const unblurred = (request.query as z.output<typeof query>).unblurred === '1';
      const identity = requireRole(request.identity, unblurred ? 'manager' : 'viewer');
      if (unblurred) {
        await commit([
          { kind: 'audited', at: clock.now(), by: identity.name, action: 'evidence-unblurred', subject: id },
        ]);
      }
      const { contentType, bytes } = await evidence.open(id as EvidenceId, { unblurred });
      return (
        reply
          .type(contentType)
          // Immutable, but a browser must not keep faces that someone else of this PC may then look at.
          .header('cache-control', unblurred ? 'no-store' : 'private, max-age=3600')
          .send(Buffer.from(bytes))
      );
    },
  });
}
