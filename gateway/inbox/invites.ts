import { renderSVG } from 'uqr';
import type { Clock, EpochMs } from '../lib/clock.ts';
import {
  agreedKey,
  isPairingProof,
  newKeyExchange,
  newPairingCode,
  pairingLink,
  pairingProof,
  stretchPairingCode,
} from '../lib/pairing.ts';
import type { Random } from '../lib/random.ts';
import { iso } from './alert-queries.ts';
import { auditStatement } from './audit.ts';
import type { DeskData } from './data/desk-data.ts';
import type { DeskKeys } from './desk-key.ts';
import { overlapMs, type GatewayBook } from './gateway-book.ts';
import type { Invitation, Invited, PairReply, PairRequest, RotateReply } from './shapes-gateways.ts';

/** Long enough to walk over to the gateway's cabinet and type it. */
const lifetimeMs = 30 * 60_000;
/** A code typed wrong gives a wrong proof; after so many the invitation is over. */
const maxTries = 5;
const listedMs = 7 * 86_400_000;
/** Requests of one address that named no invitation or proved nothing, in ten minutes. */
const maxStrangers = 30;
const strangersMs = 10 * 60_000;

export type PairResult =
  | { readonly kind: 'paired'; readonly reply: PairReply }
  /** One answer for every reason, so that nobody learns which invitations there are. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'too-many-tries' };

export interface Invites {
  /** `deskUrl`: how the gateway reaches this desk. */
  create(gateway: { readonly id: string; readonly name: string }, actor: string, deskUrl: string): Promise<Invited>;
  list(): Promise<Invitation[]>;
  /** False where there is no open one of this name. */
  cancel(invite: string, actor: string): Promise<boolean>;
  pair(request: PairRequest, address: string): Promise<PairResult>;
  /** A new key for a gateway that has proven itself with the one in use; null where its public key is none. */
  rotate(gateway: string, inUse: Uint8Array, publicKey: string): Promise<RotateReply | null>;
}

interface InviteRow {
  readonly invite: string;
  readonly gateway: string;
  readonly name: string;
  readonly sealed: string;
  readonly by_name: string;
  readonly created_at: EpochMs;
  readonly expires_at: EpochMs;
  readonly tries: number;
  readonly used_at: EpochMs | null;
  readonly cancelled_at: EpochMs | null;
}

const sealName = (invite: string): string => `invitation ${invite}`;

