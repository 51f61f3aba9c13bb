import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFileSource } from './file-source.ts';
import { createMotionGateOf } from './motion-gate.ts';

const dir = mkdtempSync(join(tmpdir(), 'kanmen-eye-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A minute of a grey wall with sensor noise, which grows for good at 30 s, as when a camera turns its gain up. */
function makeClip(name: string, car: boolean): string {
  const path = join(dir, name);
  const noise = `noise=alls=6:allf=t,noise=alls=3:allf=t:enable='gte(t,30)'`;
  const wall = 'color=0x606060:size=320x180:rate=10:duration=60,format=yuv420p';
  const drives = `overlay=x='10+50*(t-40)':y=60:enable='between(t,40,44)'`;
  const driving = `${wall}[wall];color=white:size=70x50:rate=10:duration=60[car];[wall][car]${drives},${noise}`;
  const input = car ? driving : `${wall},${noise}`;
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', input, '-c:v', 'libx264', '-preset', 'superfast', '-tune', 'zerolatency'],
    ...['-pix_fmt', 'yuv420p', '-crf', '28', '-g', '20', '-sc_threshold', '0', '-threads', '1', path],
  ]);
  return path;
}

/** Media seconds of the pictures that come out with the gate on. */
async function secondsSeen(path: string): Promise<number[]> {
  const source = openFileSource({
    ...{ path, framesPerSecond: 3, maxWidthPx: 1280, lookEveryMs: 5000 },
    gate: createMotionGateOf('normal'),
  });
  const seen: number[] = [];
  for await (const frame of source.frames(new AbortController().signal)) seen.push(frame.mediaMs / 1000);
  return seen;
}
const between = (seen: readonly number[], from: number, until: number): number =>
  seen.filter((at) => at >= from && at < until).length;

describe('decoding on demand', { timeout: 120_000 }, () => {
  const clips = { still: '', car: '' };
  beforeAll(() => {
    clips.still = makeClip('still.mp4', false);
    clips.car = makeClip('car.mp4', true);
  }, 120_000);

  it('stops when pictures show that nothing moves, and is not begun again for the same', async () => {
    const seen = await secondsSeen(clips.still);
    // The rise is looked at, from two seconds before it on.
    expect(between(seen, 27, 33)).toBeGreaterThan(4);
    // Always decoding gives 84; a gate that nobody tells stays open until it has learned the new level, for 13 s.
    expect(between(seen, 32, 60)).toBeLessThan(16);
  });

  it('sees what moves although sizes have just been found to rise for nothing', async () => {
    const seen = await secondsSeen(clips.car);
    expect(between(seen, 40, 44)).toBeGreaterThan(8);
    expect(between(seen, 48, 60)).toBeLessThan(10);
  });
});
