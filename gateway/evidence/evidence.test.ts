import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createHash, randomBytes } from 'node:crypto';
import sharp from 'sharp';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { EvidenceId } from '../domain/ids.ts';
import { systemClock, type EpochMs } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { systemRandom } from '../lib/random.ts';
import {
  checkEvidenceKeys,
  createEvidence,
  loadEvidenceKeys,
  newEvidenceKey,
  type Evidence,
  type EvidenceKey,
  type EvidenceRow,
  type SavedEvidence,
} from './index.ts';

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
function open(dir: string, keys: readonly EvidenceKey[] = [key], known: readonly string[] = []): Evidence {
  const evidence = createEvidence({
    ...{ dir, keys, random: systemRandom, clock: systemClock, logger: silentLogger },
    isKnown: (id) => known.includes(id),
  });
  onTestFinished(() => evidence.stop());
  return evidence;
}
const begin = (evidence: Evidence): Promise<void> => evidence.start(new AbortController().signal);
const rowOf = ({ change }: SavedEvidence): EvidenceRow => change as unknown as EvidenceRow;
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
const about = { camera: 'gate', capturedAt: Date.UTC(2026, 0, 2) as EpochMs, alertId: null };

describe('pictures', () => {
  it('stand encrypted and come back with faces blurred unless told otherwise', async () => {
    const dir = folder();
    const evidence = open(dir);
    const jpeg = await stripes();
    const face = [100, 80, 60, 72] as const;
    const saved = await evidence.save({ ...about, jpeg, faces: [face] });
    const row = rowOf(saved);
    const stored = readFileSync(join(dir, row.path));
    expect(stored.includes(Buffer.from([0xff, 0xd8, 0xff]))).toBe(false);
    expect(saved.change).toMatchObject({ sizeBytes: stored.length, mediaKind: 'picture' });
    const inside = { left: 100, top: 80, width: 60, height: 72 };
    const outside = { left: 220, top: 20, width: 60, height: 72 };
    const shown = await evidence.read(row, { unblurred: false });
    expect(await deviation(shown, inside)).toBeLessThan(25);
    expect(await deviation(shown, outside)).toBeGreaterThan(100);
    expect(createHash('sha256').update(shown).digest('hex')).toBe(saved.ref.sha256);
    const plain = await evidence.read(row, { unblurred: true });
    expect(Buffer.from(plain).equals(jpeg)).toBe(true);
  });

  it('that are missing, damaged or put in the place of another are refused by name', async () => {
    const dir = folder();
    const evidence = open(dir);
    const picture = { ...about, jpeg: await stripes(), faces: [] };
    const row = rowOf(await evidence.save(picture));
    const other = rowOf(await evidence.save(picture));
    await expect(evidence.read({ ...row, path: 'no/such.kme' }, { unblurred: false })).rejects.toMatchObject({
      code: 'evidence.missing',
    });
    const path = join(dir, row.path);
    const whole = readFileSync(path);
    writeFileSync(path, readFileSync(join(dir, other.path)));
    await expect(evidence.read(row, { unblurred: false })).rejects.toMatchObject({ code: 'evidence.damaged' });
    writeFileSync(path, whole.subarray(0, 500));
    await expect(evidence.read(row, { unblurred: false })).rejects.toMatchObject({ code: 'evidence.damaged' });
  });

  it('are removed once, and nobody minds those that are gone', async () => {
    const dir = folder();
    const evidence = open(dir);
    const { path } = await evidence.save({ ...about, jpeg: await stripes(), faces: [] });
    await evidence.remove([path, path]);
    expect(readdirSync(join(dir, '2026-01-02'))).toEqual([]);
  });
});

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

describe('clips', () => {
  const bytes = randomBytes(5 * 65_536 + 77);
  const save = async (dir: string): Promise<{ evidence: Evidence; row: EvidenceRow; path: string }> => {
    const evidence = open(dir);
    const row = rowOf(await evidence.saveClip({ ...about, bytes, id: 'clip-1' as EvidenceId }));
    return { evidence, row, path: join(dir, row.path) };
  };

  it('come back whole and from any place in the middle', async () => {
    const { evidence, row, path } = await save(folder());
    expect(row).toMatchObject({ id: 'clip-1', mediaKind: 'clip', faces: [] });
    expect(row.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(readFileSync(path).includes(bytes.subarray(1000, 1032))).toBe(false);
    const clip = await evidence.openClip(row);
    expect(clip.sizeBytes).toBe(bytes.length);
    expect((await collect(clip.read())).equals(bytes)).toBe(true);
    for (const [first, last] of [
      [0, 0],
      [65_535, 65_536],
      [100_000, 300_000],
      [bytes.length - 1, bytes.length - 1],
    ] as const)
      expect((await collect(clip.read({ first, last }))).equals(bytes.subarray(first, last + 1)), `${first}`).toBe(
        true,
      );
  });

  it('with an altered chunk give out what comes before it and then stop', async () => {
    const { evidence, row, path } = await save(folder());
    const altered = readFileSync(path);
    altered[3 * 65_536]! ^= 1;
    writeFileSync(path, altered);
    const clip = await evidence.openClip(row);
    expect((await collect(clip.read({ first: 0, last: 100_000 }))).equals(bytes.subarray(0, 100_001))).toBe(true);
    await expect(collect(clip.read())).rejects.toMatchObject({ code: 'evidence.damaged', facts: { chunk: 2 } });
    await expect(collect(clip.read({ first: 150_000, last: 150_010 }))).rejects.toMatchObject({
      code: 'evidence.damaged',
    });
  });

  it('that lost their end are refused before a byte is read', async () => {
    const { evidence, row, path } = await save(folder());
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, 32 + 2 * (65_536 + 16)));
    await expect(evidence.openClip(row)).rejects.toMatchObject({ code: 'evidence.damaged' });
    // A liar who also rewrites the length in the header is caught by the first chunk: the header is sealed with it.
    const shortened = Buffer.from(whole.subarray(0, 32 + 2 * (65_536 + 16)));
    shortened.writeBigUInt64BE(BigInt(2 * 65_536), 24);
    writeFileSync(path, shortened);
    const clip = await evidence.openClip(row);
    await expect(collect(clip.read({ first: 0, last: 10 }))).rejects.toMatchObject({ code: 'evidence.damaged' });
  });

  it('let go of their file when the reader has had enough', async () => {
    const { evidence, row } = await save(folder());
    const handles = (): number => readdirSync('/proc/self/fd').length;
    const clip = await evidence.openClip(row);
    const before = handles();
    for (let turn = 0; turn < 20; turn += 1) for await (const piece of clip.read()) if (piece.length > 0) break;
    expect(handles()).toBeLessThanOrEqual(before);
  });
});

