import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../lib/clock.ts';
import { signWebhook, webhookHeaders } from '../../lib/standard-webhooks.ts';
import type { GatewayBook } from '../gateway-book.ts';
import type { Invites } from '../invites.ts';
import { signatureFault } from '../receiver.ts';
import { refusalReasons } from '../refusals.ts';
import { pairReplySchema, pairRequestSchema, rotateReplySchema, rotateRequestSchema } from '../shapes-gateways.ts';
import { HttpError } from './errors.ts';
import { defineRoute, jsonSchema } from './routes.ts';

export interface PairRoutesOptions {
  readonly invites: Invites;
  readonly book: GatewayBook;
  readonly clock: Clock;
}

/** What `kanmen pair` uses: lib/pairing.ts. */
export function pairRoutes(app: FastifyInstance, { invites, book, clock }: PairRoutesOptions): void {
  defineRoute(app, {
    method: 'POST',
    url: '/pair',
    access: 'public',
    summary: 'A gateway takes up an invitation: both prove that they know the code, neither sends it',
    body: pairRequestSchema,
    reply: pairReplySchema,
    errors: [403, 429],
    handle: async ({ body, request }) => {
      const result = await invites.pair(body, request.ip);
      switch (result.kind) {
        case 'paired':
          return result.reply;
        case 'too-many-tries':
          throw new HttpError(429, 'pair.too-many-tries', 'too many wrong codes from here; try again in ten minutes');
        case 'refused':
          throw new HttpError(
            403,
            'pair.refused',
            'the code is wrong, was used, or is over; have a new one made at the desk',
          );
      }
    },
  });

  app.register((scope, _options, done) => {
    // The signature is over the raw bytes.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, parsed) =>
      parsed(null, body),
    );
    scope.route({
      method: 'POST',
      url: '/pair/rotate/:gateway',
      config: { access: 'signature' },
      schema: {
        summary: 'A new key for a paired gateway; the old one stays good until a day after the new one was seen in use',
        description: 'Access: signature, with the key in use; so is the reply.',
        body: jsonSchema(rotateRequestSchema, 'input'),
        response: { 200: jsonSchema(rotateReplySchema, 'output') },
      },
      handler: async (request, reply) => {
        const { gateway: id = '' } = request.params as Record<string, string>;
        const gateway = book.get(id);
        const entry = book.entry(id);
        if (!gateway || entry?.joined !== 'paired') {
          throw new HttpError(
            404,
            'gateway.unknown',
            'no paired gateway of this id; those of desk.yaml change by file',
          );
        }
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const header = (name: string): string | undefined => {
          const value = request.headers[name];
          return typeof value === 'string' ? value : undefined;
        };
        const inUse = gateway.keys.find(
          (key) => signatureFault({ gateway: { ...gateway, keys: [key] }, header, body }, clock.now()) === null,
        );
        if (!inUse) throw new HttpError(401, 'signature.wrong', refusalReasons['signature.wrong'].message);
        const parsed = rotateRequestSchema.safeParse(parseJson(body));
        const made = parsed.success ? await invites.rotate(id, inUse, parsed.data.publicKey) : null;
        if (!made) throw new HttpError(400, 'request.invalid', 'publicKey: not an X25519 key');
        const text = JSON.stringify(made);
        return reply
          .headers(
            signWebhook({
              keys: [inUse],
              id: header(webhookHeaders.id) ?? '',
              timestampS: Math.floor(clock.now() / 1000),
              body: text,
            }),
          )
          .type('application/json')
          .send(text);
      },
    });
    done();
  });
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
