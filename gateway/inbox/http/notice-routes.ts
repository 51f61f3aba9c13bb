import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { feedbackReplySchema, outgoingEventSchema } from '../../domain/notice.ts';
import type { Clock } from '../../lib/clock.ts';
import { signWebhook, webhookHeaders } from '../../lib/standard-webhooks.ts';
import type { FeedbackLine } from '../feedback-line.ts';
import { signatureFault, type GatewayLookup, type KnownGateway, type Receiver } from '../receiver.ts';
import type { GatewayBook } from '../gateway-book.ts';
import { refusalReasons, type RefusalReason, type Refusals } from '../refusals.ts';
import { jsonSchema } from './routes.ts';

/** Longest wait that a poll may ask for; above what any proxy in between should allow. */
const maxWaitS = 60;

const pollQuerySchema = z.object({
  after: z.string().max(500).default(''),
  waitS: z.coerce.number().int().min(0).max(maxWaitS).default(0),
  source: z.string().max(500).default(''),
  have: z
    .string()
    .max(5000)
    .default('')
    .describe('Ids of deliveries that were received here, by commas; the answer names the missing'),
});

export interface NoticeRoutesOptions {
  readonly gateways: GatewayLookup & Pick<GatewayBook, 'verified'>;
  readonly receiver: Receiver;
  readonly line: FeedbackLine;
  readonly refusals: Refusals;
  readonly clock: Clock;
  readonly maxNoticeBytes: number;
  readonly onHeard: (gateway: string) => void;
}

function refuse(reply: FastifyReply, reason: RefusalReason, detail?: string): FastifyReply {
  const { status, message } = refusalReasons[reason];
  // 10 s: a full disk does not mend itself at once.
  if (status === 503) void reply.header('retry-after', '10');
  return reply
    .status(status)
    .send({ error: { code: reason, message: detail === undefined ? message : `${message}: ${detail}` } });
}

const headerOf =
  (request: FastifyRequest) =>
  (name: string): string | undefined => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : undefined;
  };

/** What gateways use: `POST /notices/:gateway` and `GET /feedback/:gateway` (channels/webhook/README.md). */
export function noticeRoutes(app: FastifyInstance, options: NoticeRoutesOptions): void {
  const { gateways, receiver, line, refusals, clock, onHeard } = options;

  const gatewayOf = (request: FastifyRequest): KnownGateway | undefined =>
    gateways.get((request.params as { gateway: string }).gateway);

  /** Under the request's own id, so that an old reply cannot be played again. */
  const signed = (gateway: KnownGateway, request: FastifyRequest, body: string): Record<string, string> =>
    signWebhook({
      keys: gateway.keys,
      id: headerOf(request)(webhookHeaders.id) ?? '',
      timestampS: Math.floor(clock.now() / 1000),
      body,
    });

  /** Looks at the headers before the body is read: a stranger cannot make the desk take in 16 MB. */
  function early(request: FastifyRequest): RefusalReason | null {
    const gateway = gatewayOf(request);
    if (!gateway) return 'gateway.unknown';
    const fault = signatureFault({ gateway, header: headerOf(request), body: new Uint8Array() }, clock.now());
    // Without the body no signature can fit; everything else can be told already.
    return fault === 'signature.wrong' ? null : fault;
  }

  app.register((scope, _options, done) => {
    // The signature is over the raw bytes, so nobody may parse them first.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      ['application/json', 'application/cloudevents+json'],
      { parseAs: 'buffer', bodyLimit: options.maxNoticeBytes },
      (_request, body, parsed) => parsed(null, body),
    );
    scope.setErrorHandler((error: { code?: string }, request, reply) => {
      const reason: RefusalReason | null =
        error.code === 'FST_ERR_CTP_BODY_TOO_LARGE'
          ? 'notice.too-large'
          : error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE'
            ? 'notice.media-type'
            : null;
      if (reason === null) throw error as unknown as Error;
      refusals.note(reason, gatewayOf(request)?.id ?? '?');
      return refuse(reply.header('connection', 'close'), reason);
    });
    scope.route({
      method: 'POST',
      url: '/notices/:gateway',
      config: { access: 'signature' },
      bodyLimit: options.maxNoticeBytes,
      schema: {
        summary: 'One notice or canary: CloudEvents 1.0, structured, signed with Standard Webhooks',
        description:
          'Access: signature. A 2xx means stored; a repeat of webhook-id is answered 2xx and changes nothing.',
        body: jsonSchema(outgoingEventSchema, 'input'),
        response: { 200: jsonSchema(feedbackReplySchema, 'output') },
      },
      onRequest: (request, reply, next) => {
        const reason = early(request);
        if (reason === null) {
          next();
          return;
        }
        refusals.note(reason, gatewayOf(request)?.id ?? '?');
        void refuse(reply.header('connection', 'close'), reason);
      },
      handler: async (request, reply) => {
        const gateway = gatewayOf(request);
        if (!gateway) return refuse(reply, 'gateway.unknown');
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const reception = await receiver.receive({ gateway, header: headerOf(request), body });
        if (reception.kind === 'refused') return refuse(reply, reception.reason, reception.detail);
        onHeard(gateway.id);
        await gateways.verified({ gateway, header: headerOf(request), body });
        const answers = JSON.stringify({ feedback: await line.unsent(gateway.id) });
        // Signed as the answers to a poll are: an answer that anybody could have put in is not taken.
        return reply
          .headers(
            signWebhook({
              keys: gateway.keys,
              id: headerOf(request)(webhookHeaders.id) ?? '',
              timestampS: Math.floor(clock.now() / 1000),
              body: answers,
            }),
          )
          .type('application/json')
          .send(answers);
      },
    });
    done();
  });

  app.route({
    method: 'GET',
    url: '/feedback/:gateway',
    config: { access: 'signature' },
    schema: {
      summary: 'Long poll for answers; signed over the request target, and the reply over its body',
      description: 'Access: signature.',
      querystring: jsonSchema(pollQuerySchema, 'input'),
      response: { 200: jsonSchema(feedbackReplySchema, 'output') },
    },
    handler: async (request, reply) => {
      const gateway = gatewayOf(request);
      const refused = (reason: RefusalReason, detail?: string): FastifyReply => {
        refusals.note(reason, gateway?.id ?? '?');
        return refuse(reply, reason, detail);
      };
      if (!gateway) return refused('gateway.unknown');
      const target = Buffer.from(request.raw.url ?? '', 'utf8');
      const fault = signatureFault({ gateway, header: headerOf(request), body: target }, clock.now());
      if (fault !== null) return refused(fault);
      await gateways.verified({ gateway, header: headerOf(request), body: target });
      const query = pollQuerySchema.safeParse(request.query);
      if (!query.success) return refused('poll.invalid', z.prettifyError(query.error));
      onHeard(gateway.id);
      const gone = new AbortController();
      const onClose = (): void => gone.abort();
      request.raw.socket.once('close', onClose);
      const { after, waitS, have } = query.data;
      const missing = await receiver.missing(gateway.id, have === '' ? [] : have.split(','));
      const answer = await line.poll(gateway.id, after, missing.length > 0 ? 0 : waitS * 1000, gone.signal);
      request.raw.socket.removeListener('close', onClose);
      onHeard(gateway.id);
      const body = JSON.stringify({ ...answer, ...(missing.length > 0 && { missing }) });
      return reply
        .headers(signed(gateway, request, body))
        .type('application/json')
        .send(body);
    },
  });
}
