import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { EvidenceId, RecipientId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { EvidenceKey } from '../lib/sealed/sealed-file.ts';

/** In which form a link gives a piece out: faces blurred, or as the camera saw it. */
export const linkForms = ['blurred', 'as-seen'] as const;
export type LinkForm = (typeof linkForms)[number];

export interface EvidenceLink {
  readonly id: EvidenceId;
  readonly recipient: RecipientId;
  readonly until: EpochMs;
  readonly form: LinkForm;
}

/** What stands in an address that somebody opens; nothing of it is believed before the signature fits. */
export interface AskedLink {
  readonly id: string;
  readonly to: string;
  /** Unix seconds. */
  readonly until: number;
  readonly form: LinkForm;
  readonly sig: string;
}

export const linkFaults = ['forged', 'expired', 'other-recipient', 'unknown-recipient', 'no-legal-basis'] as const;
export type LinkFault = (typeof linkFaults)[number];
export type LinkVerdict =
  | { readonly kind: 'good'; readonly link: EvidenceLink; readonly legalBasis: string | null }
  | { readonly kind: 'refused'; readonly fault: LinkFault };

/** Path below the gateway's address. */
export const linkPath = (id: string): string => `/api/shared-evidence/${encodeURIComponent(id)}`;

/** Signs links to single pieces of evidence, and checks those that come back. */
export interface EvidenceLinks {
  /** Path and query; the gateway's address goes before it. RangeError for `as-seen` to somebody without a legal basis. */
  make(link: EvidenceLink): string;
  check(asked: AskedLink, nowMs: number): LinkVerdict;
}

/**
 * Links hold whose they are, until when and in which form; HMAC-SHA256 over these, the path, and the legal basis that the
 * recipient has **now**: a basis that is taken back or reworded ends every link to faces that was given under it.
 * The key is HKDF (RFC 5869) of each evidence key: the first signs, all of them verify, so that links outlive a rotation.
 * `legalBasisOf`: undefined for somebody who is not configured (any more), null for one without a basis.
 */
export function createEvidenceLinks(given: {
  readonly keys: readonly EvidenceKey[];
  /** Those who are configured at this moment. */
  readonly recipients: () => readonly RecipientId[];
  readonly legalBasisOf: (recipient: RecipientId) => string | null | undefined;
}): EvidenceLinks {
  const keys = given.keys.map(
    ({ key }) => new Uint8Array(hkdfSync('sha256', key, new Uint8Array(), 'kanmen evidence link 1', 32)),
  );
  const [signing] = keys;
  if (!signing) throw new RangeError('links need a key to sign with');

  const signatureOf = (key: Uint8Array, asked: Omit<AskedLink, 'sig'>, legalBasis: string | null): Buffer =>
    createHmac('sha256', key)
      // JSON of an array: no two different lists of texts give the same bytes.
      .update(
        JSON.stringify([
          ...['kanmen-evidence-link-1', linkPath(asked.id), asked.to, asked.until, asked.form],
          asked.form === 'as-seen' ? legalBasis : null,
        ]),
      )
      .digest();

  /** Of every key, so that the time it takes does not tell which one fitted. */
  const fits = (asked: AskedLink, to: string): boolean => {
    const sig = Buffer.from(asked.sig, 'base64url');
    const legalBasis = given.legalBasisOf(to as RecipientId) ?? null;
    let found = false;
    for (const key of keys) {
      const expected = signatureOf(key, { ...asked, to }, legalBasis);
      if (sig.length === expected.length && timingSafeEqual(sig, expected)) found = true;
    }
    return found;
  };

  return {
    make: ({ id, recipient, until, form }) => {
      const legalBasis = given.legalBasisOf(recipient) ?? null;
      if (form === 'as-seen' && legalBasis === null)
        throw new RangeError(`no legal basis to show faces to ${recipient}`);
      const asked = { id, to: recipient, until: Math.floor(until / 1000), form };
      const sig = signatureOf(signing, asked, legalBasis).toString('base64url');
      const query = new URLSearchParams({ to: asked.to, until: String(asked.until), form, sig });
      return `${linkPath(id)}?${query.toString()}`;
    },
    check: (asked, nowMs) => {
      const refused = (fault: LinkFault): LinkVerdict => ({ kind: 'refused', fault });
      const legalBasis = given.legalBasisOf(asked.to as RecipientId);
      if (legalBasis === undefined) return refused('unknown-recipient');
      if (!fits(asked, asked.to)) {
        // Somebody has put another name into a link of ours.
        if (given.recipients().some((other) => other !== asked.to && fits(asked, other)))
          return refused('other-recipient');
        return refused(asked.form === 'as-seen' && legalBasis === null ? 'no-legal-basis' : 'forged');
      }
      if (asked.form === 'as-seen' && legalBasis === null) return refused('no-legal-basis');
      if (nowMs >= (asked.until + 1) * 1000) return refused('expired');
      return {
        kind: 'good',
        link: {
          id: asked.id as EvidenceId,
          recipient: asked.to as RecipientId,
          until: (asked.until * 1000) as EpochMs,
          form: asked.form,
        },
        legalBasis,
      };
    },
  };
}

/**
 * Until when a link in a delivery made at `createdAt` is good: `linkForMs`, made longer by halves the later it is sent, so
 * that whoever gets it after an outage has at least half of it left, and every try within one half says the same.
 */
export function linkUntil(createdAt: EpochMs, linkForMs: number, nowMs: number): EpochMs {
  const half = linkForMs / 2;
  const lateBy = Math.max(0, Math.floor((nowMs - createdAt) / half));
  return Math.floor(createdAt + linkForMs + lateBy * half) as EpochMs;
}
