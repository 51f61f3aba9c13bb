import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { EvidenceId } from '../domain/ids.ts';
import { parseRange } from './byte-range.ts';
import type { EvidenceReader } from './collaborators.ts';
import { ApiError } from './errors.ts';

/** A player asks for a clip in many pieces; one look by one person within this time is one line in the log. */
const sameLookMs = 600_000;

/** Says whether a look is another than those of the last minutes; remembers it only once it is on record. */
export function createLooks() {
  const looks = new Map<string, number>();
  return {
    /** Calls `record` for a look that was not seen just now; what it throws is thrown, and the look is not remembered. */
    once: async (look: string, nowMs: number, record: () => Promise<void>): Promise<void> => {
      for (const [other, at] of looks) if (nowMs - at > sameLookMs || at > nowMs) looks.delete(other);
      if (looks.has(look)) return;
      await record();
      looks.set(look, nowMs);
    },
  };
}

/** RFC 9110, section 14: one range, so that a player can jump without fetching everything. */
export async function sendClip(
  evidence: Pick<EvidenceReader, 'openClip'>,
  id: EvidenceId,
  asked: string | undefined,
  reply: FastifyReply,
): Promise<FastifyReply> {
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
}
