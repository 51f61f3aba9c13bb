import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it, onTestFinished } from 'vitest';
import { recipientsOptions } from '../gateway/alerts/options.ts';
import { startTestApi } from '../gateway/api/test-client.ts';
import { createTestWorld } from '../gateway/api/test-world.ts';
import { createSharing } from '../gateway/app/sharing.ts';
import type { Change } from '../gateway/domain/change.ts';
import type { EvidenceId } from '../gateway/domain/ids.ts';
import { createEvidence, type EvidenceRow } from '../gateway/evidence/index.ts';
import { systemClock, type Clock, type EpochMs } from '../gateway/lib/clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { systemRandom } from '../gateway/lib/random.ts';
import { encodeDelivery } from '../gateway/channels/webhook/codec.ts';
import { someDelivery } from '../gateway/channels/contract.ts';

/** Sealed files, links and the API together: what a recipient can do with what stands in his notice. */

const legalBasis = '《治安管理处罚法》第一百零三条，调取证据通知书';
const recipients = recipientsOptions.parse([
  { id: 'station', name: '派出所', role: 'station', channel: 'desk', evidence: { legalBasis, linkFor: '1d' } },
  { id: 'property', name: '物业', role: 'community', channel: 'desk', evidence: { inlineUpTo: '0B' } },
]);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function opened() {
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-shared-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  let aheadMs = 0;
  const clock: Clock = { ...systemClock, now: () => (Date.now() + aheadMs) as EpochMs };
  const common = { clock, logger: silentLogger };
  const keys = [{ id: Buffer.alloc(4, 7), key: Buffer.alloc(32, 7) }];
  const rows = new Map<string, EvidenceRow>();
  const evidence = createEvidence({ ...common, dir, keys, random: systemRandom, isKnown: (id) => rows.has(id) });
  const keep = (change: Change): EvidenceId => {
    if (change.kind !== 'evidence-saved') throw new Error('no row');
    rows.set(change.id, change);
    return change.id;
  };
  const jpeg = await sharp({ create: { width: 320, height: 240, channels: 3, background: '#456' } })
    .composite([
      {
        input: await sharp({ create: { width: 8, height: 8, channels: 3, background: '#fa8' } })
          .png()
          .toBuffer(),
        left: 104,
        top: 60,
      },
    ])
    .jpeg()
    .toBuffer();
  const about = { camera: 'gate-1', capturedAt: Date.now() as EpochMs, alertId: null };
  const picture = keep((await evidence.save({ ...about, jpeg, faces: [[96, 52, 30, 36]] })).change);
  const bytes = Buffer.from('an mp4 of some length');
  const clip = keep((await evidence.saveClip({ ...about, bytes })).change);

  const audited: Extract<Change, { kind: 'audited' }>[] = [];
  const commit = (changes: readonly Change[]): Promise<void> => {
    audited.push(...changes.filter((change) => change.kind === 'audited'));
    return Promise.resolve();
  };
  const sharing = createSharing({ ...common, keys, recipients, publicUrl: 'https://gate.example', commit });
  const world = createTestWorld({
    clock,
    commit,
    evidence: {
      kindOf: (id) => rows.get(id)?.mediaKind,
      open: async (id, options) => {
        const row = rows.get(id);
        if (!row) throw new Error('no such row');
        return { contentType: 'image/jpeg', bytes: await evidence.read(row, options) };
      },
      openClip: async (id) => {
        const row = rows.get(id);
        if (!row) throw new Error('no such row');
        return { contentType: 'video/mp4', ...(await evidence.openClip(row)) };
      },
    },
    shared: sharing.api,
  });
  const { url } = await startTestApi(world);
  /** What the recipient gets of the two pieces. */
  const told = async (recipient: string, inlineUpToBytes = 0) => {
    const piece = (id: EvidenceId, kind: 'picture' | 'clip') => ({
      ...{ id, kind, mediaType: kind === 'clip' ? 'video/mp4' : 'image/jpeg', sha256: rows.get(id)?.sha256 },
      ...{ capturedAt: '2026-01-02T11:04:05+08:00', camera: 'gate-1' },
    });
    const delivery = someDelivery({
      recipient: recipient as (typeof recipients)[number]['id'],
      createdAt: Date.now() as EpochMs,
      data: { evidence: [piece(picture, 'picture'), piece(clip, 'clip')] },
    });
    const body = await encodeDelivery(delivery, {
      ...{ source: '/community/s/gateway/g', timeZone: 'Asia/Shanghai', inlineUpToBytes },
      evidence: {
        read: async (id) => {
          const row = rows.get(id);
          return row ? { jpeg: await evidence.read(row, { unblurred: false }) } : null;
        },
        share: (item, about) => sharing.share(rows.get(item.id), evidence, about),
        inlineUpToBytes: (id) => sharing.inlineUpToBytes(id),
      },
    });
    const { data } = JSON.parse(Buffer.from(body).toString()) as {
      data: {
        evidence: {
          id: string;
          kind: string;
          sha256: string;
          url?: string;
          inline?: string;
          original?: { url: string; sha256: string };
        }[];
      };
    };
    return data.evidence;
  };
  const follow = (link: string | undefined, headers: Record<string, string> = {}): Promise<Response> =>
    fetch((link ?? '').replace('https://gate.example', url), { headers });
  return { told, follow, audited, sharing, picture, clip, rows, jpeg, later: (ms: number) => (aheadMs = ms) };
}

