import { createHash } from 'node:crypto';
import type { User, WebSession } from '../domain/user.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import type { Database } from '../lib/database/index.ts';
import type { Random } from '../lib/random.ts';
import { createLoginThrottle } from './login-throttle.ts';
import type { InboxUsers } from './users.ts';

export interface Login {
  readonly user: User;
  readonly session: WebSession;
}

export type LoginResult =
  | { readonly kind: 'in'; readonly user: User; /** For the cookie; nobody keeps it. */ readonly token: string }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'too-many-tries'; readonly waitMs: number };

export interface Logins {
  begin(name: string, password: string, address: string): Promise<LoginResult>;
  /** Who this token signs in; null if nobody, or no longer. The role is read anew each time. */
  find(token: string): Login | null;
  isAlive(tokenSha256: string): boolean;
  end(tokenSha256: string): Promise<void>;
}

/** Sign-ins of browsers: a token of 256 random bits, of which only the SHA-256 is kept. */
export function createLogins(options: {
  readonly database: Pick<Database, 'write' | 'get'>;
  readonly users: InboxUsers;
  readonly clock: Clock;
  readonly random: Random;
  readonly lifetimeMs: number;
}): Logins {
  const { database, users, clock, random, lifetimeMs } = options;
  const throttle = createLoginThrottle(clock);

  function bySha256(tokenSha256: string): Login | null {
    const row = database.get<{ user: string; created_at: EpochMs; expires_at: EpochMs }>(
      'SELECT user, created_at, expires_at FROM session WHERE token_sha256 = ?',
      tokenSha256,
    );
    if (!row || row.expires_at <= clock.now()) return null;
    const user = users.find(row.user);
    if (!user) return null;
    return { user, session: { tokenSha256, user: user.name, createdAt: row.created_at, expiresAt: row.expires_at } };
  }

  return {
    begin: async (name, password, address) => {
      const waitMs = throttle.waitMs(name, address);
      if (waitMs > 0) return { kind: 'too-many-tries', waitMs };
      // Counted before the slow comparison and taken back after a right one, so that many at once do not slip by.
      throttle.wrong(name, address);
      const user = await users.check(name, password);
      if (!user) return { kind: 'wrong' };
      throttle.right(name, address);
      const token = Buffer.from(random.bytes(32)).toString('base64url');
      const now = clock.now();
      await database.write([
        { sql: 'DELETE FROM session WHERE expires_at <= ?', params: [now] },
        {
          sql: 'INSERT INTO session (token_sha256, user, created_at, expires_at) VALUES (?, ?, ?, ?)',
          params: [sha256(token), user.name, now, now + lifetimeMs],
        },
      ]);
      return { kind: 'in', user, token };
    },
    find: (token) => bySha256(sha256(token)),
    isAlive: (tokenSha256) => bySha256(tokenSha256) !== null,
    end: (tokenSha256) =>
      database.write([{ sql: 'DELETE FROM session WHERE token_sha256 = ?', params: [tokenSha256] }]),
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
