import { describe, expect, it } from 'vitest';
import type { EvidenceId, RecipientId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { createEvidenceLinks, linkUntil, type AskedLink, type EvidenceLinks } from './links.ts';

const key = (byte: number) => ({ id: Buffer.alloc(4, byte), key: Buffer.alloc(32, byte) });
const station = 'station' as RecipientId;
const property = 'property' as RecipientId;
const picture = 'p-1' as EvidenceId;
const now = Date.UTC(2026, 0, 2);
const until = (now + 3_600_000) as EpochMs;
const basis = '《公安机关办理行政案件程序规定》第二十八条';

const linksOf = (bases: Readonly<Record<string, string | null>>, keys = [key(1)]): EvidenceLinks =>
  createEvidenceLinks({
    keys,
    recipients: () => Object.keys(bases) as RecipientId[],
    legalBasisOf: (recipient) => bases[recipient],
  });
const plain = { station: null, property: null };

function askedOf(address: string): AskedLink {
  const url = new URL(address, 'http://gate');
  const of = (name: string): string => url.searchParams.get(name) ?? '';
  return {
    id: decodeURIComponent(url.pathname.split('/').at(-1) ?? ''),
    to: of('to'),
    until: Number(of('until')),
    form: of('form') as AskedLink['form'],
    sig: of('sig'),
  };
}

describe('a signed link', () => {
  it('opens one piece, for one recipient, in one form, until its end', () => {
    const links = linksOf(plain);
    const asked = askedOf(links.make({ id: picture, recipient: station, until, form: 'blurred' }));
    expect(links.check(asked, now)).toEqual({
      kind: 'good',
      link: { id: picture, recipient: station, until, form: 'blurred' },
      legalBasis: null,
    });
    expect(links.check(asked, until + 999)).toMatchObject({ kind: 'good' });
    expect(links.check(asked, until + 1000)).toEqual({ kind: 'refused', fault: 'expired' });
  });

  it('is refused when any part of it is another', () => {
    const links = linksOf({ station: basis, property: null });
    const asked = askedOf(links.make({ id: picture, recipient: station, until, form: 'blurred' }));
    const fault = (changed: Partial<AskedLink>) => {
      const verdict = links.check({ ...asked, ...changed }, now);
      return verdict.kind === 'refused' ? verdict.fault : 'good';
    };
    expect(fault({ id: 'p-2' })).toBe('forged');
    expect(fault({ until: asked.until + 1 })).toBe('forged');
    expect(fault({ form: 'as-seen' })).toBe('forged');
    expect(fault({ to: 'property' })).toBe('other-recipient');
    expect(fault({ to: 'nobody' })).toBe('unknown-recipient');
    expect(fault({ sig: '' })).toBe('forged');
    expect(fault({ sig: asked.sig.slice(0, -2) })).toBe('forged');
    const bytes = Buffer.from(asked.sig, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(fault({ sig: flipped.toString('base64url') })).toBe('forged');
    }
  });

  it('of another gateway is forged here', () => {
    const asked = askedOf(linksOf(plain, [key(2)]).make({ id: picture, recipient: station, until, form: 'blurred' }));
    expect(linksOf(plain).check(asked, now)).toEqual({ kind: 'refused', fault: 'forged' });
  });

  it('outlives a change of the evidence key, as long as the old one is configured', () => {
    const asked = askedOf(linksOf(plain).make({ id: picture, recipient: station, until, form: 'blurred' }));
    expect(linksOf(plain, [key(2), key(1)]).check(asked, now)).toMatchObject({ kind: 'good' });
    expect(linksOf(plain, [key(2)]).check(asked, now)).toMatchObject({ kind: 'refused' });
  });

  it('shows faces only under a legal basis, and ends with that basis', () => {
    const links = linksOf({ station: basis, property: null });
    const link = { id: picture, recipient: station, until, form: 'as-seen' } as const;
    expect(() => links.make({ ...link, recipient: property })).toThrow(/no legal basis/);
    const asked = askedOf(links.make(link));
    expect(links.check(asked, now)).toMatchObject({ kind: 'good', legalBasis: basis });
    expect(linksOf(plain).check(asked, now)).toEqual({ kind: 'refused', fault: 'no-legal-basis' });
    expect(linksOf({ station: `${basis}（修订）` }).check(asked, now)).toEqual({ kind: 'refused', fault: 'forged' });
  });

  it('holds nothing of what is to be seen: ids, an end, a form and a signature', () => {
    const made = linksOf({ station: basis }).make({ id: picture, recipient: station, until, form: 'as-seen' });
    expect(made.replace(/sig=[\w-]{43}$/, 'sig=…')).toBe(
      `/api/shared-evidence/p-1?to=station&until=${until / 1000}&form=as-seen&sig=…`,
    );
  });
});

describe('the end of a link', () => {
  const made = now as EpochMs;
  const day = 86_400_000;

  it('is the same for every try within half its time, and leaves half of it to what comes late', () => {
    expect(linkUntil(made, 2 * day, now)).toBe(now + 2 * day);
    expect(linkUntil(made, 2 * day, now + day - 1)).toBe(now + 2 * day);
    for (const lateMs of [day, 3.5 * day, 40 * day]) {
      const left = linkUntil(made, 2 * day, now + lateMs) - (now + lateMs);
      expect(left).toBeGreaterThan(day);
      expect(left).toBeLessThanOrEqual(2 * day);
    }
  });

  it('is not moved by a clock that was set back', () => {
    expect(linkUntil(made, 2 * day, now - 50 * day)).toBe(now + 2 * day);
  });
});
