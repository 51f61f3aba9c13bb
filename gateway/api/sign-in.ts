// Its types stand on request and reply; named here so that a compiler that builds in steps knows.
import type {} from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EpochMs } from '../lib/clock.ts';
import { isLoopback, sameSecret, sha256Hex, type Identity } from './access.ts';
import type { ApiCollaborators } from './collaborators.ts';

export const cookieName = 'kanmen_session';
export const controlHeader = 'x-kanmen-control';

/** Logins: a cookie with 256 random bits, of which only the SHA-256 is kept. */
export function createSignIn(
  given: Pick<ApiCollaborators, 'options' | 'clock' | 'random' | 'reads' | 'commit' | 'controlToken'>,
) {
  const { options, clock, random, reads, commit, controlToken } = given;

  const cookieSettings = {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: options.secureCookies,
  } as const;

  /** Who makes the request; null if nobody that is known. The role is read anew each time: a removed user is out at once. */
  const identify = async (request: FastifyRequest): Promise<Identity | null> => {
    const control = request.headers[controlHeader];
    if (typeof control === 'string') {
      const fits = controlToken !== null && isLoopback(request) && sameSecret(control, controlToken);
      return fits ? { name: 'local', role: 'admin', via: 'control', tokenSha256: null } : null;
    }
    const token = request.cookies[cookieName];
    if (token === undefined || token === '') return null;
    const tokenSha256 = sha256Hex(token);
    const session = await reads.webSession(tokenSha256);
    if (!session) return null;
    if (session.expiresAt <= clock.now()) {
      await commit([{ kind: 'web-session-removed', tokenSha256 }]);
      return null;
    }
    const user = await reads.user(session.user);
    return user ? { name: user.name, role: user.role, via: 'session', tokenSha256 } : null;
  };

  /** Begins a session; the cookie leaves only after the session is stored. */
  const begin = async (reply: FastifyReply, userName: string): Promise<void> => {
    const token = Buffer.from(random.bytes(32)).toString('base64url');
    const createdAt = clock.now();
    const expiresAt = (createdAt + options.sessionLifetime) as EpochMs;
    await commit([
      {
        kind: 'web-session-saved',
        session: { tokenSha256: sha256Hex(token), user: userName, createdAt, expiresAt },
      },
      { kind: 'audited', at: createdAt, by: userName, action: 'login', subject: '' },
    ]);
    reply.setCookie(cookieName, token, { ...cookieSettings, maxAge: Math.floor(options.sessionLifetime / 1000) });
  };

  const end = async (reply: FastifyReply, identity: Identity): Promise<void> => {
    if (identity.tokenSha256 !== null) {
      await commit([{ kind: 'web-session-removed', tokenSha256: identity.tokenSha256 }]);
    }
    reply.clearCookie(cookieName, cookieSettings);
  };

  return { identify, begin, end };
}
export type SignIn = ReturnType<typeof createSignIn>;
