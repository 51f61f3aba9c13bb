import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeStream } from '../../../test/support/encoded-stream.ts';
import type { CameraId } from '../../domain/ids.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { Fragment, InitSegment } from '../camera/fragment.ts';
import type { LiveFragment } from '../camera/ring-outlet.ts';
import { createLiveHub, type LiveListener } from './live-hub.ts';
import { createMpeg1View, type Mpeg1Listener } from './mpeg1.ts';
import { createTsCutter, type TsChunk } from './ts-packets.ts';

const gate = 'gate' as CameraId;
const init = (stream: number): InitSegment => ({
  ...{ stream, codec: 'h264', mimeCodec: 'avc1.42c00d', widthPx: 2, heightPx: 2, bytes: new Uint8Array(4) },
});
const fragment = (key: boolean, name: number, sizeBytes = 1): LiveFragment => ({
  ...{ key, bytes: new Uint8Array(sizeBytes).fill(name), mediaTimeMs: name * 40, durationMs: 40 },
  capturedAtMs: (1000 + name * 40) as LiveFragment['capturedAtMs'],
});
const live = ({ key, bytes, mediaTimeMs, durationMs, capturedAtMs }: Fragment): LiveFragment => ({
  ...{ key, bytes: new Uint8Array(bytes), mediaTimeMs, durationMs, capturedAtMs },
});

function begin() {
  const told: string[] = [];
  const hub = createLiveHub((camera, on) => told.push(`${camera} ${on ? 'on' : 'off'}`));
  const viewer = () => {
    const heard: string[] = [];
    const listener: LiveListener = {
      begin: ({ stream }) => heard.push(`begin ${stream}`),
      take: ({ key, bytes }) => heard.push(`${key ? 'key ' : ''}${bytes[0]}`),
      end: () => heard.push('end'),
      seen: ({ plates }) => heard.push(`seen ${plates.length}`),
    };
    return { heard, leave: hub.watch(gate, listener) };
  };
  return { told, hub, viewer };
}

describe('live hub', () => {
  it('asks for a stream with the first viewer, gives everyone the newest key frame, and stops with the last', () => {
    const { told, hub, viewer } = begin();
    const first = viewer();
    hub.begin(gate, init(1));
    for (const [key, name] of [
      [true, 1],
      [false, 2],
      [true, 3],
      [false, 4],
    ] as const)
      hub.take(gate, fragment(key, name));
    const second = viewer();
    hub.take(gate, fragment(false, 5));
    hub.seen(gate, { capturedAt: 0 as never, widthPx: 1, heightPx: 1, plates: [], faces: [] });
    expect(first.heard).toEqual(['begin 1', 'key 1', '2', 'key 3', '4', '5', 'seen 0']);
    expect(second.heard).toEqual(['begin 1', 'key 3', '4', '5', 'seen 0']);
    first.leave();
    first.leave();
    expect([told, hub.watchers(gate)]).toEqual([['gate on'], 1]);
    second.leave();
    expect([told, hub.watched()]).toEqual([['gate on', 'gate off'], []]);
    // What was still on its way.
    hub.take(gate, fragment(true, 6));
    expect(viewer().heard).toEqual([]);
  });

  it('keeps no pictures of a stream that has broken off, nor more than a viewer can use', () => {
    const { hub, viewer } = begin();
    const first = viewer();
    hub.begin(gate, init(1));
    hub.take(gate, fragment(true, 1));
    hub.end(gate);
    expect(viewer().heard).toEqual([]);
    hub.begin(gate, init(2));
    hub.take(gate, fragment(true, 2));
    for (let n = 0; n < 9; n += 1) hub.take(gate, fragment(false, 3, 1_000_000));
    expect(viewer().heard).toEqual(['begin 2']);
    expect(first.heard.slice(0, 4)).toEqual(['begin 1', 'key 1', 'end', 'begin 2']);
  });
});

/** Children of this process that are ffmpeg with a pipe for input. */
function transcoders(): number {
  const self = Number(readFileSync('/proc/self/stat', 'utf8').split(' ')[0]);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
        return Number(parent) === self && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('mpeg1video');
      } catch {
        // It ended while we looked.
        return false;
      }
    }).length;
}