describe('keys', () => {
  const random = systemRandom;
  const place = (dir: string) => ({ dir: join(dir, 'evidence'), ownFile: join(dir, 'evidence.key') });
  const keyFile = (dir: string, name: string): string => {
    const path = join(dir, name);
    writeFileSync(path, newEvidenceKey(random));
    return path;
  };

  it('are made at the first start and never again', async () => {
    const dir = folder();
    const none = { previousKeyFiles: [] };
    expect(loadEvidenceKeys(none, place(dir), null)).toEqual([]);
    const keys = loadEvidenceKeys(none, place(dir), random);
    expect(loadEvidenceKeys(none, place(dir), random)).toEqual(keys);
    await begin(open(place(dir).dir, keys));
    rmSync(place(dir).ownFile);
    for (const maker of [random, null])
      expect(() => loadEvidenceKeys(none, place(dir), maker)).toThrow(/the evidence key is gone: .*evidence\.key/);
  });

  it('that do not open what stands there stop the start, and say which key is wanted', async () => {
    const dir = folder();
    const first = open(dir);
    await begin(first);
    const { path } = await first.save({ ...about, jpeg: await stripes(), faces: [] });
    await first.stop();
    const wanted = Buffer.from(key.id).toString('hex');
    await expect(begin(open(dir, [keyOf(2)]))).rejects.toMatchObject({
      code: 'evidence.wrong-key',
      message: expect.stringContaining(wanted) as string,
      facts: { keyId: wanted, example: path },
    });
    await expect(checkEvidenceKeys(dir, [keyOf(2)], { note: false })).rejects.toThrow(wanted);
    // Rotation: the new key seals, the old one still opens.
    const rotated = open(dir, [keyOf(2), key], [path.slice(11, -4)]);
    await begin(rotated);
    const { path: younger } = await rotated.save({ ...about, jpeg: await stripes(), faces: [] });
    await rotated.stop();
    // Once nothing stands that the old key sealed, it may go.
    await rotated.remove([path]);
    await begin(open(dir, [keyOf(2)], [younger.slice(11, -4)]));
    await expect(begin(open(dir, [key]))).rejects.toMatchObject({ code: 'evidence.wrong-key' });
  });

  it('that cannot be read or are none are named with their file', () => {
    const dir = folder();
    const good = keyFile(dir, 'good.key');
    const bad = join(dir, 'bad.key');
    writeFileSync(bad, 'not hex');
    const load = (keys: Parameters<typeof loadEvidenceKeys>[0]) => () => loadEvidenceKeys(keys, place(dir), random);
    expect(load({ keyFile: good, previousKeyFiles: [keyFile(dir, 'old.key')] })()).toHaveLength(2);
    expect(load({ keyFile: bad, previousKeyFiles: [] })).toThrow(/not an evidence key .*bad\.key/);
    expect(load({ keyFile: good, previousKeyFiles: [join(dir, 'gone.key')] })).toThrow(/cannot be read: .*gone\.key/);
  });
});

describe('what a crash has left', () => {
  it('is deleted at the next start: halves, and files without a row; nothing that is newer than the start', async () => {
    const dir = folder();
    const before = open(dir);
    const saved = await Promise.all(
      [1, 2, 3].map(async () => before.save({ ...about, jpeg: await stripes(), faces: [] })),
    );
    const [known, orphan, young] = saved.map(({ path }) => join(dir, path)) as [string, string, string];
    const half = join(dir, '2026-01-03', 'x.kme.part');
    mkdirSync(dirname(half));
    writeFileSync(half, 'half');
    const empty = join(dir, '2026-01-01');
    mkdirSync(empty);
    writeFileSync(join(dir, 'note.txt'), 'not ours');
    const longAgo = new Date(Date.now() - 60_000);
    for (const path of [known, orphan, half, dirname(half), empty]) utimesSync(path, longAgo, longAgo);
    const later = new Date(Date.now() + 60_000);
    utimesSync(young, later, later);
    const evidence = open(dir, [key], [saved[0]!.ref.id]);
    await begin(evidence);
    const files = (): string[] => readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();
    await expect
      .poll(files)
      .toEqual([...['2026-01-02', 'keys.json', 'note.txt'], saved[0]!.path, saved[2]!.path].sort());
  });
});
