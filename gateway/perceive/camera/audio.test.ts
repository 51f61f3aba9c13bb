import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { CameraId } from '../../domain/ids.ts';
import { systemClock, type EpochMs } from '../../lib/clock.ts';
import { startGstRtspServer } from '../../../test/support/gst-rtsp-server.ts';
import type { LiveSource } from '../frame-source.ts';
import { openLiveSource } from './index.ts';
import { createMotionGateOf } from './motion-gate.ts';
import { createFragmentRing } from './ring.ts';
import { createCameraShared } from './shared.ts';

const dir = mkdtempSync(join(tmpdir(), 'kanmen-audio-'));
const shared = createCameraShared({ decoders: 2, hardware: 'off', clock: systemClock, onDecoding: () => undefined });
afterAll(async () => {
  await shared.close();
  rmSync(dir, { recursive: true, force: true });
});
const open = (url: string, audio: boolean): LiveSource =>
  openLiveSource({
    ...{ id: 'gate' as CameraId, url, framesPerSecond: 2, maxWidthPx: 320, silentAfterMs: 5000, lookEveryMs: 5000 },
    ...{ audio, transport: url.includes('transport=udp') ? 'udp' : 'tcp', shared, clock: systemClock },
    gate: createMotionGateOf('normal'),
    onStatus: () => undefined,
  });

describe('a camera that hears, served by GStreamer', () => {
  it.each([
    ['aac', '', 'aac'],
    ['aac', '?transport=udp', 'aac'],
    ['alaw', '', 'pcm_alaw'],
    ['mulaw', '', 'pcm_mulaw'],
  ])('keeps audio in clips when it is asked for: %s%s', { timeout: 60_000 }, async (kind, query, codec) => {
    const [heard, deaf] = await Promise.all(
      [true, false].map(async (audio) => {
        // A server each: what one client does without, GStreamer may keep from another.
        const server = await startGstRtspServer(['--audio', kind]);
        const end = new AbortController();
        const source = open(`rtsp://127.0.0.1:${server.port}/live${query}`, audio);
        const ring = createFragmentRing({ keepMs: 60_000, maxBytes: 20_000_000 }, systemClock);
        source.fragments.attach(ring);
        const reading = (async () => {
          for await (const frame of source.frames(end.signal)) expect(frame.widthPx).toBe(320);
        })();
        await expect
          .poll(() => (ring.report().newestAt ?? 0) - (ring.report().oldestAt ?? 0), { timeout: 30_000 })
          .toBeGreaterThan(5000);
        const fromAt = (ring.report().oldestAt! + 1500) as EpochMs;
        const clip = await ring.clip({ fromAt, toAt: (fromAt + 3000) as EpochMs });
        end.abort();
        await reading;
        await server.stop();
        const path = join(dir, `${kind}-${audio}.mp4`);
        writeFileSync(path, clip!.bytes);
        return path;
      }),
    );
    const streams = (path: string): { codec_name: string; duration: string; start_time: string }[] =>
      (
        JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-of', 'json', '-show_streams', path]).toString()) as {
          streams: { codec_name: string; duration: string; start_time: string }[];
        }
      ).streams;
    expect(streams(deaf!).map(({ codec_name }) => codec_name)).toEqual(['h264']);
    const [video, audio] = streams(heard!);
    expect([video?.codec_name, audio?.codec_name]).toEqual(['h264', codec]);
    expect(Math.abs(Number(audio!.duration) - Number(video!.duration))).toBeLessThan(0.3);
    // The very tone, all the time and without a gap: it crosses zero 880 times a second.
    const pcm = execFileSync('ffmpeg', [
      ...['-v', 'error', '-xerror', '-i', heard!, '-map', '0:a', '-ar', '8000', '-f', 's16le', '-'],
    ]);
    const samples = new Int16Array(pcm.buffer, pcm.byteOffset, pcm.length >> 1);
    const second = samples.subarray(8000, 16_000);
    let crossings = 0;
    for (let at = 1; at < second.length; at += 1) if (second[at]! >= 0 !== second[at - 1]! >= 0) crossings += 1;
    expect(Math.abs(crossings - 880)).toBeLessThan(20);
    // And all pictures are there.
    const counted = execFileSync('ffmpeg', [
      '-v',
      'error',
      '-xerror',
      '-i',
      heard!,
      '-map',
      '0:v',
      '-f',
      'framemd5',
      '-',
    ]);
    expect(
      counted
        .toString()
        .split('\n')
        .filter((line) => /^0,/.test(line)).length,
    ).toBeGreaterThan(28);
  });
});