describe('evidence by link', () => {
  it('is the blurred picture for everyone, without a login, with the hash that the notice gave', async () => {
    const { told, follow, audited, picture, jpeg } = await opened();
    const [item, ...others] = await told('property', 10_000_000);
    expect(others).toEqual([]); // Nobody is blurred in a clip: without a legal basis it is not even named.
    expect(item).toMatchObject({ id: picture, kind: 'picture' });
    expect(item?.inline).toBeUndefined(); // His own bound, not the channel's.
    expect(item?.original).toBeUndefined();
    const reply = await follow(item?.url);
    expect(reply.status).toBe(200);
    expect(reply.headers.get('cache-control')).toBe('no-store');
    const bytes = Buffer.from(await reply.arrayBuffer());
    expect(sha256(bytes)).toBe(item?.sha256);
    expect(bytes.equals(jpeg)).toBe(false);
    expect(audited.map(({ by, action, subject }) => [by, action, subject.replace(/ from .*/, '')])).toEqual([
      ['link of property', 'evidence-link-opened', `${picture} blurred`],
    ]);
    await follow(item?.url);
    expect(audited).toHaveLength(1); // The same look.
  });

  it('shows faces and clips under the legal basis, which stands in the log before a byte leaves', async () => {
    const { told, follow, audited, picture, clip, jpeg } = await opened();
    const [first, second] = await told('station', 10_000_000);
    expect(first?.inline).toBeDefined(); // Blurred as ever; the open one only by its own link.
    expect(sha256(Buffer.from(first?.inline ?? '', 'base64'))).toBe(first?.sha256);
    const open = Buffer.from(await (await follow(first?.original?.url)).arrayBuffer());
    expect(open.equals(jpeg)).toBe(true);
    expect(sha256(open)).toBe(first?.original?.sha256);
    expect(second).toMatchObject({ id: clip, kind: 'clip' });
    const part = await follow(second?.url, { range: 'bytes=3-5' });
    expect([part.status, await part.text()]).toEqual([206, 'mp4']);
    expect(audited.map(({ subject }) => subject.replace(/ from .*/, ''))).toEqual([
      `${picture} as-seen under ${legalBasis}`,
      `${clip} as-seen under ${legalBasis}`,
    ]);
  });

  it('that has ended, was altered or is another’s is refused in words, counted and audited', async () => {
    const { told, follow, audited, sharing } = await opened();
    const [item] = await told('property');
    const altered = (change: (url: URL) => void): string => {
      const url = new URL(item?.url ?? '');
      change(url);
      return url.href;
    };
    const answer = async (link: string): Promise<unknown> => {
      const reply = await follow(link);
      return [reply.status, ((await reply.json()) as { error: { code: string } }).error.code];
    };
    expect(await answer(altered((url) => url.searchParams.set('until', '1')))).toEqual([403, 'link.wrong']);
    expect(await answer(altered((url) => url.searchParams.set('form', 'as-seen')))).toEqual([
      403,
      'link.no-legal-basis',
    ]);
    expect(await answer(altered((url) => url.searchParams.set('to', 'station')))).toEqual([
      403,
      'link.other-recipient',
    ]);
    expect(await answer(altered((url) => url.searchParams.set('to', 'nobody')))).toEqual([
      403,
      'link.unknown-recipient',
    ]);
    expect(await answer(altered((url) => url.searchParams.set('sig', 'x')))).toEqual([403, 'link.wrong']);
    expect(sharing.refusals.counts().map(({ what, reason, count }) => [what, reason, count])).toEqual([
      ['evidence-link', 'forged', 2],
      ['evidence-link', 'no-legal-basis', 1],
      ['evidence-link', 'other-recipient', 1],
      ['evidence-link', 'unknown-recipient', 1],
    ]);
    // Of the two forged ones the first: whoever guesses by the thousand does not fill the log.
    expect(audited.map(({ action }) => action)).toEqual([
      'refused evidence-link: forged',
      'refused evidence-link: no-legal-basis',
      'refused evidence-link: other-recipient',
      'refused evidence-link: unknown-recipient',
    ]);
    // A person's browser is told in both languages.
    const page = await follow(
      altered((url) => url.searchParams.set('sig', 'x')),
      { accept: 'text/html' },
    );
    expect([page.status, page.headers.get('content-type')]).toEqual([403, 'text/plain; charset=utf-8']);
    expect(await page.text()).toMatch(/签名不符[\s\S]*signature of this link/);
  });

  it('says that it has ended, or that the piece is kept no longer', async () => {
    const { told, follow, rows, picture, later, sharing } = await opened();
    const [item] = await told('property');
    later(7 * 86_400_000 + 2000);
    const ended = await follow(item?.url);
    expect([ended.status, await ended.json()]).toEqual([
      410,
      { error: { code: 'link.expired', message: expect.stringContaining('this link has expired') as string } },
    ]);
    expect(sharing.refusals.counts()).toEqual([{ what: 'evidence-link', reason: 'expired', count: 1 }]);
    later(0);
    rows.delete(picture);
    expect((await follow(item?.url)).status).toBe(404);
  });

  it('is not made where the gateway has no address of its own', async () => {
    const { rows, picture } = await opened();
    const sharing = createSharing({
      ...{ keys: [{ id: Buffer.alloc(4, 7), key: Buffer.alloc(32, 7) }], recipients, publicUrl: null },
      ...{ commit: () => Promise.resolve(), clock: systemClock, logger: silentLogger },
    });
    const read = { read: () => Promise.reject(new Error('not asked for')) };
    expect(await sharing.share(rows.get(picture), read, someDelivery())).toBeNull();
    expect(sharing.clipsAreShared).toBe(false);
  });
});