/** Invitations of gateways: short-lived, good once, few tries, every step on record. */
export function createInvites(options: {
  readonly data: DeskData;
  readonly book: GatewayBook;
  readonly keys: DeskKeys;
  readonly clock: Clock;
  readonly random: Random;
  readonly title: string;
}): Invites {
  const { data, book, keys, clock, random, title } = options;
  const strangers = new Map<string, { count: number; untilMs: number }>();

  const stateOf = (row: InviteRow): Invitation['state'] => {
    if (row.used_at !== null) return 'used';
    if (row.cancelled_at !== null) return 'cancelled';
    if (row.tries >= maxTries) return 'locked';
    return row.expires_at <= clock.now() ? 'expired' : 'open';
  };
  const toInvitation = (row: InviteRow): Invitation => ({
    invite: row.invite,
    gateway: { id: row.gateway, name: row.name },
    by: row.by_name,
    createdAt: iso(row.created_at),
    expiresAt: iso(row.expires_at),
    state: stateOf(row),
  });
  const rowOf = (invite: string): Promise<InviteRow | undefined> =>
    data.get<InviteRow>('SELECT * FROM invite WHERE invite = ?', invite);

  function noteStranger(address: string): void {
    const nowMs = clock.monotonic();
    for (const [key, { untilMs }] of strangers) if (untilMs <= nowMs) strangers.delete(key);
    const seen = strangers.get(address);
    if (seen) seen.count += 1;
    else strangers.set(address, { count: 1, untilMs: nowMs + strangersMs });
  }

  return {
    create: async (gateway, actor, deskUrl) => {
      const now = clock.now();
      let code = newPairingCode(random);
      // A name of 20 bits may be taken by one of the last weeks.
      while (await rowOf(code.invite)) code = newPairingCode(random);
      const row: InviteRow = {
        invite: code.invite,
        gateway: gateway.id,
        name: gateway.name,
        sealed: keys.sealText(await stretchPairingCode(code), sealName(code.invite)),
        by_name: actor,
        created_at: now,
        expires_at: (now + lifetimeMs) as EpochMs,
        tries: 0,
        used_at: null,
        cancelled_at: null,
      };
      await data.write([
        // One open code for one gateway: an earlier one is not to be found on a slip of paper and used.
        {
          sql: `UPDATE invite SET cancelled_at = ?
                WHERE gateway = ? AND used_at IS NULL AND cancelled_at IS NULL AND expires_at > ?`,
          params: [now, gateway.id, now],
        },
        {
          sql: `INSERT INTO invite (invite, gateway, name, sealed, by_name, created_at, expires_at)
                VALUES (?, ?, ?, ?, ?, ?, ?)`,
          params: [row.invite, row.gateway, row.name, row.sealed, row.by_name, now, row.expires_at],
        },
        auditStatement({ at: now, by: actor, action: 'gateway.invited', subject: `${gateway.id} ${code.invite}` }),
      ]);
      const link = pairingLink(code, deskUrl);
      return { ...toInvitation(row), code: code.text, link, qrSvg: renderSVG(link) };
    },
    list: async () => {
      const rows = await data.all<InviteRow>(
        'SELECT * FROM invite WHERE created_at > ? ORDER BY created_at DESC, invite',
        clock.now() - listedMs,
      );
      return rows.map(toInvitation);
    },
    cancel: async (invite, actor) => {
      const row = await rowOf(invite);
      if (!row || stateOf(row) !== 'open') return false;
      await data.write([
        {
          sql: 'UPDATE invite SET cancelled_at = ? WHERE invite = ? AND used_at IS NULL AND cancelled_at IS NULL',
          params: [clock.now(), invite],
        },
        auditStatement({
          at: clock.now(),
          by: actor,
          action: 'gateway.invite-cancelled',
          subject: `${row.gateway} ${invite}`,
        }),
      ]);
      return true;
    },
    pair: async (request, address) => {
      const seen = strangers.get(address);
      if (seen && seen.untilMs > clock.monotonic() && seen.count >= maxStrangers) return { kind: 'too-many-tries' };
      const row = await rowOf(request.invite);
      if (!row || stateOf(row) !== 'open') {
        noteStranger(address);
        return { kind: 'refused' };
      }
      const known = new Uint8Array(keys.openText(row.sealed, sealName(row.invite)));
      const { invite, publicKey, site, version } = request;
      const told = [invite, publicKey, site.id, site.name, version];
      const own = newKeyExchange();
      const keyInfo = [row.gateway, publicKey, own.publicKey];
      const key = isPairingProof(request.proof, known, 'gateway', told)
        ? agreedKey(own, publicKey, known, keyInfo)
        : null;
      const now = clock.now();
      if (!key) {
        noteStranger(address);
        await data.write([
          { sql: 'UPDATE invite SET tries = tries + 1 WHERE invite = ?', params: [invite] },
          auditStatement({ at: now, by: 'nobody', action: 'gateway.pair-wrong', subject: `${row.gateway} ${address}` }),
        ]);
        return { kind: 'refused' };
      }
      const mark = random.id();
      await data
        .write([
          // Of two at once only one may have it: the first writes its mark, the other finds it used.
          {
            sql: `INSERT INTO setting (name, value) SELECT ?, ? FROM invite
                WHERE invite = ? AND used_at IS NULL AND cancelled_at IS NULL AND tries < ?`,
            params: [`paired ${invite} ${row.created_at}`, mark, invite, maxTries],
          },
          { sql: 'UPDATE invite SET used_at = ? WHERE invite = ? AND used_at IS NULL', params: [now, invite] },
        ])
        .catch(() => undefined);
      const first = await data.get<{ value: string }>(
        'SELECT value FROM setting WHERE name = ?',
        `paired ${invite} ${row.created_at}`,
      );
      if (first?.value !== mark) return { kind: 'refused' };
      await data.write([
        ...book.joinStatements({ id: row.gateway, name: row.name, key }),
        auditStatement({
          ...{ at: now, by: row.by_name, action: 'gateway.paired' },
          subject: `${row.gateway} ${site.name} ${version} ${address}`,
        }),
      ]);
      await book.load();
      const gateway = { id: row.gateway, name: row.name };
      const proof = pairingProof(known, 'desk', [gateway.id, gateway.name, title, publicKey, own.publicKey]);
      return { kind: 'paired', reply: { gateway, title, publicKey: own.publicKey, proof } };
    },
    rotate: async (gateway, inUse, publicKey) => {
      const own = newKeyExchange();
      const key = agreedKey(own, publicKey, inUse, [gateway, publicKey, own.publicKey]);
      if (!key) return null;
      const now = clock.now();
      await data.write([
        ...book.addKeyStatements(gateway, key),
        auditStatement({ at: now, by: gateway, action: 'gateway.key-made', subject: gateway }),
      ]);
      await book.load();
      return { publicKey: own.publicKey, overlapUntil: iso(now + overlapMs) };
    },
  };
}