describe('transcoding for JSMpeg', () => {
  for (const codec of ['h264', 'hevc'] as const) {
    it(`starts with the first viewer, gives MPEG-1 that decodes, and ends with the last: ${codec}`, async () => {
      const source = encodeStream({ codec, seconds: 8, framesPerSecond: 25, startMs: 1000 });
      const { hub } = begin();
      const view = createMpeg1View({ live: hub, atOnce: 1, clock: systemClock, logger: silentLogger });
      onTestFinished(() => view.close());
      const chunks: TsChunk[] = [];
      const late: TsChunk[] = [];
      const listener = (into: TsChunk[]): Mpeg1Listener => ({
        take: (chunk) => into.push(chunk),
        seen: () => undefined,
      });
      expect(transcoders()).toBe(0);
      const leave = view.watch(gate, listener(chunks))!;
      hub.begin(gate, source.init);
      // From the middle of a GOP on: nothing that cannot be decoded is fed.
      for (const each of source.fragments.slice(5)) hub.take(gate, live(each));
      await expect.poll(() => chunks.filter(({ key }) => key).length, { timeout: 20_000 }).toBeGreaterThan(2);
      expect(transcoders()).toBe(1);
      expect(view.watch('other' as CameraId, listener([]))).toBeNull();
      const leaveToo = view.watch(gate, listener(late))!;
      expect([transcoders(), view.running()]).toEqual([1, [gate]]);
      leave();
      expect(transcoders()).toBe(1);
      leaveToo();
      await expect.poll(transcoders, { timeout: 10_000 }).toBe(0);
      expect(hub.watchers(gate)).toBe(0);
      const dir = mkdtempSync(join(tmpdir(), 'kanmen-mpeg1-'));
      onTestFinished(() => rmSync(dir, { recursive: true }));
      const path = join(dir, 'live.ts');
      writeFileSync(path, Buffer.concat(chunks.map(({ bytes }) => bytes)));
      const told = JSON.parse(
        execFileSync('ffprobe', [
          ...['-v', 'error', '-of', 'json', '-count_frames', '-show_entries', 'stream=codec_name,width,nb_read_frames'],
          path,
        ]).toString(),
      ) as { streams: { codec_name: string; width: number; nb_read_frames: string }[] };
      expect(told.streams[0]).toMatchObject({ codec_name: 'mpeg1video', width: 320 });
      expect(Number(told.streams[0]?.nb_read_frames)).toBeGreaterThan(30);
    });
  }

  it('starts anew with a new stream, and leaves no child behind when it is closed', async () => {
    const { hub } = begin();
    const view = createMpeg1View({ live: hub, atOnce: 1, clock: systemClock, logger: silentLogger });
    const chunks: TsChunk[] = [];
    view.watch(gate, { take: (chunk) => chunks.push(chunk), seen: () => undefined });
    for (const [stream, size] of [
      [0, '320x240'],
      [1, '160x120'],
    ] as const) {
      const source = encodeStream({ codec: 'h264', seconds: 4, framesPerSecond: 25, size, stream, startMs: 1000 });
      hub.begin(gate, source.init);
      const before = chunks.length;
      for (const each of source.fragments) hub.take(gate, live(each));
      await expect.poll(() => chunks.length, { timeout: 20_000 }).toBeGreaterThan(before + 3);
      expect(transcoders()).toBe(1);
    }
    view.close();
    await expect.poll(transcoders, { timeout: 10_000 }).toBe(0);
  });
});

describe('transport stream', () => {
  it('is cut into whole packets before each picture that can be entered, whatever pieces it comes in', () => {
    const packet = (name: number, keyFrame: boolean): Buffer => {
      const bytes = Buffer.alloc(188, name);
      bytes.set(keyFrame ? [0x47, 0x41, 0x00, 0x30, 7, 0x50] : [0x47, 0x01, 0x00, 0x10, 0, 0]);
      return bytes;
    };
    const whole = Buffer.concat([
      packet(1, false),
      packet(2, true),
      packet(3, false),
      packet(4, true),
      packet(5, true),
    ]);
    for (const step of [1, 100, 188, 189, 400, 1000]) {
      const cut = createTsCutter();
      const chunks: TsChunk[] = [];
      for (let at = 0; at < whole.length; at += step) chunks.push(...cut(whole.subarray(at, at + step)));
      expect(Buffer.concat(chunks.map(({ bytes }) => bytes)).equals(whole)).toBe(true);
      expect(chunks.every(({ bytes }) => bytes.length % 188 === 0)).toBe(true);
      expect(chunks.filter(({ key }) => key).map(({ bytes }) => bytes[10])).toEqual([2, 4, 5]);
    }
    expect(() => createTsCutter()(Buffer.alloc(188))).toThrow('not an MPEG transport stream');
  });
});
