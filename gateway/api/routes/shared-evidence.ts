import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { EvidenceId } from '../../domain/ids.ts';
import type { ApiCollaborators, SharedLinkFault } from '../collaborators.ts';
import { ApiError } from '../errors.ts';
import { errorReply } from '../schemas/shapes.ts';
import { createLooks, sendClip } from '../send-evidence.ts';

const params = z.strictObject({ id: z.string().min(1).max(64) });
const query = z.strictObject({
  to: z.string().min(1).max(64).describe('The recipient whose link it is'),
  until: z.coerce.number().int().min(0).max(1e12).describe('When it ends, Unix seconds'),
  form: z.enum(['blurred', 'as-seen']).describe('Faces blurred, or as the camera saw them'),
  sig: z.string().min(1).max(128).describe('HMAC-SHA256 over all of it, base64url'),
});

type Refusal = { readonly status: number; readonly code: string; readonly zh: string; readonly en: string };
const refusals: Readonly<Record<SharedLinkFault, Refusal>> = {
  expired: {
    ...{ status: 410, code: 'link.expired', zh: '此链接已过期，请到预警页面重新打开，或请网关方重新发送。' },
    en: 'this link has expired: open the alert itself, or ask for the notice to be sent again',
  },
  forged: {
    ...{ status: 403, code: 'link.wrong', zh: '此链接的签名不符：可能被截断或改动过。' },
    en: 'the signature of this link does not fit: it was altered or cut short',
  },
  'other-recipient': {
    ...{ status: 403, code: 'link.other-recipient', zh: '此链接是发给其他接收方的。' },
    en: 'this link was made for another recipient',
  },
  'unknown-recipient': {
    ...{ status: 403, code: 'link.unknown-recipient', zh: '此链接的接收方已不在本网关的名单中。' },
    en: 'the recipient of this link is not one of this gateway’s (any more)',
  },
  'no-legal-basis': {
    ...{ status: 403, code: 'link.no-legal-basis', zh: '查看人脸的法律依据已撤销，此链接失效。' },
    en: 'the legal basis to show faces was taken back: this link has ended',
  },
};

/**
 * Pictures and clips to those who hold a link signed for a recipient: no login, an end, and every look on record before a
 * byte leaves. What does not fit is refused in words, counted and audited.
 */
export function sharedEvidenceRoutes(app: FastifyInstance, given: ApiCollaborators): void {
  const { evidence, commit, clock, shared } = given;
  const looks = createLooks();

  app.route({
    method: 'GET',
    url: '/api/shared-evidence/:id',
    schema: {
      summary: 'A picture or clip by a signed link that ends, as notices carry them',
      description:
        '403 for a link that was altered, is another recipient’s or whose legal basis is gone, 410 for one that has ended, 404 for what is not kept any more. A clip answers ranges of bytes. People’s browsers get the reason as text, programs as JSON.',
      security: [],
      params,
      querystring: query,
      // No schema for 200 and 206: the bytes are the reply.
      response: { 400: errorReply, 403: errorReply, 404: errorReply, 410: errorReply, 416: errorReply },
    },
    handler: async (request, reply) => {
      const { id } = request.params as z.output<typeof params>;
      const asked = { id, ...(request.query as z.output<typeof query>) };
      reply.header('cache-control', 'no-store').header('x-robots-tag', 'noindex, nofollow');
      const refuse = (fault: SharedLinkFault) => {
        const { status, code, zh, en } = refusals[fault];
        shared?.refused(fault, request.ip, `${id} to ${asked.to}, ${asked.form}`);
        if (!(request.headers.accept ?? '').includes('text/html')) throw new ApiError(status, code, en);
        return reply
          .code(status as 403)
          .type('text/plain; charset=utf-8')
          .send(`${zh}\n${en}\n`);
      };
      const verdict = shared?.check(asked, clock.now()) ?? { kind: 'refused' as const, fault: 'forged' as const };
      if (verdict.kind === 'refused') return refuse(verdict.fault);
      const { link, legalBasis } = verdict;
      const kind = await evidence.kindOf(id as EvidenceId);
      if (kind === undefined) throw new ApiError(404, 'evidence.missing', 'it is not kept any more');
      // Nobody is blurred in a clip, so no link without a legal basis is ever made to one.
      if (kind === 'clip' && link.form !== 'as-seen') return refuse('no-legal-basis');
      await looks.once(`${id} ${link.recipient} ${link.form}`, clock.now(), () =>
        commit([
          {
            ...{ kind: 'audited', at: clock.now(), by: `link of ${link.recipient}`, action: 'evidence-link-opened' },
            subject: `${id} ${link.form}${link.form === 'as-seen' ? ` under ${legalBasis ?? ''}` : ''} from ${request.ip}`,
          },
        ]),
      );
      if (kind === 'clip') return sendClip(evidence, id as EvidenceId, request.headers.range, reply);
      const { contentType, bytes } = await evidence.open(id as EvidenceId, { unblurred: link.form === 'as-seen' });
      return reply.type(contentType).send(Buffer.from(bytes));
    },
  });
}
