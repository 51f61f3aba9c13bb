import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { EvidenceId } from '../../domain/ids.ts';
import { requireRole } from '../access.ts';
import { parseRange } from '../byte-range.ts';
import type { ApiCollaborators } from '../collaborators.ts';
import { ApiError } from '../errors.ts';
import { errorReply } from '../schemas/shapes.ts';

const params = z.strictObject({ id: z.string().min(1).max(64) });
const query = z.strictObject({
  unblurred: z.literal('1').optional().describe('Show faces; for managers, and written into the audit log'),
});

/** A player asks for a clip in many pieces; one look by one person within this time is one line in the log. */
const sameLookMs = 600_000;

/**
 * Pictures and clips: faces blurred, unless a manager asks otherwise, and then the asking is on record before anything
 * leaves. Nobody can be blurred in a clip, so it is for managers who ask for `unblurred` only.
 */
export function evidenceRoutes(app: FastifyInstance, given: ApiCollaborators): void {
  const { evidence, commit, clock } = given;
  const looks = new Map<string, number>();

  /** Writes the look into the audit log, unless it is the same that was written just now. */
  const written = async (by: string, id: string): Promise<void> => {
    const now = clock.now();
    for (const [look, at] of looks) if (now - at > sameLookMs || at > now) looks.delete(look);
    const look = `${id} ${by}`;
    if (looks.has(look)) return;
    await commit([{ kind: 'audited', at: now, by, action: 'evidence-unblurred', subject: id }]);
    looks.set(look, now);
  };

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
      if (clip) return sendClip(id as EvidenceId, request.headers.range, reply);
      const { contentType, bytes } = await evidence.open(id as EvidenceId, { unblurred });
      return reply.type(contentType).send(Buffer.from(bytes));
    },
  });

  /** RFC 9110, section 14: one range, so that a player can jump without fetching everything. */
  const sendClip = async (id: EvidenceId, asked: string | undefined, reply: FastifyReply): Promise<FastifyReply> => {
    const clip = await evidence.openClip(id);
    const { contentType, sizeBytes } = clip;
    const range = parseRange(asked, sizeBytes);
    reply.header('accept-ranges', 'bytes');
    if (range === 'unsatisfiable') {
      reply.header('content-range', `bytes */${sizeBytes}`);
      throw new ApiError(416, 'request.range', `the clip has ${sizeBytes} bytes`);
    }
    const { first, last } = range ?? { first: 0, last: sizeBytes - 1 };
    if (range) reply.status(206).header('content-range', `bytes ${first}-${last}/${sizeBytes}`);
    return reply
      .type(contentType)
      .header('content-length', last - first + 1)
      .send(Readable.from(clip.read({ first, last })));
  };
}
