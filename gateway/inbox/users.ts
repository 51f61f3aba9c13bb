import type { Clock, EpochMs } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import type { Passwords } from '../lib/passwords.ts';
import type { DeskAuditAction } from './audit-actions.ts';
import { auditStatement } from './audit.ts';
import type { DeskData, Statement } from './data/desk-data.ts';
import { parseDeskRole, type DeskRole } from './roles.ts';
import type { Scope } from './scope.ts';

/** One person of the desk. */
export interface InboxUser {
  readonly name: string;
  readonly role: DeskRole;
  readonly passwordHash: string;
  readonly createdAt: EpochMs;
  readonly lastLoginAt: EpochMs | null;
  readonly gateways: Scope;
  readonly secondFactor: boolean;
}

/** The people of one desk. Works beside a running desk: the command line uses it too. `actor`: for the audit log. */
export interface InboxUsers {
  list(): Promise<InboxUser[]>;
  find(name: string): Promise<InboxUser | undefined>;
  /**
   * GatewayError `user.exists`, or `user.invalid` for a name, role or password that will not do. `manager`, as gateways
   * call it, is `duty` here.
   */
  add(name: string, role: string, password: string, more?: { gateways?: Scope; actor?: string }): Promise<InboxUser>;
  /** Role and gateways take effect at the next request. GatewayError `user.unknown`, `user.last-admin`. */
  change(name: string, change: { role?: DeskRole; gateways?: Scope }, actor: string): Promise<void>;
  /** GatewayError `user.unknown` or `user.invalid`. Ends the user's logins, but for `keep` (a token's SHA-256). */
  setPassword(name: string, password: string, actor?: string, keep?: string): Promise<void>;
  /** GatewayError `user.unknown`, `user.last-admin`. Ends the user's logins. */
  remove(name: string, actor?: string): Promise<void>;
  /** The user whose name and password these are, or null; takes as long for a name that does not exist. */
  check(name: string, password: string): Promise<InboxUser | null>;
}

interface UserRow {
  readonly name: string;
  readonly role: string;
  readonly password_hash: string;
  readonly created_at: EpochMs;
  readonly last_login_at: EpochMs | null;
  readonly gateways: string | null;
  readonly totp: string | null;
}

const toUser = (row: UserRow): InboxUser => ({
  name: row.name,
  role: parseDeskRole(row.role) ?? 'viewer',
  passwordHash: row.password_hash,
  createdAt: row.created_at,
  lastLoginAt: row.last_login_at,
  gateways: row.gateways === null ? null : (JSON.parse(row.gateways) as string[]),
  secondFactor: row.totp !== null,
});

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,31}$/u;
const minPasswordLength = 10;
const maxPasswordBytes = 256;
const commandLine = 'command line';

/** NIST SP 800-63B 5.1.1: length is what counts; no rules about characters. */
function checkForm(name: string, password: string): void {
  const invalid = (message: string): GatewayError => new GatewayError('user.invalid', message, { facts: { name } });
  if (!namePattern.test(name)) throw invalid('a user name has 1 to 32 letters, digits, dots, dashes or underscores');
  if (Array.from(password).length < minPasswordLength || Buffer.byteLength(password) > maxPasswordBytes) {
    throw invalid(`a password has at least ${minPasswordLength} characters and at most ${maxPasswordBytes} bytes`);
  }
}

