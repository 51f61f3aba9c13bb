import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { isGatewayError } from '../../lib/errors.ts';
import type { ApiCollaborators } from '../collaborators.ts';
import { defineRoute } from '../define-route.ts';
import { ApiError } from '../errors.ts';

const ids = z.array(z.string().min(1).max(64));

/** The ways out: what `kanmen pair` has the running gateway take. */
export function channelRoutes(
  app: FastifyInstance,
  given: Pick<ApiCollaborators, 'clock' | 'commit' | 'waysOut'>,
): void {
  const { clock, commit, waysOut } = given;
  defineRoute(app, {
    method: 'POST',
    url: '/api/channels/reload',
    summary: 'Take channels and recipients as the configuration has them now: whole or not at all',
    body: z.strictObject({
      newKeys: ids.max(100).default([]).describe('Channels whose secret has changed while their settings have not'),
    }),
    reply: z.object({
      added: ids,
      renewed: ids.describe('Opened anew: their settings or their secrets have changed'),
      removed: ids.describe(
        'No longer configured; what waits for them still goes there until the gateway is started anew',
      ),
    }),
    errors: [404, 409],
    handle: async ({ body, identity }) => {
      if (!waysOut) throw new ApiError(404, 'request.unknown', 'this program cannot read its configuration anew');
      const taken = await waysOut.reload(body.newKeys).catch((error: unknown) => {
        const wrong = isGatewayError(error, 'config.invalid') || isGatewayError(error, 'config.secret-missing');
        if (wrong) throw new ApiError(409, error.code, error.message);
        throw error;
      });
      const { added, renewed, removed } = taken;
      const subject = [...added, ...renewed].join(', ');
      await commit([{ kind: 'audited', at: clock.now(), by: identity.name, action: 'channels-reloaded', subject }]);
      return { added: [...added], renewed: [...renewed], removed: [...removed] };
    },
  });
}
