import { Secret, TOTP } from 'otpauth';
import { renderSVG } from 'uqr';
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { DeskAuditAction } from './audit-actions.ts';
import { auditStatement } from './audit.ts';
import type { DeskData, Statement } from './data/desk-data.ts';
import { sha256Hex, type DeskKeys } from './desk-key.ts';

export interface SecondFactor {
  /** A new secret for `name`, not in force before it is confirmed. */
  begin(name: string): Promise<{ readonly otpauth: string; readonly secret: string; readonly qrSvg: string }>;
  /** Puts the secret that was begun in force; null where the code is not of it. Answers the recovery codes, this once. */
  confirm(name: string, code: string): Promise<readonly string[] | null>;
  /** Whether the code is right now; a code, and a recovery code, works once. */
  check(name: string, code: string): Promise<boolean>;
  remove(name: string, actor: string): Promise<void>;
  recoveryCodesLeft(name: string): Promise<number>;
}

/** RFC 6238: 30 s steps; one step either way for telephones whose clock is a little off. */
const periodS = 30;
const windowSteps = 1;
const recoveryCodes = 10;
/** Crockford's: nothing that looks alike. 10 characters are 50 bits, and tries are limited. */
const letters = '0123456789abcdefghjkmnpqrstvwxyz';

interface Row {
  readonly totp: string | null;
  readonly totp_offer: string | null;
  readonly totp_step: number;
}

const normalCode = (code: string): string => code.toLowerCase().replace(/[^0-9a-z]/g, '');

export function createSecondFactor(options: {
  readonly data: DeskData;
  readonly keys: DeskKeys;
  readonly clock: Clock;
  readonly random: Random;
  /** The station's name: what the telephone shows beside the code. */
  readonly title: string;
}): SecondFactor {
  const { data, keys, clock, random, title } = options;
  const sealName = (name: string): string => `second factor of ${name}`;
  const rowOf = (name: string): Promise<Row | undefined> =>
    data.get<Row>('SELECT totp, totp_offer, totp_step FROM "user" WHERE name = ?', name);
  const totpOf = (sealed: string, name: string): TOTP =>
    new TOTP({
      issuer: title,
      label: name,
      secret: new Secret({ buffer: Uint8Array.from(keys.openText(sealed, sealName(name))).buffer }),
      period: periodS,
    });
  /** The step that the code is of; null if it is of none that counts now. */
  function stepOf(sealed: string, name: string, code: string): number | null {
    if (!/^\d{6}$/.test(code)) return null;
    const now = clock.now();
    const delta = totpOf(sealed, name).validate({ token: code, timestamp: now, window: windowSteps });
    return delta === null ? null : Math.floor(now / 1000 / periodS) + delta;
  }
  const newCode = (): string =>
    [...random.bytes(recoveryCodes)].map((byte) => letters[byte % letters.length] ?? '').join('');
  const audited = (by: string, action: DeskAuditAction, subject: string): Statement =>
    auditStatement({ at: clock.now(), by, action, subject });

  return {
    begin: async (name) => {
      const secret = random.bytes(20);
      const sealed = keys.sealText(secret, sealName(name));
      await data.write([{ sql: 'UPDATE "user" SET totp_offer = ? WHERE name = ?', params: [sealed, name] }]);
      const totp = totpOf(sealed, name);
      const otpauth = totp.toString();
      return { otpauth, secret: totp.secret.base32, qrSvg: renderSVG(otpauth) };
    },
    confirm: async (name, code) => {
      const row = await rowOf(name);
      if (row?.totp_offer == null) return null;
      const step = stepOf(row.totp_offer, name, code.replace(/\s/g, ''));
      if (step === null) return null;
      const codes = Array.from({ length: recoveryCodes }, newCode);
      await data.write([
        {
          sql: 'UPDATE "user" SET totp = totp_offer, totp_offer = NULL, totp_step = ? WHERE name = ?',
          params: [step, name],
        },
        { sql: 'DELETE FROM recovery_code WHERE "user" = ?', params: [name] },
        ...codes.map((each) => ({
          sql: 'INSERT INTO recovery_code ("user", sha256) VALUES (?, ?)',
          params: [name, sha256Hex(`${name} ${each}`)],
        })),
        audited(name, 'second-factor.on', name),
      ]);
      return codes.map((each) => `${each.slice(0, 5)}-${each.slice(5)}`);
    },
    check: async (name, given) => {
      const code = normalCode(given);
      const row = await rowOf(name);
      if (row?.totp == null) return false;
      const step = stepOf(row.totp, name, code);
      if (step !== null) {
        if (step <= row.totp_step) return false;
        // Of two requests with one code only one may get in: the step is taken where it is still free.
        const token = random.id();
        await data.write([
          {
            sql: `INSERT INTO setting (name, value) SELECT ?, ? FROM "user" WHERE name = ? AND totp_step < ?
                  ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
            params: [`totp ${name}`, token, name, step],
          },
          { sql: 'UPDATE "user" SET totp_step = ? WHERE name = ? AND totp_step < ?', params: [step, name, step] },
        ]);
        const taken = await data.get<{ value: string }>('SELECT value FROM setting WHERE name = ?', `totp ${name}`);
        return taken?.value === token;
      }
      const hash = sha256Hex(`${name} ${code}`);
      const at = clock.now();
      const before = await data.get<{ used_at: number | null }>(
        'SELECT used_at FROM recovery_code WHERE "user" = ? AND sha256 = ?',
        ...[name, hash],
      );
      if (!before || before.used_at !== null) return false;
      await data.write([
        // First, while it can be seen that it is unused.
        auditStatement(
          { at, by: name, action: 'second-factor.recovery', subject: name },
          {
            sql: 'EXISTS (SELECT 1 FROM recovery_code WHERE "user" = ? AND sha256 = ? AND used_at IS NULL)',
            params: [name, hash],
          },
        ),
        {
          sql: 'UPDATE recovery_code SET used_at = ? WHERE "user" = ? AND sha256 = ? AND used_at IS NULL',
          params: [at, name, hash],
        },
      ]);
      return true;
    },
    remove: (name, actor) =>
      data.write([
        { sql: 'UPDATE "user" SET totp = NULL, totp_offer = NULL, totp_step = 0 WHERE name = ?', params: [name] },
        { sql: 'DELETE FROM recovery_code WHERE "user" = ?', params: [name] },
        audited(actor, 'second-factor.off', name),
      ]),
    recoveryCodesLeft: async (name) =>
      (
        await data.get<{ count: number }>(
          'SELECT count(*) AS count FROM recovery_code WHERE "user" = ? AND used_at IS NULL',
          name,
        )
      )?.count ?? 0,
  };
}
