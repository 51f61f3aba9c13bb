import type { Change, Commit } from '../domain/change.ts';
import { roles, type Role, type User } from '../domain/user.ts';
import type { Clock } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import { argon2Passwords } from '../lib/passwords.ts';
import type { Random } from '../lib/random.ts';
import { createLoginThrottle } from './login-throttle.ts';

export interface UserReads {
  user(name: string): User | undefined;
  users(): readonly User[];
}

export type UserVerification =
  | { readonly kind: 'ok'; readonly user: { readonly name: string; readonly role: Role } }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'too-many-tries'; readonly retryAfterMs: number };

export interface Users {
  /** Throws `user.exists`, or `user.invalid` for a name, role or password that will not do. */
  add(name: string, role: Role, password: string, by: string): Promise<void>;
  /** Throws `user.unknown`, or `user.last-admin` for the only administrator. */
  remove(name: string, by: string): Promise<void>;
  /** Throws `user.unknown`, or `user.invalid` for a password that will not do. */
  setPassword(name: string, password: string, by: string): Promise<void>;
  list(): readonly Omit<User, 'passwordHash'>[];
  /** Takes about the same time for a name that does not exist. `address` is the peer's IP address. */
  verify(name: string, password: string, address: string): Promise<UserVerification>;
}

/** Hashes at once: each takes 19 MiB and a thread of the pool that file and DNS work also needs. */
const hashesAtOnce = 2;
const hashesWaiting = 50;
const namePattern = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,31}$/u;
const minLength = 10;
const maxBytes = 256;

export function createUsers(parts: {
  readonly reads: UserReads;
  readonly commit: Commit;
  readonly clock: Clock;
  readonly random: Random;
}): Users {
  const { reads, commit, clock } = parts;
  const throttle = createLoginThrottle(clock);
  let running = 0;
  const waiting: (() => void)[] = [];
  /** Hash of a password that nobody has: names that do not exist are checked against it. */
  let nobody: Promise<string> | null = null;

  const limited = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= hashesAtOnce) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      // The place passes on to the next, or is given up.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };

  const known = (name: string): User => {
    const user = reads.user(name);
    if (user === undefined) throw new GatewayError('user.unknown', `there is no user ${name}`, { facts: { name } });
    return user;
  };
  const audited = (action: string, subject: string, by: string): Change => ({
    kind: 'audited',
    at: clock.now(),
    by,
    action,
    subject,
  });

  return {
    add: async (name, role, password, by) => {
      if (!namePattern.test(name)) {
        throw new GatewayError('user.invalid', 'a user name has 1 to 32 letters, digits, dots, dashes or underscores', {
          facts: { name },
        });
      }
      if (!roles.includes(role)) throw new GatewayError('user.invalid', `a role is one of ${roles.join(', ')}`);
      if (reads.user(name) !== undefined) {
        throw new GatewayError('user.exists', `the user ${name} is there already`, { facts: { name } });
      }
      checkPassword(name, password);
      const passwordHash = await limited(() => argon2Passwords.hash(password));
      await commit([
        { kind: 'user-saved', user: { name, role, passwordHash, createdAt: clock.now() } },
        audited('user.add', name, by),
      ]);
    },
    remove: async (name, by) => {
      const user = known(name);
      if (user.role === 'admin' && reads.users().every((one) => one.role !== 'admin' || one.name === name)) {
        throw new GatewayError('user.last-admin', `${name} is the last administrator`, { facts: { name } });
      }
      await commit([{ kind: 'user-removed', name }, audited('user.remove', name, by)]);
    },
    setPassword: async (name, password, by) => {
      const user = known(name);
      checkPassword(name, password);
      const passwordHash = await limited(() => argon2Passwords.hash(password));
      await commit([{ kind: 'user-saved', user: { ...user, passwordHash } }, audited('user.password', name, by)]);
    },
    list: () => reads.users().map(({ name, role, createdAt }) => ({ name, role, createdAt })),
    verify: async (name, password, address) => {
      if (waiting.length >= hashesWaiting) return { kind: 'too-many-tries', retryAfterMs: 1000 };
      const waitMs = throttle.attempt(name, address);
      if (waitMs > 0) return { kind: 'too-many-tries', retryAfterMs: waitMs };
      const user = reads.user(name);
      nobody ??= argon2Passwords.hash(Buffer.from(parts.random.bytes(24)).toString('hex'));
      const expected = user?.passwordHash ?? (await nobody);
      const fits =
        Buffer.byteLength(password) <= maxBytes &&
        (await limited(() => argon2Passwords.verify(expected, password))) &&
        user !== undefined;
      if (!fits) return { kind: 'wrong' };
      throttle.succeeded(name, address);
      return { kind: 'ok', user: { name: user.name, role: user.role } };
    },
  };
}

/** NIST SP 800-63B 5.1.1: length is what counts; no rules about characters. */
function checkPassword(name: string, password: string): void {
  if (Array.from(password).length < minLength || Buffer.byteLength(password) > maxBytes) {
    throw new GatewayError(
      'user.invalid',
      `a password has at least ${minLength} characters and at most ${maxBytes} bytes`,
    );
  }
  if (password.toLowerCase().includes(name.toLowerCase()) && name.length >= 4) {
    throw new GatewayError('user.invalid', 'a password must not contain the user name');
  }
}
