import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createFakeClock } from '../../lib/fake-clock.ts';
import { systemClock, type EpochMs } from '../../lib/clock.ts';
import { encodeStream, type EncodedStream } from '../../../test/support/encoded-stream.ts';
import type { Fragment, InitSegment } from './fragment.ts';
import { createFragmentMemory } from './fragment-memory.ts';
import { createFragmentRing, type Clip } from './ring.ts';

const dir = mkdtempSync(join(tmpdir(), 'kanmen-ring-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const at = (ms: number): EpochMs => ms as EpochMs;
const startMs = 1_000_000;

const encode = (codec: 'h264' | 'hevc', seconds: number, stream = 0): EncodedStream =>
  encodeStream({ codec, seconds, stream, startMs });

function probe(clip: Clip): { durationS: number; frames: number; codec: string; firstKey: boolean; starts: number } {
  const path = join(dir, 'clip.mp4');
  writeFileSync(path, clip.bytes);
  const told = JSON.parse(
    execFileSync('ffprobe', [
      ...['-v', 'error', '-of', 'json', '-show_format', '-show_streams', '-show_packets', path],
    ]).toString(),
  ) as {
    format: { duration: string; start_time: string };
    streams: { codec_name: string }[];
    packets: { flags: string; pts_time: string }[];
  };
  return {
    durationS: Number(told.format.duration),
    frames: told.packets.length,
    codec: told.streams[0]!.codec_name,
    firstKey: told.packets[0]!.flags.startsWith('K'),
    starts: Number(told.packets[0]!.pts_time),
  };
}
/** MD5 of each decoded picture. */
function pictures(bytes: Uint8Array, fromS: number | null = null): string[] {
  const path = join(dir, 'pictures.mp4');
  writeFileSync(path, bytes);
  return execFileSync('ffmpeg', [
    '-v',
    'error',
    '-xerror',
    ...(fromS === null ? [] : ['-ss', `${fromS}`]),
    '-i',
    path,
    '-f',
    'framemd5',
    '-',
  ])
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)!.trim());
}

describe('clips', () => {
  for (const codec of ['h264', 'hevc'] as const) {
    it(`play with the right length and the very pictures of that time: ${codec}`, async () => {
      const { init, fragments } = encode(codec, 8);
      const ring = createFragmentRing({ keepMs: 60_000, maxBytes: 50_000_000 }, systemClock);
      ring.begin(init);
      for (const fragment of fragments) ring.take(fragment);
      const clip = (await ring.clip({ fromAt: at(startMs + 3500), toAt: at(startMs + 6050) }))!;
      // From the key frame at 3 s up to the picture that was on at 6.05 s.
      expect([clip.startsAt, clip.endsAt]).toEqual([startMs + 3000, startMs + 6100]);
      expect(probe(clip)).toEqual({ durationS: 3.1, frames: 31, codec, firstKey: true, starts: 0 });
      const whole = pictures(Buffer.concat([init.bytes, ...fragments.map(({ bytes }) => bytes)]));
      expect(pictures(clip.bytes)).toEqual(whole.slice(30, 61));
      // After a jump too, which is how a browser begins: no picture twice, none left out.
      for (const [fromS, first] of [
        [0, 30],
        [1.45, 45],
      ] as const)
        expect(pictures(clip.bytes, fromS)).toEqual(whole.slice(first, 61));
      expect(clip).toMatchObject({ mimeCodec: init.mimeCodec, widthPx: 320, heightPx: 240 });
    });
  }

  it('wait for their end, and settle with what there is when the stream breaks', async () => {
    const { init, fragments } = encode('h264', 4);
    const ring = createFragmentRing({ keepMs: 60_000, maxBytes: 50_000_000 }, systemClock);
    ring.begin(init);
    for (const fragment of fragments.slice(0, 15)) ring.take(fragment);
    const whole = ring.clip({ fromAt: at(startMs + 1000), toAt: at(startMs + 2000) });
    const broken = ring.clip({ fromAt: at(startMs + 1000), toAt: at(startMs + 60_000) });
    for (const fragment of fragments.slice(15)) ring.take(fragment);
    expect(probe((await whole)!)).toMatchObject({ durationS: 1, frames: 10 });
    ring.end();
    expect(probe((await broken)!)).toMatchObject({ durationS: 3, frames: 30 });
  });

  it('settle by themselves when the camera has fallen silent', async () => {
    const clock = createFakeClock();
    const { init, fragments } = encode('h264', 1);
    const ring = createFragmentRing({ keepMs: 60_000, maxBytes: 50_000_000 }, clock);
    ring.begin(init);
    for (const fragment of fragments) ring.take(fragment);
    const clip = ring.clip({ fromAt: at(startMs), toAt: at(startMs + 5000) });
    await clock.advance(30_000);
    expect((await clip)!.endsAt).toBe(startMs + 1000);
  });

  it('never join two streams: the one that holds most of the time is taken', async () => {
    const first = encode('h264', 3, 0);
    const second = encode('hevc', 3, 1);
    const ring = createFragmentRing({ keepMs: 60_000, maxBytes: 50_000_000 }, systemClock);
    ring.begin(first.init);
    for (const fragment of first.fragments) ring.take(fragment);
    ring.end();
    ring.begin(second.init);
    for (const fragment of second.fragments) {
      ring.take({ ...fragment, capturedAtMs: at(fragment.capturedAtMs + 4000) });
    }
    const around = async (from: number, to: number): Promise<string> =>
      probe((await ring.clip({ fromAt: at(startMs + from), toAt: at(startMs + to) }))!).codec;
    expect(await around(500, 4500)).toBe('h264');
    expect(await around(2500, 6500)).toBe('hevc');
    expect(await ring.clip({ fromAt: at(0), toAt: at(100) })).toBeNull();
  });
});

