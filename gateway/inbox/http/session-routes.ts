import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Audit } from '../audit.ts';
import type { LiveFeed } from '../live-feed.ts';
import type { Logins } from '../logins.ts';
import { permissionsOf } from '../roles.ts';
import type { SecondFactor } from '../second-factor.ts';
import {
  loginSchema,
  meSchema,
  passwordChangeSchema,
  recoveryCodesSchema,
  secondFactorBeginSchema,
  secondFactorConfirmSchema,
  secondFactorOfferSchema,
  secondFactorRemoveSchema,
  secondFactorSchema,
  type Me,
} from '../shapes-people.ts';
import type { InboxUser, InboxUsers } from '../users.ts';
import { HttpError } from './errors.ts';
import { cookieName, defineRoute, deviceCookieName, loginOf } from './routes.ts';

export interface SessionRoutesOptions {
  readonly title: string;
  readonly version: string;
  readonly timeZone: string;
  readonly secureCookies: boolean;
  readonly sessionLifetimeMs: number;
  readonly secondFactorMode: 'off' | 'option' | 'wanted';
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logins: Logins;
  readonly users: InboxUsers;
  readonly secondFactor: SecondFactor;
  readonly audit: Pick<Audit, 'note'>;
  readonly live: Pick<LiveFeed, 'endSession'>;
}

/** A browser is known for half a year after its last login. */
const deviceCookieS = 180 * 86_400;

const wrongPassword = (): HttpError => new HttpError(401, 'auth.wrong', 'the password is wrong');

/** Signing in and out, and what people change about themselves. */
export function sessionRoutes(app: FastifyInstance, options: SessionRoutesOptions): void {
  const { clock, logger, logins, users, secondFactor, audit, live } = options;
  const cookie = { path: '/', httpOnly: true, sameSite: 'strict', secure: options.secureCookies } as const;
  const meOf = (user: InboxUser): Me => ({
    user: { name: user.name, role: user.role },
    may: [...permissionsOf(user.role)],
    gateways: user.gateways === null ? null : [...user.gateways],
    secondFactor: user.secondFactor,
    secondFactorWanted: options.secondFactorMode === 'wanted' && !user.secondFactor,
    title: options.title,
    version: options.version,
    timeZone: options.timeZone,
    now: new Date(clock.now()).toISOString(),
  });
  const tooMany = (waitMs: number): { seconds: number; error: HttpError } => {
    const seconds = Math.max(1, Math.ceil(waitMs / 1000));
    return { seconds, error: new HttpError(429, 'auth.too-many-tries', `too many tries; try again in ${seconds} s`) };
  };

  defineRoute(app, {
    method: 'POST',
    url: '/api/login',
    access: 'public',
    summary: 'Sign in; sets the session cookie. 401 auth.second-factor: send name, password and code',
    body: loginSchema,
    reply: meSchema,
    errors: [401, 429],
    handle: async ({ body, request, reply }) => {
      const result = await logins.begin({
        name: body.name,
        password: body.password,
        code: body.code === undefined || body.code === '' ? null : body.code,
        address: request.ip,
        device: request.cookies[deviceCookieName] ?? null,
      });
      switch (result.kind) {
        case 'in':
          void reply.setCookie(cookieName, result.token, {
            ...cookie,
            maxAge: Math.floor(options.sessionLifetimeMs / 1000),
          });
          void reply.setCookie(deviceCookieName, result.device, {
            ...cookie,
            path: '/api/login',
            maxAge: deviceCookieS,
          });
          return meOf((await users.find(result.user.name)) ?? result.user);
        case 'wrong':
          logger.info({ user: body.name, address: request.ip }, 'login refused');
          throw new HttpError(401, 'auth.wrong', 'name or password is wrong');
        case 'second-factor':
          throw new HttpError(401, 'auth.second-factor', 'now the code of the second factor, or a recovery code');
        case 'wrong-code':
          logger.info({ user: body.name, address: request.ip }, 'login refused: wrong code');
          throw new HttpError(401, 'auth.wrong-code', 'the code is wrong, or was used already');
        case 'too-many-tries': {
          const { seconds, error } = tooMany(result.waitMs);
          void reply.header('retry-after', String(seconds));
          throw error;
        }
      }
    },
  });

  app.route({
    method: 'POST',
    url: '/api/logout',
    config: { access: 'signed-in' },
    schema: { summary: 'Sign out; the session ends at once', response: { 204: { type: 'null' } } },
    handler: async (request, reply) => {
      const login = loginOf(request);
      await logins.end(login);
      live.endSession(login.session.tokenSha256);
      return reply.clearCookie(cookieName, cookie).status(204).send();
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/me',
    access: 'signed-in',
    summary: 'Who is signed in, and what this person may do',
    reply: meSchema,
    handle: ({ request }) => meOf(loginOf(request).user),
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/me/password',
    access: 'signed-in',
    summary: "Change one's own password; ends the other logins",
    body: passwordChangeSchema,
    handle: async ({ body, request }) => {
      const { user, session } = loginOf(request);
      if (!(await users.check(user.name, body.current))) throw wrongPassword();
      await users.setPassword(user.name, body.next, user.name, session.tokenSha256);
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/me/second-factor',
    access: 'signed-in',
    summary: 'Whether a code is asked for at login',
    reply: secondFactorSchema,
    handle: async ({ request }) => {
      const { user } = loginOf(request);
      return { enabled: user.secondFactor, recoveryCodesLeft: await secondFactor.recoveryCodesLeft(user.name) };
    },
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/me/second-factor/begin',
    access: 'signed-in',
    summary: 'A new secret for the telephone; in force once a code of it has been confirmed',
    body: secondFactorBeginSchema,
    reply: secondFactorOfferSchema,
    errors: [401],
    handle: async ({ body, request }) => {
      const { user } = loginOf(request);
      if (options.secondFactorMode === 'off') {
        throw new HttpError(400, 'request.invalid', 'second factors are switched off at this desk');
      }
      if (!(await users.check(user.name, body.password))) throw wrongPassword();
      return secondFactor.begin(user.name);
    },
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/me/second-factor/confirm',
    access: 'signed-in',
    summary: 'Confirm with a code; answers the recovery codes, this once',
    body: secondFactorConfirmSchema,
    reply: recoveryCodesSchema,
    errors: [401],
    handle: async ({ body, request }) => {
      const codes = await secondFactor.confirm(loginOf(request).user.name, body.code);
      if (!codes) throw new HttpError(400, 'auth.wrong-code', 'the code is not of this secret; compare the clocks');
      return { recoveryCodes: [...codes] };
    },
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/me/second-factor/remove',
    access: 'signed-in',
    summary: 'Switch it off, with password and code',
    body: secondFactorRemoveSchema,
    handle: async ({ body, request }) => {
      const { user } = loginOf(request);
      if (!(await users.check(user.name, body.password))) throw wrongPassword();
      if (!(await secondFactor.check(user.name, body.code))) {
        await audit.note(user.name, 'second-factor.off-refused', user.name);
        throw new HttpError(400, 'auth.wrong-code', 'the code is wrong, or was used already');
      }
      await secondFactor.remove(user.name, user.name);
    },
  });
}
