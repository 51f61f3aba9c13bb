import { describe, expect, it } from 'vitest';
import type { EpochMs, MonotonicMs } from '../../lib/clock.ts';
import { authorize, chooseChallenge } from './authentication.ts';
import { createCaptureClock } from './capture-clock.ts';
import { createRtspSplitter, encodeMessage } from './rtsp-messages.ts';

describe('capture clock', () => {
  it('takes the fastest frame of the last minute as the truth, once the first seconds are over', () => {
    const clock = createCaptureClock();
    const at = (mediaMs: number, delayMs: number): number => {
      const arrivedAt = (5000 + mediaMs + delayMs) as MonotonicMs;
      return clock.captured(mediaMs, arrivedAt, (1_000_000 + arrivedAt) as EpochMs) - mediaMs - 1_005_000;
    };
    expect(at(0, -500)).toBe(-500);
    expect(at(1000, 80)).toBe(-500);
    expect(at(2000, 120)).toBe(120);
    expect(at(3000, 60)).toBe(60);
    expect(at(4000, 900)).toBe(60);
    for (let media = 5000; media < 70_000; media += 1000) at(media, 100);
    expect(at(70_000, 100)).toBe(100);
  });

  it.each([80, -80])('measures how fast the camera runs through what the network adds: %i ppm', (ppm) => {
    const clock = createCaptureClock();
    for (let picture = 0; picture < 10 * 600; picture += 1) {
      // Every tenth picture comes without delay, the others up to 90 ms late.
      const takenMs = picture * 100;
      const arrivedAt = (takenMs + (picture % 10) * 10) as MonotonicMs;
      clock.captured(takenMs * (1 + ppm / 1e6), arrivedAt, (1_000_000 + arrivedAt) as EpochMs);
      if (takenMs < 120_000) expect(clock.driftPpm()).toBeNull();
    }
    expect(Math.abs(clock.driftPpm()! - ppm)).toBeLessThan(10);
  });
});

describe('authentication', () => {
  it('answers the challenge of RFC 7616 section 3.9.1 as it is printed there', () => {
    const credentials = { username: 'Mufasa', password: 'Circle of Life' };
    const asked = { method: 'GET', uri: '/dir/index.html' };
    const use = { count: 1, cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' };
    const common =
      'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
    const md5 = chooseChallenge([`Digest ${common}, algorithm=MD5`])!;
    expect(authorize(md5, credentials, asked, use)).toContain('response="8ca523f5e9506fed4657c9700eebdbec"');
    const both = chooseChallenge([`Digest ${common}, algorithm=MD5`, `Digest ${common}, algorithm=SHA-256`])!;
    expect(authorize(both, credentials, asked, use)).toContain(
      'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"',
    );
  });
  it('prefers Digest to Basic and knows neither a stranger nor nonsense', () => {
    expect(chooseChallenge(['Basic realm="x"', 'DIGEST realm="x", nonce=abc'])).toMatchObject({
      scheme: 'digest',
      qop: null,
    });
    expect(chooseChallenge(['Bearer realm="x"', 'Digest realm="no nonce"', ''])).toBeNull();
  });
});

describe('RTSP messages', () => {
  it('are found whatever pieces the stream arrives in', () => {
    const message = encodeMessage({
      start: 'RTSP/1.0 200 OK',
      headers: [
        ['CSeq', '1'],
        ['Content-Length', '4'],
      ],
      body: Buffer.from('v=0\n'),
    });
    const frame = Buffer.from([0x24, 0, 0, 5, 1, 2, 0x0d, 0x0a, 3]);
    const stream = Buffer.concat([message, frame, frame, message]);
    for (let size = 1; size <= stream.length; size += 1) {
      const split = createRtspSplitter();
      const items = [];
      for (let i = 0; i < stream.length; i += size) items.push(...split(stream.subarray(i, i + size)));
      expect(items.map((item) => (item.kind === 'message' ? item.body.toString() : item.bytes.length))).toEqual([
        'v=0\n',
        9,
        9,
        'v=0\n',
      ]);
    }
  });

  it('keep nothing of memory that is only lent, whatever is written there afterwards', () => {
    const frames = Array.from({ length: 20 }, (_, index) => Buffer.from([0x24, 0, 0, 6, 1, 2, 3, 4, 5, index]));
    const stream = Buffer.concat(frames);
    for (let size = 1; size <= 25; size += 1) {
      const split = createRtspSplitter();
      const lent = Buffer.alloc(size);
      const last: number[] = [];
      for (let at = 0; at < stream.length; at += size) {
        const length = stream.copy(lent, 0, at, Math.min(at + size, stream.length));
        for (const item of split(lent.subarray(0, length))) if (item.kind === 'binary') last.push(item.bytes[9] ?? -1);
        lent.fill(0xff);
      }
      expect(last).toEqual(frames.map((_, index) => index));
    }
  });
});
