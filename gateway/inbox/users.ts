import type { Role, User } from '../domain/user.ts';
import type { Clock } from '../lib/clock.ts';
import type { Database } from '../lib/database/index.ts';
import { GatewayError } from '../lib/errors.ts';

/** Slow password hashing, as provisioning does it. */
export interface Passwords {
  hash(password: string): Promise<string>;
  /** `hash` in PHC string form. */
  verify(hash: string, password: string): Promise<boolean>;
}

/** The people of one desk. Works beside a running desk: the command line uses it too. */
export interface InboxUsers {
  list(): User[];
  find(name: string): User | undefined;
  /** GatewayError `user.exists`. */
  add(name: string, role: Role, password: string): Promise<User>;
  /** GatewayError `user.unknown`. Ends the user's logins. */
  setPassword(name: string, password: string): Promise<void>;
  /** GatewayError `user.unknown`. Ends the user's logins. */
  remove(name: string): Promise<void>;
  /** The user whose name and password these are, or null; takes as long for a name that does not exist. */
  check(name: string, password: string): Promise<User | null>;
}

interface UserRow {
  readonly name: string;
  readonly role: Role;
  readonly password_hash: string;
  readonly created_at: User['createdAt'];
}

const toUser = (row: UserRow): User => ({
  name: row.name,
  role: row.role,
  passwordHash: row.password_hash,
  createdAt: row.created_at,
});

export function createInboxUsers(options: {
  readonly database: Pick<Database, 'write' | 'all' | 'get'>;
  readonly passwords: Passwords;
  readonly clock: Clock;
}): InboxUsers {
  const { database, passwords, clock } = options;
  let nobodysHash: Promise<string> | null = null;

  const find = (name: string): User | undefined => {
    const row = database.get<UserRow>('SELECT * FROM user WHERE name = ?', name);
    return row && toUser(row);
  };
  const unknown = (name: string): GatewayError =>
    new GatewayError('user.unknown', `there is no user ${name} at this desk`, { facts: { name } });
  const endLogins = (name: string) => ({ sql: 'DELETE FROM session WHERE user = ?', params: [name] });

  return {
    list: () => database.all<UserRow>('SELECT * FROM user ORDER BY name').map(toUser),
    find,
    add: async (name, role, password) => {
      const user: User = { name, role, passwordHash: await passwords.hash(password), createdAt: clock.now() };
      await database.write([
        {
          sql: 'INSERT INTO user (name, role, password_hash, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
          params: [name, role, user.passwordHash, user.createdAt],
        },
      ]);
      // The hash is salted, so it is ours only if the row is.
      if (find(name)?.passwordHash !== user.passwordHash) {
        throw new GatewayError('user.exists', `a user ${name} is there already`, { facts: { name } });
      }
      return user;
    },
    setPassword: async (name, password) => {
      if (!find(name)) throw unknown(name);
      const hash = await passwords.hash(password);
      await database.write([
        { sql: 'UPDATE user SET password_hash = ? WHERE name = ?', params: [hash, name] },
        endLogins(name),
      ]);
    },
    remove: async (name) => {
      if (!find(name)) throw unknown(name);
      await database.write([endLogins(name), { sql: 'DELETE FROM user WHERE name = ?', params: [name] }]);
    },
    check: async (name, password) => {
      const user = find(name);
      // Whether a name exists must not be told by how long the answer takes.
      nobodysHash ??= passwords.hash('nobody has this password');
      const right = await passwords.verify(user?.passwordHash ?? (await nobodysHash), password);
      return user && right ? user : null;
    },
  };
}
