import { describe, expect, it } from 'vitest';
import type { EpochMs, MonotonicMs } from '../../lib/clock.ts';
import { authorize, chooseChallenge } from './authentication.ts';
import { createCaptureClock } from './capture-clock.ts';
import { createRtspReader, encodeMessage } from './rtsp-messages.ts';

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
      const items: unknown[] = [];
      const reader = createRtspReader({
        message: ({ body }) => items.push(body.toString()),
        frame: (_memory, from, to) => items.push(to - from),
      });
      for (let i = 0; i < stream.length; i += size) reader.take(stream.subarray(i, i + size));
      expect(items).toEqual(['v=0\n', 9, 9, 'v=0\n']);
    }
  });

  it('are cut where they are read to, however much of the room is used', () => {
    const frames = Array.from({ length: 2000 }, (_, index) =>
      Buffer.concat([Buffer.from([0x24, 0, 0x05, 0x78]), Buffer.alloc(1400, index & 0xff)]),
    );
    const stream = Buffer.concat(frames);
    for (const size of [1, 1404, 65_537, 262_144, 1_000_000]) {
      const last: number[] = [];
      const reader = createRtspReader({
        message: () => undefined,
        frame: (memory, from, to) => last.push(to - from === 1404 ? (memory[to - 1] ?? -1) : -2),
      });
      for (let at = 0; at < stream.length;) {
        const space = reader.space();
        const length = stream.copy(space, 0, at, Math.min(at + size, at + space.length, stream.length));
        reader.took(length);
        at += length;
      }
      expect(last).toEqual(frames.map((_, index) => index & 0xff));
    }
  });

  it('may be longer than the room there is, and end it when they never end', () => {
    const long = encodeMessage({
      start: 'RTSP/1.0 200 OK',
      headers: [['Content-Length', '900000']],
      body: Buffer.alloc(900_000, 65),
    });
    const bodies: number[] = [];
    const reader = createRtspReader({ message: ({ body }) => bodies.push(body.length), frame: () => undefined });
    reader.take(long);
    expect(bodies).toEqual([900_000]);
    expect(() => reader.take(Buffer.alloc(100_000, 0x41))).toThrow('not RTSP');
  });
});
