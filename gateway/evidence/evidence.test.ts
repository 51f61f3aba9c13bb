import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash, randomBytes } from 'node:crypto';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import type { EvidenceId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { isGatewayError } from '../lib/errors.ts';
import { systemRandom } from '../lib/random.ts';
import { createEvidence, seal, unseal, type EvidenceKey, type EvidenceRow } from './index.ts';

const keyOf = (fill: number): EvidenceKey => {
  const key = Buffer.alloc(32, fill);
  return { key, id: createHash('sha256').update(key).digest().subarray(0, 4) };
};
const key = keyOf(1);
const folders: string[] = [];
const folder = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-evidence-'));
  folders.push(dir);
  return dir;
};
afterEach(() => {
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
});
const codeThrown = (work: () => unknown): string | null => {
  try {
    work();
    return null;
  } catch (error) {
    return isGatewayError(error) ? error.code : String(error);
  }
};
/** Sharp vertical stripes: their variance tells whether a region was made coarse. */
async function stripes(): Promise<Buffer> {
  const pixels = Buffer.alloc(320 * 240 * 3);
  for (let i = 0; i < 320 * 240; i += 1) pixels.fill(i % 4 < 2 ? 0 : 255, i * 3, i * 3 + 3);
  return sharp(pixels, { raw: { width: 320, height: 240, channels: 3 } })
    .jpeg({ quality: 95 })
    .toBuffer();
}
async function deviation(
  jpeg: Uint8Array,
  box: { left: number; top: number; width: number; height: number },
): Promise<number> {
  const crop = await sharp(jpeg).extract(box).toBuffer();
  return (await sharp(crop).stats()).channels[0]!.stdev;
}

describe('sealed files', () => {
  it('opens what it sealed, for every size around a chunk', () => {
    for (const size of [0, 1, 65_535, 65_536, 65_537, 200_000]) {
      const plain = randomBytes(size);
      expect(unseal(seal(plain, key, randomBytes(7)), [key]).equals(plain)).toBe(true);
    }
  });
  it('refuses every truncation and every flipped bit of a small file', () => {
    const sealed = seal(Buffer.from('evidence'), key, randomBytes(7));
    for (let length = 0; length < sealed.length; length += 1)
      expect(codeThrown(() => unseal(sealed.subarray(0, length), [key]))).toBe('evidence.damaged');
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const altered = Buffer.from(sealed);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      expect(codeThrown(() => unseal(altered, [key]))).toBe('evidence.damaged');
    }
  });
  it('refuses a file that lost its last chunk or whose chunks changed places', () => {
    const sealed = seal(randomBytes(3 * 65_536), key, randomBytes(7));
    const stride = 65_536 + 16;
    const header = sealed.subarray(0, 15);
    const chunk = (i: number): Buffer => sealed.subarray(15 + i * stride, 15 + (i + 1) * stride);
    expect(codeThrown(() => unseal(sealed.subarray(0, sealed.length - stride), [key]))).toBe('evidence.damaged');
    expect(codeThrown(() => unseal(Buffer.concat([header, chunk(1), chunk(0), chunk(2)]), [key]))).toBe(
      'evidence.damaged',
    );
  });
  it('opens old files after the key was rotated and refuses them without the old key', () => {
    const sealed = seal(Buffer.from('x'), key, randomBytes(7));
    expect(unseal(sealed, [keyOf(2), key]).toString()).toBe('x');
    expect(codeThrown(() => unseal(sealed, [keyOf(2)]))).toBe('evidence.damaged');
  });
});

describe('evidence', () => {
  it('keeps pictures encrypted and gives them back with faces blurred unless told otherwise', async () => {
    const dir = folder();
    const evidence = createEvidence({ dir, keys: [key], random: systemRandom });
    const jpeg = await stripes();
    const face = [100, 80, 60, 72] as const;
    const { ref, change } = await evidence.save({
      jpeg,
      camera: 'gate',
      capturedAt: Date.UTC(2026, 0, 2) as EpochMs,
      faces: [face],
      alertId: null,
    });
    const row = change as unknown as EvidenceRow;
    const stored = readFileSync(join(dir, row.path));
    expect(stored.includes(Buffer.from([0xff, 0xd8, 0xff]))).toBe(false);
    const inside = { left: 100, top: 80, width: 60, height: 72 };
    const outside = { left: 220, top: 20, width: 60, height: 72 };
    const shown = await evidence.read(row, { unblurred: false });
    expect(await deviation(shown, inside)).toBeLessThan(25);
    expect(await deviation(shown, outside)).toBeGreaterThan(100);
    expect(createHash('sha256').update(shown).digest('hex')).toBe(ref.sha256);
    const plain = await evidence.read(row, { unblurred: true });
    expect(Buffer.from(plain).equals(jpeg)).toBe(true);
  });
  it('says that a file is missing or damaged', async () => {
    const dir = folder();
    const evidence = createEvidence({ dir, keys: [key], random: systemRandom });
    const { change } = await evidence.save({
      jpeg: await stripes(),
      camera: 'gate',
      capturedAt: 0 as EpochMs,
      faces: [],
      alertId: null,
    });
    const row = change as unknown as EvidenceRow;
    await expect(
      evidence.read({ ...row, id: 'e' as EvidenceId, path: 'no/such.kme' }, { unblurred: false }),
    ).rejects.toMatchObject({ code: 'evidence.missing' });
    const path = join(dir, row.path);
    writeFileSync(path, readFileSync(path).subarray(0, 500));
    await expect(evidence.read(row, { unblurred: false })).rejects.toMatchObject({ code: 'evidence.damaged' });
  });
  it('removes files once and does not mind those that are gone', async () => {
    const dir = folder();
    const evidence = createEvidence({ dir, keys: [key], random: systemRandom });
    const { change } = await evidence.save({
      jpeg: await stripes(),
      camera: 'gate',
      capturedAt: 0 as EpochMs,
      faces: [],
      alertId: null,
    });
    const { path } = change as unknown as EvidenceRow;
    await evidence.remove([path, path]);
    expect(readdirSync(join(dir, '1970-01-01'))).toEqual([]);
  });
});
