import type { FastifyInstance } from 'fastify';
import type { GatewayBook } from '../gateway-book.ts';
import type { GatewayWatch } from '../gateway-watch.ts';
import type { Invites } from '../invites.ts';
import type { Plans } from '../plans.ts';
import { inScope } from '../scope.ts';
import {
  deskGatewaySchema,
  gatewayChangeSchema,
  invitationSchema,
  invitedSchema,
  inviteRequestSchema,
  planPointsSchema,
  planSchema,
  revokeSchema,
  type DeskGateway,
} from '../shapes-gateways.ts';
import { listOf } from '../shapes.ts';
import { HttpError } from './errors.ts';
import { defineRoute, loginOf, scopeOf } from './routes.ts';

export interface GatewayRoutesOptions {
  readonly book: GatewayBook;
  readonly watch: Pick<GatewayWatch, 'list'>;
  readonly invites: Invites;
  readonly plans: Plans;
  /** Where gateways reach this desk; null: as the browser that asks does. */
  readonly publicUrl: string | null;
}

const planBytes = 8_000_000;
const unknownGateway = (): HttpError => new HttpError(404, 'gateway.unknown', 'there is no such gateway at this desk');

/** Gateways as officers see them, who may join, and the plans of their compounds. */
export function gatewayRoutes(app: FastifyInstance, options: GatewayRoutesOptions): void {
  const { book, watch, invites, plans } = options;
  const nameOf = (request: Parameters<typeof loginOf>[0]): string => loginOf(request).user.name;
  const one = async (request: Parameters<typeof loginOf>[0], id: string): Promise<DeskGateway> => {
    const found = (await watch.list(scopeOf(request))).find((gateway) => gateway.id === id);
    if (!found) throw unknownGateway();
    return found;
  };
  const seen = (request: Parameters<typeof loginOf>[0], id: string): string => {
    if (!book.entry(id) || !inScope(scopeOf(request), id)) throw unknownGateway();
    return id;
  };

  defineRoute(app, {
    method: 'GET',
    url: '/api/gateways',
    access: 'signed-in',
    summary: 'The gateways that send here: last word, canary, version, disk, cameras, clock',
    reply: listOf(deskGatewaySchema),
    handle: async ({ request }) => ({ items: await watch.list(scopeOf(request)), next: null }),
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/gateways/invites',
    access: 'gateways',
    summary: 'Invite a gateway: a code for `kanmen pair`, good once for 30 minutes, told this once',
    body: inviteRequestSchema,
    reply: invitedSchema,
    handle: ({ body, request }) =>
      invites.create(body, nameOf(request), options.publicUrl ?? `${request.protocol}://${request.host}`),
  });
  defineRoute(app, {
    method: 'GET',
    url: '/api/gateways/invites',
    access: 'gateways',
    summary: 'Invitations of the last week',
    reply: listOf(invitationSchema),
    handle: async () => ({ items: await invites.list(), next: null }),
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/gateways/invites/:invite/cancel',
    access: 'gateways',
    summary: 'Cancel an invitation',
    errors: [404],
    handle: async ({ params, request }) => {
      if (!(await invites.cancel(params['invite'] ?? '', nameOf(request)))) {
        throw new HttpError(404, 'invite.unknown', 'there is no open invitation of this name');
      }
    },
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/gateways/:id/change',
    access: 'gateways',
    summary: 'What officers call it',
    body: gatewayChangeSchema,
    reply: deskGatewaySchema,
    errors: [404],
    handle: async ({ params, body, request }) => {
      const id = params['id'] ?? '';
      if (!(await book.rename(id, body.name, nameOf(request)))) throw unknownGateway();
      return one(request, id);
    },
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/gateways/:id/revoke',
    access: 'gateways',
    summary: 'Take nothing from it any more, from now on; its alerts stay',
    body: revokeSchema,
    reply: deskGatewaySchema,
    errors: [404],
    handle: async ({ params, body, request }) => {
      const id = params['id'] ?? '';
      if (!(await book.revoke(id, body.reason, nameOf(request)))) throw unknownGateway();
      return one(request, id);
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/plans/:gateway',
    access: 'signed-in',
    summary: 'The plan of a compound, and what stands where on it',
    reply: planSchema,
    errors: [404],
    handle: ({ params, request }) => plans.get(seen(request, params['gateway'] ?? '')),
  });
  app.route({
    method: 'GET',
    url: '/api/plans/:gateway/image',
    config: { access: 'signed-in' },
    schema: { summary: 'The picture of a plan', response: { 200: { type: 'string', format: 'binary' } } },
    handler: async (request, reply) => {
      const { gateway = '' } = request.params as Record<string, string>;
      const image = await plans.image(seen(request, gateway));
      if (!image) throw new HttpError(404, 'plan.missing', 'there is no plan of this compound');
      // The address changes with the picture.
      return reply
        .type(image.mediaType)
        .header('cache-control', 'private, max-age=604800')
        .send(Buffer.from(image.bytes));
    },
  });
  app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      ['image/png', 'image/jpeg', 'image/webp', 'application/octet-stream'],
      { parseAs: 'buffer', bodyLimit: planBytes },
      (_request, body, parsed) => parsed(null, body),
    );
    scope.route({
      method: 'PUT',
      url: '/api/plans/:gateway/image',
      config: { access: 'plans' },
      bodyLimit: planBytes,
      schema: {
        summary: 'A new picture: PNG, JPEG or WebP up to 8 MB; answers the plan',
        response: { 200: { type: 'object', additionalProperties: true } },
      },
      handler: async (request) => {
        const { gateway = '' } = request.params as Record<string, string>;
        const id = seen(request, gateway);
        await plans.putImage(id, Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0), nameOf(request));
        return planSchema.parse(await plans.get(id));
      },
    });
    done();
  });
  defineRoute(app, {
    method: 'PUT',
    url: '/api/plans/:gateway/points',
    access: 'plans',
    summary: 'Where areas and devices stand on it',
    body: planPointsSchema,
    reply: planSchema,
    bodyLimit: 1_000_000,
    errors: [404],
    handle: async ({ params, body, request }) => {
      const id = seen(request, params['gateway'] ?? '');
      await plans.putPoints(id, body.points, nameOf(request));
      return plans.get(id);
    },
  });
}
