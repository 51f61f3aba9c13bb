import { createHmac, timingSafeEqual } from 'node:crypto';
import type { WebSession } from '../domain/user.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { DeskAuditAction } from './audit-actions.ts';
import { auditStatement } from './audit.ts';
import type { DeskData } from './data/desk-data.ts';
import { sha256Hex } from './desk-key.ts';
import { createLoginThrottle } from './login-throttle.ts';
import type { SecondFactor } from './second-factor.ts';
import type { InboxUser, InboxUsers } from './users.ts';

export interface Login {
  readonly user: InboxUser;
  readonly session: WebSession;
}

export type LoginResult =
  | {
      readonly kind: 'in';
      readonly user: InboxUser;
      /** For the cookie; nobody keeps it. */
      readonly token: string;
      /** For the browser's other cookie, by which it is known when it comes again. */
      readonly device: string;
    }
  | { readonly kind: 'wrong' }
  /** Name and password are right, now the code. */
  | { readonly kind: 'second-factor' }
  | { readonly kind: 'wrong-code' }
  | { readonly kind: 'too-many-tries'; readonly waitMs: number };

export interface LoginRequest {
  readonly name: string;
  readonly password: string;
  readonly code: string | null;
  readonly address: string;
  /** The browser's cookie as it came; null for none. */
  readonly device: string | null;
}

export interface Logins {
  begin(request: LoginRequest): Promise<LoginResult>;
  /** Who this token signs in; null if nobody, or no longer. The role is read anew each time. */
  find(token: string): Promise<Login | null>;
  /** Who is still signed in under the SHA-256 of a token; null if nobody. */
  alive(tokenSha256: string): Promise<InboxUser | null>;
  end(login: Login): Promise<void>;
}

/** Sign-ins of browsers: a token of 256 random bits, of which only the SHA-256 is kept. */
export function createLogins(options: {
  readonly data: DeskData;
  readonly users: InboxUsers;
  readonly secondFactor: Pick<SecondFactor, 'check'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly lifetimeMs: number;
  /** 32 bytes, for the cookies by which browsers are known again. */
  readonly deviceKey: Uint8Array;
}): Logins {
  const { data, users, secondFactor, clock, random, lifetimeMs, deviceKey } = options;
  const throttle = createLoginThrottle(clock);

  const macOf = (name: string, id: string): Buffer => createHmac('sha256', deviceKey).update(`${id}\n${name}`).digest();
  /** The id of a browser that has signed this name in before. */
  function deviceOf(name: string, cookie: string | null): string | null {
    const [id, mac] = cookie?.split('.') ?? [];
    if (id === undefined || mac === undefined || id.length > 64) return null;
    const given = Buffer.from(mac, 'base64url');
    const right = macOf(name, id);
    return given.length === right.length && timingSafeEqual(given, right) ? id : null;
  }

  async function bySha256(tokenSha256: string): Promise<Login | null> {
    const row = await data.get<{ user: string; created_at: EpochMs; expires_at: EpochMs }>(
      'SELECT "user", created_at, expires_at FROM session WHERE token_sha256 = ?',
      tokenSha256,
    );
    if (!row || row.expires_at <= clock.now()) return null;
    const user = await users.find(row.user);
    if (!user) return null;
    return { user, session: { tokenSha256, user: user.name, createdAt: row.created_at, expiresAt: row.expires_at } };
  }

  const note = (by: string, action: DeskAuditAction, subject: string): Promise<void> =>
    data.write([auditStatement({ at: clock.now(), by, action, subject })]);

  return {
    begin: async ({ name, password, code, address, device }) => {
      const attempt = { name, address, device: deviceOf(name, device) };
      const waitMs = throttle.waitMs(attempt);
      if (waitMs > 0) return { kind: 'too-many-tries', waitMs };
      // Counted before the slow comparison and taken back after a right one, so that many at once do not slip by.
      throttle.wrong(attempt);
      const user = await users.check(name, password);
      if (!user) {
        // What is no name here may be a password typed into the wrong field: it is not kept.
        const known = await users.find(name);
        await note(known ? name : 'nobody', 'login.wrong', address);
        return { kind: 'wrong' };
      }
      if (user.secondFactor) {
        if (code === null) {
          // Not `right`: or who knows the password could try codes without end.
          throttle.undo(attempt);
          return { kind: 'second-factor' };
        }
        if (!(await secondFactor.check(name, code))) {
          await note(name, 'login.wrong-code', address);
          return { kind: 'wrong-code' };
        }
      }
      throttle.right(attempt);
      const token = Buffer.from(random.bytes(32)).toString('base64url');
      const id = attempt.device ?? Buffer.from(random.bytes(16)).toString('base64url');
      const now = clock.now();
      await data.write([
        { sql: 'DELETE FROM session WHERE expires_at <= ?', params: [now] },
        {
          sql: 'INSERT INTO session (token_sha256, "user", created_at, expires_at) VALUES (?, ?, ?, ?)',
          params: [sha256Hex(token), user.name, now, now + lifetimeMs],
        },
        { sql: 'UPDATE "user" SET last_login_at = ? WHERE name = ?', params: [now, user.name] },
        auditStatement({ at: now, by: user.name, action: 'login.in', subject: address }),
      ]);
      return { kind: 'in', user, token, device: `${id}.${macOf(name, id).toString('base64url')}` };
    },
    find: (token) => bySha256(sha256Hex(token)),
    alive: async (tokenSha256) => (await bySha256(tokenSha256))?.user ?? null,
    end: ({ user, session }) =>
      data.write([
        { sql: 'DELETE FROM session WHERE token_sha256 = ?', params: [session.tokenSha256] },
        auditStatement({ at: clock.now(), by: user.name, action: 'login.out', subject: user.name }),
      ]),
  };
}