/** Init segment and fragments that are only what the ring looks at: sizes, times, which is a key frame. */
const box = (type: string, ...contents: Uint8Array[]): Buffer => {
  const body = Buffer.concat(contents);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
};
const words = (...values: number[]): Buffer => {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => out.writeUInt32BE(value, index * 4));
  return out;
};
const smallInit = (stream: number): InitSegment => ({
  ...{ stream, codec: 'h264', mimeCodec: 'avc1.42c00d', widthPx: 2, heightPx: 2 },
  bytes: box('moov', box('trak', box('tkhd', words(0, 0, 0, 1)), box('mdia', box('mdhd', words(0, 0, 0, 1000, 0))))),
});
const smallFragment = (stream: number, sequence: number, key: boolean, sizeBytes: number, ms: number): Fragment => {
  const moof = box('moof', box('mfhd', words(0, 77)), box('traf', box('tfhd', words(0, 1)), box('tfdt', words(0, ms))));
  const bytes = Buffer.concat([moof, box('mdat', Buffer.alloc(sizeBytes))]);
  return {
    ...{ stream, sequence, key, bytes, sizeBytes: bytes.length, memory: null, sampleSizesBytes: [sizeBytes] },
    ...{ mediaTimeMs: ms, durationMs: 40, capturedAtMs: at(startMs + ms) },
  };
};