export function createInboxUsers(options: {
  readonly data: DeskData;
  readonly passwords: Passwords;
  readonly clock: Clock;
}): InboxUsers {
  const { data, passwords, clock } = options;
  let nobodysHash: Promise<string> | null = null;

  const find = async (name: string): Promise<InboxUser | undefined> => {
    const row = await data.get<UserRow>('SELECT * FROM "user" WHERE name = ?', name);
    return row && toUser(row);
  };
  const known = async (name: string): Promise<InboxUser> => {
    const user = await find(name);
    if (user) return user;
    throw new GatewayError('user.unknown', `there is no user ${name} at this desk`, { facts: { name } });
  };
  const endLogins = (name: string, keep: string | null = null): Statement => ({
    sql: `DELETE FROM session WHERE "user" = ? AND token_sha256 <> ?`,
    params: [name, keep ?? ''],
  });
  const audited = (by: string, action: DeskAuditAction, subject: string): Statement =>
    auditStatement({ at: clock.now(), by, action, subject });

  /** Somebody must be able to let others in; desks of before roles, with no admin at all, stay as they are. */
  async function keepAnAdmin(user: InboxUser): Promise<void> {
    if (user.role !== 'admin') return;
    const row = await data.get<{ count: number }>(`SELECT count(*) AS count FROM "user" WHERE role = 'admin'`);
    if ((row?.count ?? 0) > 1) return;
    throw new GatewayError('user.last-admin', 'this is the last administrator; make another one first', {
      facts: { name: user.name },
    });
  }

  return {
    list: async () => (await data.all<UserRow>('SELECT * FROM "user" ORDER BY name')).map(toUser),
    find,
    add: async (name, roleText, password, { gateways = null, actor = commandLine } = {}) => {
      checkForm(name, password);
      const role = parseDeskRole(roleText);
      if (!role)
        throw new GatewayError('user.invalid', `no role at a desk: ${roleText}`, { facts: { role: roleText } });
      const passwordHash = await passwords.hash(password);
      await data.write([
        {
          sql: `INSERT INTO "user" (name, role, password_hash, created_at, gateways) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO NOTHING`,
          params: [name, role, passwordHash, clock.now(), gateways === null ? null : JSON.stringify(gateways)],
        },
        // The hash is salted, so it is ours only if the row is.
        auditStatement(
          { at: clock.now(), by: actor, action: 'user.added', subject: `${name} ${role}` },
          { sql: 'EXISTS (SELECT 1 FROM "user" WHERE name = ? AND password_hash = ?)', params: [name, passwordHash] },
        ),
      ]);
      const user = await find(name);
      if (user?.passwordHash !== passwordHash) {
        throw new GatewayError('user.exists', `a user ${name} is there already`, { facts: { name } });
      }
      return user;
    },
    change: async (name, { role, gateways }, actor) => {
      const user = await known(name);
      if (role !== undefined && role !== 'admin') await keepAnAdmin(user);
      const next = { role: role ?? user.role, gateways: gateways === undefined ? user.gateways : gateways };
      await data.write([
        {
          sql: 'UPDATE "user" SET role = ?, gateways = ? WHERE name = ?',
          params: [next.role, next.gateways === null ? null : JSON.stringify(next.gateways), name],
        },
        audited(actor, 'user.changed', `${name} ${next.role} ${next.gateways?.join(',') ?? 'all gateways'}`),
      ]);
    },
    setPassword: async (name, password, actor = commandLine, keep) => {
      await known(name);
      checkForm(name, password);
      const hash = await passwords.hash(password);
      await data.write([
        { sql: 'UPDATE "user" SET password_hash = ? WHERE name = ?', params: [hash, name] },
        endLogins(name, keep),
        audited(actor, 'user.password', name),
      ]);
    },
    remove: async (name, actor = commandLine) => {
      await keepAnAdmin(await known(name));
      await data.write([
        endLogins(name),
        { sql: 'DELETE FROM push_subscription WHERE "user" = ?', params: [name] },
        { sql: 'DELETE FROM recovery_code WHERE "user" = ?', params: [name] },
        { sql: 'DELETE FROM "user" WHERE name = ?', params: [name] },
        audited(actor, 'user.removed', name),
      ]);
    },
    check: async (name, password) => {
      const user = await find(name);
      // Whether a name exists must not be told by how long the answer takes.
      nobodysHash ??= passwords.hash('nobody has this password');
      const right = await passwords.verify(user?.passwordHash ?? (await nobodysHash), password);
      return user && right ? user : null;
    },
  };
}
