import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { EvidenceId } from '../../domain/ids.ts';
import { requireRole } from '../access.ts';
import type { ApiCollaborators } from '../collaborators.ts';
import { ApiError } from '../errors.ts';
import { errorReply } from '../schemas/shapes.ts';
import { createLooks, sendClip } from '../send-evidence.ts';

const params = z.strictObject({ id: z.string().min(1).max(64) });
const query = z.strictObject({
  unblurred: z.literal('1').optional().describe('Show faces; for managers, and written into the audit log'),
});

/**
 * Pictures and clips: faces blurred, unless a manager asks otherwise, and then the asking is on record before anything
 * leaves. Nobody can be blurred in a clip, so it is for managers who ask for `unblurred` only.
 */
export function evidenceRoutes(app: FastifyInstance, given: ApiCollaborators): void {
  const { evidence, commit, clock } = given;
  const looks = createLooks();

  /** Writes the look into the audit log, unless it is the same that was written just now. */
  const written = (by: string, id: string): Promise<void> =>
    looks.once(`${id} ${by}`, clock.now(), () =>
      commit([{ kind: 'audited', at: clock.now(), by, action: 'evidence-unblurred', subject: id }]),
    );

  app.route({
    method: 'GET',
    url: '/api/evidence/:id',
    schema: {
      summary: 'A picture or clip kept as evidence',
      description:
        'Role: viewer or higher; `unblurred` needs manager. A clip shows faces as they were: it needs `unblurred`, and answers ranges of bytes.',
      params,
      querystring: query,
      // No schema for 200 and 206: the bytes are the reply.
      response: { 400: errorReply, 401: errorReply, 403: errorReply, 404: errorReply, 416: errorReply },
    },
    handler: async (request, reply) => {
      const { id } = request.params as z.output<typeof params>;
      const unblurred = (request.query as z.output<typeof query>).unblurred === '1';
      const identity = requireRole(request.identity, unblurred ? 'manager' : 'viewer');
      const clip = (await evidence.kindOf(id as EvidenceId)) === 'clip';
      if (clip && !unblurred) {
        throw new ApiError(
          403,
          'evidence.shows-faces',
          'faces cannot be blurred in a clip: ask for it with unblurred=1',
        );
      }
      if (unblurred) await written(identity.name, id);
      // Immutable, but a browser must not keep faces that someone else of this PC may then look at.
      reply.header('cache-control', unblurred ? 'no-store' : 'private, max-age=3600');
      if (clip) return sendClip(evidence, id as EvidenceId, request.headers.range, reply);
      const { contentType, bytes } = await evidence.open(id as EvidenceId, { unblurred });
      return reply.type(contentType).send(Buffer.from(bytes));
    },
  });
}