type Step =
  | { readonly kind: 'gop'; readonly frames: number; readonly sizeBytes: number }
  | { readonly kind: 'break'; readonly ms: number }
  | { readonly kind: 'stray' };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('gop' as const),
      frames: fc.integer({ min: 1, max: 40 }),
      sizeBytes: fc.integer({ min: 1, max: 3000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('break' as const), ms: fc.integer({ min: 0, max: 5000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stray' as const) }) },
);

/** What a clip holds: the times of its fragments, and their numbers. */
function contents({ bytes }: Clip): { numbers: number[]; times: number[] } {
  const buffer = Buffer.from(bytes);
  const numbers: number[] = [];
  const times: number[] = [];
  for (let offset = 0; offset < buffer.length; offset += buffer.readUInt32BE(offset)) {
    if (buffer.toString('latin1', offset + 4, offset + 8) !== 'moof') continue;
    numbers.push(buffer.readUInt32BE(buffer.indexOf('mfhd', offset) + 8));
    times.push(buffer.readUInt32BE(buffer.indexOf('tfdt', offset) + 8));
  }
  return { numbers, times };
}

describe('the ring', () => {
  it('whatever comes: stays within its bytes, begins with a key frame, and gives clips that begin with one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 500, max: 10_000 }),
        fc.integer({ min: 2000, max: 200_000 }),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 6000 })), {
          minLength: 1,
          maxLength: 5,
        }),
        async (steps, keepMs, maxBytes, spans) => {
          const ring = createFragmentRing({ keepMs, maxBytes }, systemClock);
          const fed: Fragment[] = [];
          let stream = 0;
          let ms = 0;
          let sequence = 0;
          ring.begin(smallInit(stream));
          const take = (fragment: Fragment): void => {
            fed.push(fragment);
            ring.take(fragment);
            const { sizeBytes, oldestAt, newestAt } = ring.report();
            expect(sizeBytes).toBeLessThanOrEqual(maxBytes);
            const oldest = fed.find(({ capturedAtMs }) => capturedAtMs === oldestAt);
            if (oldestAt !== null) {
              expect(oldest?.key).toBe(true);
              // Never more than one GOP older than wanted.
              const secondKey = fed.find(({ key, capturedAtMs }) => key && capturedAtMs > oldestAt);
              if (secondKey) expect(secondKey.capturedAtMs).toBeGreaterThan((newestAt ?? 0) - keepMs);
            }
            ms += 40;
            sequence += 1;
          };
          for (const each of steps) {
            if (each.kind === 'break') {
              ring.end();
              ms += each.ms;
              stream += 1;
              sequence = 0;
              ring.begin(smallInit(stream));
            } else if (each.kind === 'stray') {
              // A picture whose key frame never came.
              if (sequence === 0) take(smallFragment(stream, sequence, false, 10, ms));
            } else
              for (let frame = 0; frame < each.frames; frame += 1)
                take(smallFragment(stream, sequence, frame === 0, each.sizeBytes, ms));
          }
          ring.end();
          for (const [where, lengthMs] of spans) {
            const fromAt = at(startMs + Math.floor(where * ms));
            const clip = await ring.clip({ fromAt, toAt: at(fromAt + lengthMs) });
            if (!clip) continue;
            const first = fed.find(({ capturedAtMs }) => capturedAtMs === clip.startsAt)!;
            expect(first.key).toBe(true);
            const { numbers, times } = contents(clip);
            expect(numbers).toEqual(numbers.map((_number, index) => index + 1));
            // One stream, nothing left out, time from 0.
            expect(times).toEqual(times.map((_time, index) => index * 40));
            expect(clip.endsAt - clip.startsAt).toBe(times.length * 40);
            expect(clip.endsAt - 40).toBeLessThan(fromAt + lengthMs);
            const sameStream = fed.filter((fragment) => fragment.stream === first.stream);
            const nextKey = sameStream.find(({ key, capturedAtMs }) => key && capturedAtMs > clip.startsAt);
            if (nextKey && clip.startsAt < fromAt) expect(nextKey.capturedAtMs).toBeGreaterThan(fromAt);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('lets a GOP go that alone is too large, counts it and begins again with the next key frame', () => {
    const ring = createFragmentRing({ keepMs: 60_000, maxBytes: 5000 }, systemClock);
    ring.begin(smallInit(0));
    for (let n = 0; n < 12; n += 1) ring.take(smallFragment(0, n, n === 0, 500, n * 40));
    expect(ring.newest()).toBeNull();
    expect(ring.report()).toMatchObject({ sizeBytes: 0, fragments: 0, oldestAt: null, dropped: 1 });
    ring.take(smallFragment(0, 12, true, 500, 480));
    expect(ring.newest()?.fragments).toHaveLength(1);
  });

  it('gives who looks in now the newest key frame and all that followed', () => {
    const ring = createFragmentRing({ keepMs: 60_000, maxBytes: 50_000 }, systemClock);
    expect(ring.newest()).toBeNull();
    ring.begin(smallInit(3));
    for (let n = 0; n < 25; n += 1) ring.take(smallFragment(3, n, n % 10 === 0, 50, n * 40));
    const newest = ring.newest();
    expect(newest?.fragments.map(({ sequence }) => sequence)).toEqual([20, 21, 22, 23, 24]);
    expect(newest?.init.stream).toBe(3);
    ring.end();
    expect(ring.newest()).toBeNull();
  });

  it('holds the memory of what it keeps, and of what a clip waits for, and lets the rest be used again', async () => {
    const memory = createFragmentMemory();
    const { take: allocate } = memory.writer();
    const ring = createFragmentRing({ keepMs: 2000, maxBytes: 50_000_000 }, systemClock);
    ring.begin(smallInit(0));
    const feed = (from: number, to: number): void => {
      for (let n = from; n < to; n += 1) {
        const plain = smallFragment(0, n, n % 25 === 0, 8000, n * 40);
        const piece = allocate(plain.bytes.length);
        piece.bytes.set(plain.bytes);
        piece.bytes.fill(n & 0xff, plain.bytes.length - 8000);
        ring.take({ ...plain, ...piece });
      }
    };
    feed(0, 30);
    // Longer than the ring reaches back.
    const waiting = ring.clip({ fromAt: at(startMs), toAt: at(startMs + 12_000) });
    feed(30, 2000);
    const { bytes } = (await waiting)!;
    const marks: number[] = [];
    for (let offset = 0; offset < bytes.length;) {
      const length = Buffer.from(bytes.buffer, offset).readUInt32BE(0);
      if (Buffer.from(bytes.buffer, offset + 4, 4).toString('latin1') === 'mdat') {
        const content = new Set(bytes.subarray(offset + 8, offset + length));
        marks.push(content.size === 1 ? [...content][0]! : -1);
      }
      offset += length;
    }
    expect(marks).toEqual(Array.from({ length: 300 }, (_, n) => n & 0xff));
    // The ring holds 75 pictures of 8 kB at most, and the clip has held 300.
    expect(memory.report().slabs).toBeLessThanOrEqual(8);
    expect(memory.report().slabs - memory.report().ready).toBeLessThanOrEqual(3);
  });

  it('keeps no more clips waiting than it can hold', async () => {
    const ring = createFragmentRing({ keepMs: 60_000, maxBytes: 50_000 }, systemClock);
    ring.begin(smallInit(0));
    for (let n = 0; n < 10; n += 1) ring.take(smallFragment(0, n, n === 0, 50, n * 40));
    const span = { fromAt: at(startMs), toAt: at(startMs + 10_000) };
    const waiting = [1, 2, 3, 4].map(() => ring.clip(span));
    // The fifth gets what there is.
    expect((await ring.clip(span))?.endsAt).toBe(startMs + 400);
    ring.take(smallFragment(0, 10, false, 50, 400));
    ring.close();
    expect((await Promise.all(waiting)).map((clip) => clip?.endsAt)).toEqual(Array(4).fill(startMs + 440));
  });
});
