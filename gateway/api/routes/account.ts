import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ApiCollaborators } from '../collaborators.ts';
import { defineRoute } from '../define-route.ts';
import { ApiError } from '../errors.ts';
import { iso } from '../represent.ts';
import { credentials, me } from '../schemas/shapes.ts';
import type { SignIn } from '../sign-in.ts';

export function accountRoutes(app: FastifyInstance, given: ApiCollaborators, signIn: SignIn): void {
  const { users, places, version, clock, logger } = given;
  const meOf = (user: z.infer<typeof me>['user']): z.infer<typeof me> => ({
    user: { name: user.name, role: user.role },
    title: places.site.name,
    version,
    now: iso(clock.now()),
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/login',
    summary: 'Sign in; sets the session cookie',
    body: credentials,
    reply: me,
    errors: [401, 429],
    handle: async ({ body, request, reply }) => {
      const result = await users.verify(body.name, body.password, request.ip);
      switch (result.kind) {
        case 'ok':
          await signIn.begin(reply, result.user.name);
          return meOf(result.user);
        case 'wrong':
          logger.info({ user: body.name, address: request.ip }, 'login refused');
          throw new ApiError(401, 'auth.wrong', 'name or password is wrong');
        case 'too-many-tries': {
          const seconds = Math.max(1, Math.ceil(result.retryAfterMs / 1000));
          reply.header('retry-after', String(seconds));
          throw new ApiError(429, 'auth.too-many-tries', `too many tries; try again in ${seconds} s`);
        }
      }
    },
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/logout',
    summary: 'Sign out; the session ends at once',
    reply: z.object({ ended: z.literal(true) }),
    handle: async ({ identity, reply }) => {
      await signIn.end(reply, identity);
      return { ended: true as const };
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/me',
    summary: 'Who is signed in, and where',
    reply: me,
    handle: ({ identity }) => Promise.resolve(meOf(identity)),
  });
}
