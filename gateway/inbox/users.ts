import type { Role, User } from '../domain/user.ts';
import type { Clock } from '../lib/clock.ts';
import type { Database } from '../lib/database/index.ts';
import { GatewayError } from '../lib/errors.ts';
import type { Passwords } from '../lib/passwords.ts';

/** The people of one desk. Works beside a running desk: the command line uses it too. */
export interface InboxUsers {
  list(): User[];
  find(name: string): User | undefined;
  /** GatewayError `user.exists`, or `user.invalid` for a name or password that will not do. */
  add(name: string, role: Role, password: string): Promise<User>;
  /** GatewayError `user.unknown` or `user.invalid`. Ends the user's logins. */
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

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,31}$/u;
const minPasswordLength = 10;
const maxPasswordBytes = 256;

/** NIST SP 800-63B 5.1.1: length is what counts; no rules about characters. */
function checkForm(name: string, password: string): void {
  const invalid = (message: string): GatewayError => new GatewayError('user.invalid', message, { facts: { name } });
  if (!namePattern.test(name)) throw invalid('a user name has 1 to 32 letters, digits, dots, dashes or underscores');
  if (Array.from(password).length < minPasswordLength || Buffer.byteLength(password) > maxPasswordBytes) {
    throw invalid(`a password has at least ${minPasswordLength} characters and at most ${maxPasswordBytes} bytes`);
  }
}

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
      checkForm(name, password);
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
      checkForm(name, password);
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
