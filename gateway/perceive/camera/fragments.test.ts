import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, type EpochMs } from '../../lib/clock.ts';
import { payloadsOf } from '../../../test/support/simulators/rtp.ts';
import { createAccessUnitReader, type AccessUnit } from './access-units.ts';
import { createBoxSplitter } from './boxes.ts';
import { startCopyPull } from './copy-pull.ts';
import type { Fragment, InitSegment } from './fragment.ts';
import { createFragmentMemory } from './fragment-memory.ts';
import { createFragmentReader, type InitFacts, type ReadFragment } from './fragment-reader.ts';
import { splitAnnexB } from './nal-units.ts';
import { createReorder, type RtpPacket } from './rtp-packets.ts';
import { controlUrl, readAudioTrack, readVideoTrack } from './sdp.ts';
import { createStillDecoder } from './still-decoder.ts';
import { createStreamWriter } from './stream-writer.ts';

const dir = mkdtempSync(join(tmpdir(), 'kanmen-fragments-'));
const ffmpeg = (text: string): void => void execFileSync('ffmpeg', ['-v', 'error', '-y', ...text.split(' ')]);
const source = '-f lavfi -i testsrc2=size=322x182:rate=10:duration=2 -pix_fmt yuv420p';
const movflags = '-movflags frag_every_frame+empty_moov+default_base_moof+delay_moov -f mp4';
const codecs = [
  ['h264', 'libx264 -bf 0 -g 5 -tune zerolatency -x264-params aud=1', 'avc1.'],
  ['hevc', 'libx265 -x265-params keyint=5:bframes=0:log-level=none:aud=1', 'hvc1.1.6.L'],
] as const;

