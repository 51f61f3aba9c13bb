import type { FastifyInstance } from 'fastify';
import type { Random } from '../../lib/random.ts';
import { newPassword } from '../new-password.ts';
import type { SecondFactor } from '../second-factor.ts';
import { deskUserSchema, userAddedSchema, userAddSchema, userChangeSchema, type DeskUser } from '../shapes-people.ts';
import { listOf } from '../shapes.ts';
import type { InboxUser, InboxUsers } from '../users.ts';
import { HttpError } from './errors.ts';
import { defineRoute, loginOf } from './routes.ts';

export interface PeopleRoutesOptions {
  readonly users: InboxUsers;
  readonly secondFactor: Pick<SecondFactor, 'remove'>;
  readonly random: Pick<Random, 'bytes'>;
}

const shown = (user: InboxUser): DeskUser => ({
  name: user.name,
  role: user.role,
  gateways: user.gateways === null ? null : [...user.gateways],
  secondFactor: user.secondFactor,
  createdAt: new Date(user.createdAt).toISOString(),
  lastLoginAt: user.lastLoginAt === null ? null : new Date(user.lastLoginAt).toISOString(),
});

/** Who may sign in, as what, and for which gateways. */
export function peopleRoutes(app: FastifyInstance, { users, secondFactor, random }: PeopleRoutesOptions): void {
  const known = async (name: string): Promise<DeskUser> => {
    const user = await users.find(name);
    if (!user) throw new HttpError(404, 'user.unknown', 'there is no such user');
    return shown(user);
  };

  defineRoute(app, {
    method: 'GET',
    url: '/api/users',
    access: 'users',
    summary: 'Everyone who may sign in',
    reply: listOf(deskUserSchema),
    handle: async () => ({ items: (await users.list()).map(shown), next: null }),
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/users',
    access: 'users',
    summary: 'Let a person in',
    body: userAddSchema,
    reply: userAddedSchema,
    errors: [409],
    handle: async ({ body, request }) => {
      const password = body.password ?? newPassword(random);
      const actor = loginOf(request).user.name;
      const user = await users.add(body.name, body.role, password, { gateways: body.gateways, actor });
      return { user: shown(user), password: body.password === undefined ? password : null };
    },
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/users/:name',
    access: 'users',
    summary: 'Change role, gateways, password or second factor of a person',
    body: userChangeSchema,
    reply: userAddedSchema,
    errors: [404, 409],
    handle: async ({ params, body, request }) => {
      const name = params['name'] ?? '';
      const actor = loginOf(request).user.name;
      const { role, gateways } = body;
      if (role !== undefined || gateways !== undefined) {
        await users.change(
          name,
          { ...(role === undefined ? {} : { role }), ...(gateways === undefined ? {} : { gateways }) },
          actor,
        );
      }
      const password = body.password === 'new' ? newPassword(random) : null;
      if (password !== null) await users.setPassword(name, password, actor);
      if (body.secondFactor === 'remove') {
        await known(name);
        await secondFactor.remove(name, actor);
      }
      return { user: await known(name), password };
    },
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/users/:name/remove',
    access: 'users',
    summary: 'Shut a person out',
    errors: [404, 409],
    handle: async ({ params, request }) => {
      const name = params['name'] ?? '';
      const actor = loginOf(request).user.name;
      if (name === actor) throw new HttpError(409, 'user.oneself', 'nobody removes himself; let another admin do it');
      await users.remove(name, actor);
    },
  });
}