beforeAll(() => {
  for (const [codec, encoder] of codecs) {
    ffmpeg(`${source} -c:v ${encoder} -f ${codec} ${join(dir, codec)}`);
    ffmpeg(`-framerate 10 -i ${join(dir, codec)} -c copy ${join(dir, `${codec}.mp4`)}`);
    ffmpeg(`-i ${join(dir, `${codec}.mp4`)} -c copy ${movflags} ${join(dir, `${codec}-fragments.mp4`)}`);
  }
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function readAll(chunks: Iterable<Buffer>): { inits: InitFacts[]; fragments: ReadFragment[] } {
  const inits: InitFacts[] = [];
  const fragments: ReadFragment[] = [];
  const read = createFragmentReader({ init: (init) => inits.push(init), fragment: (one) => fragments.push(one) });
  for (const chunk of chunks) read(chunk);
  return { inits, fragments };
}
function* cut(bytes: Buffer, size: number): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
/** The coded pictures of an Annex B stream that has delimiters. */
function pictures(codec: 'h264' | 'hevc'): { nals: Buffer[]; key: boolean }[] {
  const out: { nals: Buffer[]; key: boolean }[] = [];
  for (const nal of splitAnnexB(readFileSync(join(dir, codec)))) {
    const type = codec === 'h264' ? nal[0]! & 31 : (nal[0]! >> 1) & 63;
    if (type === (codec === 'h264' ? 9 : 35)) out.push({ nals: [], key: false });
    else {
      out.at(-1)!.nals.push(Buffer.from(nal));
      if (codec === 'h264' ? type === 5 : type >= 16 && type < 24) out.at(-1)!.key = true;
    }
  }
  return out;
}
function packets(codec: 'h264' | 'hevc', maxBytes = 1400): RtpPacket[] {
  const out: RtpPacket[] = [];
  pictures(codec).forEach((picture, index) => {
    const payloads = codec === 'h264' ? payloadsOf(picture) : hevcPayloads(picture.nals, maxBytes);
    payloads.forEach((payload, number) => {
      const marker = number === payloads.length - 1;
      const place = { bytes: payload, from: 0, to: payload.length };
      out.push({ sequence: (65_530 + out.length) & 0xffff, timestamp: index * 9000, ssrc: 7, marker, ...place });
    });
  });
  return out;
}
/** RFC 7798: single NAL units and fragmentation units. */
function hevcPayloads(nals: readonly Buffer[], maxBytes: number): Buffer[] {
  return nals.flatMap((nal) => {
    if (nal.length <= maxBytes) return [nal];
    const pieces: Buffer[] = [];
    for (let at = 2; at < nal.length; at += maxBytes) {
      const flags = (at === 2 ? 0x80 : 0) | (at + maxBytes >= nal.length ? 0x40 : 0);
      const head = Buffer.of((nal[0]! & 0x81) | (49 << 1), nal[1]!, flags | ((nal[0]! >> 1) & 63));
      pieces.push(Buffer.concat([head, nal.subarray(at, at + maxBytes)]));
    }
    return pieces;
  });
}
function written(codec: 'h264' | 'hevc', list: readonly RtpPacket[]) {
  const inits: InitSegment[] = [];
  const fragments: Fragment[] = [];
  let streams = 0;
  const writer = createStreamWriter({
    codec,
    knownSets: [],
    clockRateHz: 90_000,
    clock: systemClock,
    memory: createFragmentMemory(),
    nextStream: () => (streams += 1),
    onBegin: (init) => inits.push(init),
    onFragment: (fragment) => {
      fragment.memory?.hold();
      fragments.push(fragment);
    },
  });
  const reader = createAccessUnitReader(codec, (unit: AccessUnit) => writer.take(unit));
  for (const packet of list) reader.take(packet);
  return { inits, fragments, counts: reader.counts };
}

describe.each(codecs)('%s as fragmented MP4', (codec, _encoder, mime) => {
  it('is read the same wherever the stream is cut', () => {
    const bytes = readFileSync(join(dir, `${codec}-fragments.mp4`));
    const whole = readAll([bytes]);
    expect(whole.inits).toHaveLength(1);
    expect(whole.inits[0]).toMatchObject({ codec, widthPx: 322, heightPx: 182 });
    expect(whole.inits[0]!.mimeCodec.startsWith(mime)).toBe(true);
    expect(whole.fragments.map(({ decodeMs }) => Math.round(decodeMs))).toEqual(
      Array.from({ length: 20 }, (_, index) => index * 100),
    );
    expect(whole.fragments.map(({ key }) => key)).toEqual(Array.from({ length: 20 }, (_, index) => index % 5 === 0));
    for (const size of [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 64, 1000, 4096]) {
      const pieces = readAll(cut(bytes, size));
      expect(pieces.fragments.map((one) => Buffer.compare(one.bytes, whole.fragments.shift()!.bytes) === 0)).toEqual(
        Array(20).fill(true),
      );
      whole.fragments.push(...pieces.fragments);
    }
    for (let at = 1; at < Math.min(bytes.length, 6000); at += 1) {
      const { fragments } = readAll([bytes.subarray(0, at), bytes.subarray(at)]);
      expect(fragments).toHaveLength(20);
    }
  });

  it('gives only whole fragments of a stream that ends anywhere', () => {
    const bytes = readFileSync(join(dir, `${codec}-fragments.mp4`));
    let last = 0;
    for (let length = 0; length <= bytes.length; length += length < 3000 ? 1 : 37) {
      const { fragments } = readAll([bytes.subarray(0, length)]);
      expect(fragments.length).toBeGreaterThanOrEqual(last);
      last = fragments.length;
    }
    expect(last).toBeGreaterThanOrEqual(19);
  });

  it('never does worse than refuse a stream with damaged bytes', () => {
    const bytes = readFileSync(join(dir, `${codec}-fragments.mp4`));
    for (let at = 0; at < Math.min(bytes.length, 3000); at += 1) {
      const damaged = Buffer.from(bytes);
      damaged[at] = damaged[at]! ^ (1 << (at % 8));
      try {
        readAll([damaged]);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }
  });

  it('is written from RTP so that ffmpeg decodes every picture at its time', () => {
    const { inits, fragments, counts } = written(codec, packets(codec, 200));
    expect(counts).toEqual({ lost: 0, incomplete: 0 });
    expect(inits).toMatchObject([{ stream: 1, codec, widthPx: 322, heightPx: 182 }]);
    expect(fragments.map(({ sequence, key, mediaTimeMs }) => [sequence, key, mediaTimeMs])).toEqual(
      Array.from({ length: 20 }, (_, index) => [index, index % 5 === 0, index * 100]),
    );
    const path = join(dir, `${codec}-written.mp4`);
    writeFileSync(path, Buffer.concat([inits[0]!.bytes, ...fragments.map(({ bytes }) => bytes)]));
    const hashes = (file: string): string =>
      execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-f', 'framemd5', '-'], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => !line.startsWith('#') && line !== '')
        .map((line) => line.split(',').at(-1)!.trim())
        .join(' ');
    expect(hashes(path)).toBe(hashes(join(dir, `${codec}.mp4`)));
    // What we write is what we read.
    const again = readAll([readFileSync(path)]);
    expect(again.inits[0]).toMatchObject({ mimeCodec: inits[0]!.mimeCodec, widthPx: 322, heightPx: 182 });
    expect(again.fragments.map(({ decodeMs, key }) => [decodeMs, key])).toEqual(
      fragments.map(({ mediaTimeMs, key }) => [mediaTimeMs, key]),
    );
    expect(again.fragments.map(({ sampleSizesBytes }) => sampleSizesBytes)).toEqual(
      fragments.map(({ sampleSizesBytes }) => sampleSizesBytes),
    );
  });

  it('loses nothing but the GOP whose packet is missing, wherever that was', () => {
    const all = packets(codec, 200);
    for (let missing = 0; missing < all.length; missing += 1) {
      const { fragments, counts } = written(
        codec,
        all.filter((_, index) => index !== missing),
      );
      expect(counts.lost).toBe(missing === 0 || missing === all.length - 1 ? 0 : 1);
      const times = fragments.map(({ mediaTimeMs, stream }) => `${stream}:${mediaTimeMs}`);
      expect(new Set(times).size).toBe(times.length);
      const gop = Math.floor(all[missing]!.timestamp / 9000 / 5);
      const kept = fragments.length;
      expect(kept).toBeGreaterThanOrEqual(gop === 3 ? 15 : 14);
      expect(fragments[0]!.key).toBe(true);
    }
  });

  it('is decoded key frame by key frame, each as itself', { timeout: 60_000 }, async () => {
    const { inits, fragments } = written(codec, packets(codec));
    const stills = createStillDecoder(systemClock);
    const sums: number[] = [];
    for (const key of [...fragments, ...fragments].filter((one) => one.key)) {
      const picture = await stills.decode(inits[0]!, key);
      expect(picture).toMatchObject({ widthPx: 640, heightPx: 360 });
      sums.push(picture!.yuv.reduce((sum, value) => sum + value, 0));
      picture!.release();
    }
    await stills.close();
    expect(new Set(sums.slice(0, 4)).size).toBe(4);
    expect(sums.slice(4)).toEqual(sums.slice(0, 4));
  });

  it('is copied from a file by ffmpeg in the same form', async () => {
    const inits: InitSegment[] = [];
    const fragments: Fragment[] = [];
    const pull = startCopyPull({
      input: ['-i', join(dir, `${codec}.mp4`)],
      clock: systemClock,
      captureTimes: { startsAt: 0 as EpochMs },
      nextStream: () => 1,
      sink: { begin: (init) => inits.push(init), take: (one) => fragments.push(one), end: () => undefined },
    });
    expect(await pull.ended).toEqual({ kind: 'ended', reason: 'the stream ended' });
    expect(inits[0]!.mimeCodec.startsWith(mime)).toBe(true);
    expect(fragments.map(({ capturedAtMs }) => capturedAtMs)).toEqual(
      Array.from({ length: 20 }, (_, index) => index * 100),
    );
    expect(pull.counts()).toMatchObject({ fragments: 20, keyFrames: 4 });
  });
});

describe('boxes', () => {
  it('are refused when their head is absurd', () => {
    for (const head of ['00000004', '00000000', 'ffffffff'])
      expect(() => createBoxSplitter()(Buffer.from(`${head}6d6f6f66`, 'hex'))).toThrow(RangeError);
    expect(() => createBoxSplitter()(Buffer.from('0000001000000001', 'hex'))).toThrow(RangeError);
  });
});

describe('streams', () => {
  it('begin anew when the camera sets its clock, starts again or changes its size, and not otherwise', () => {
    const all = packets('h264');
    const count = (change: (packet: RtpPacket) => RtpPacket): number => written('h264', all.map(change)).inits.length;
    const half = all[Math.floor(all.length / 2)]!.timestamp;
    const late = ({ timestamp }: RtpPacket): boolean => timestamp > half;
    expect(count((packet) => packet)).toBe(1);
    // RTP's 32 bits run over.
    expect(count((packet) => ({ ...packet, timestamp: (packet.timestamp + 2 ** 32 - 50_000) % 2 ** 32 }))).toBe(1);
    expect(count((packet) => (late(packet) ? { ...packet, timestamp: packet.timestamp + 90_000 * 60 } : packet))).toBe(
      2,
    );
    expect(count((packet) => (late(packet) ? { ...packet, ssrc: 8 } : packet))).toBe(2);
  });
});

describe('packets over UDP', () => {
  it('are put in order, once each, and one that never comes holds nothing up for long', () => {
    const packet = (sequence: number): RtpPacket => ({
      sequence: sequence & 0xffff,
      timestamp: 0,
      ssrc: 1,
      marker: false,
      ...{ bytes: Buffer.alloc(1), from: 0, to: 1 },
    });
    const out: number[] = [];
    const take = createReorder(({ sequence }) => out.push(sequence));
    for (const sequence of [65_534, 65_535, 65_537, 65_536, 65_536, 65_540, 65_539, 65_538, 65_530])
      take(packet(sequence));
    expect(out).toEqual([65_534, 65_535, 0, 1, 2, 3, 4]);
    out.length = 0;
    for (let sequence = 65_542; sequence < 65_542 + 40; sequence += 1) take(packet(sequence));
    expect(out[0]).toBe(6);
    expect(out).toHaveLength(40);
  });
});

describe('session descriptions', () => {
  it('name the video track, its parameter sets and where to set it up', () => {
    const sdp = [
      'v=0',
      'm=audio 0 RTP/AVP 8',
      'a=control:trackID=1',
      'm=video 0 RTP/AVP 97',
      'a=rtpmap:97 H265/90000',
      'a=fmtp:97 sprop-vps=QAEMAf//;sprop-sps=QgEBAWAAAAMA;sprop-pps=RAHA8w==',
      'a=control:trackID=2',
    ].join('\r\n');
    const { track } = readVideoTrack(sdp);
    expect(track).toMatchObject({ codec: 'hevc', payloadType: 97, clockRateHz: 90_000, control: 'trackID=2' });
    expect(track!.parameterSets.map((set) => (set[0]! >> 1) & 63)).toEqual([32, 33, 34]);
    expect(readVideoTrack('v=0\r\nm=video 0 RTP/AVP 26\r\n')).toEqual({ track: null, others: ['26'] });
    expect(readAudioTrack(sdp)).toMatchObject({
      codec: 'pcma',
      payloadType: 8,
      clockRateHz: 8000,
      control: 'trackID=1',
    });
    const aac =
      'streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408';
    expect(
      readAudioTrack(`v=0\nm=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/16000/1\na=fmtp:97 ${aac}\n`),
    ).toMatchObject({
      ...{ codec: 'aac', clockRateHz: 16_000, channels: 1, config: Buffer.of(0x14, 0x08), indexBits: 3, control: '*' },
    });
    expect(readAudioTrack('v=0\nm=audio 0 RTP/AVP 97\na=rtpmap:97 G726-32/8000\n')).toBeNull();
    expect(controlUrl('rtsp://cam/s?channel=1/', 'trackID=2')).toBe('rtsp://cam/s?channel=1/trackID=2');
    expect(controlUrl('rtsp://cam/s', '*')).toBe('rtsp://cam/s');
    expect(controlUrl('rtsp://cam/s', 'rtsp://cam/other')).toBe('rtsp://cam/other');
  });
});
