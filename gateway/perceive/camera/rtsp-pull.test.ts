import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadClip, startClipCamera, type Clip } from '../../../test/support/simulators/clip-camera.ts';
import { systemClock } from '../../lib/clock.ts';
import { createFragmentHub } from './fragment-hub.ts';
import type { FragmentSink } from './fragment.ts';
import { createFragmentMemory } from './fragment-memory.ts';
import { startRtspPull } from './rtsp-pull.ts';

const dir = mkdtempSync(join(tmpdir(), 'kanmen-pull-'));
let clip: Clip;
beforeAll(async () => {
  const path = join(dir, 'clip.mp4');
  execFileSync('ffmpeg', [
    ...'-v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -c:v libx264 -bf 0 -g 25'.split(' '),
    ...['-pix_fmt', 'yuv420p', path],
  ]);
  clip = await loadClip(path, 25);
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const silent: FragmentSink = { begin: () => undefined, take: () => undefined, end: () => undefined };

/** Pulls 150 pictures of a camera: how many came alone or first of several, and whether one is missing. */
async function pullUnhurried(): Promise<{ readonly wakes: number; readonly sequences: readonly number[] }> {
  const camera = await startClipCamera({ clip });
  const hub = createFragmentHub();
  hub.attach(silent);
  const sequences: number[] = [];
  let wakes = 0;
  let turn = false;
  const enough = new Promise<void>((resolve) => {
    hub.attach({
      ...silent,
      take: ({ sequence }) => {
        sequences.push(sequence);
        if (!turn) {
          wakes += 1;
          turn = true;
          setImmediate(() => (turn = false));
        }
        if (sequences.length === 150) resolve();
      },
    });
  });
  const running = startRtspPull({
    ...{ sink: hub, nextStream: () => 1, url: camera.url, transport: 'tcp', clock: systemClock },
    memory: createFragmentMemory(),
  });
  await enough;
  running.stop();
  await running.ended;
  await camera.stop();
  return { wakes, sequences: sequences.slice(0, 150) };
}

describe('pulling a camera', { timeout: 60_000 }, () => {
  it('wakes a few times a second while nobody waits for a picture, and loses none', async () => {
    const { wakes, sequences } = await pullUnhurried();
    expect(sequences).toEqual(Array.from({ length: 150 }, (_, index) => index));
    // Six seconds: two at first, until its bit rate is known, with a wake for each picture, then five a second.
    expect(wakes).toBeLessThan(100);
  });

  it('leaves no memory behind, however often it is begun anew', async () => {
    const camera = await startClipCamera({ clip });
    const memory = createFragmentMemory();
    let taken = 0;
    const lying: Buffer[] = [];
    const work = {
      take: () => {
        const known = lying.pop();
        if (!known) taken += 1;
        return known ?? memory.work.take();
      },
      give: (bytes: Buffer) => lying.push(bytes),
    };
    for (let count = 0; count < 6; count += 1) {
      const hub = createFragmentHub();
      const pictures = new Promise<void>((resolve) => {
        hub.attach({
          ...silent,
          take: ({ sequence }) => {
            if (sequence === 5) resolve();
          },
        });
      });
      const running = startRtspPull({
        ...{ sink: hub, nextStream: () => count, url: camera.url, transport: 'tcp', clock: systemClock },
        memory: { ...memory, work },
      });
      await pictures;
      // Cut off, as by a camera that starts anew, or stopped.
      if (count % 2 === 0) camera.dropAll();
      else running.stop();
      await running.ended;
    }
    await camera.stop();
    expect(memory.report()).toEqual({ slabs: 1, ready: 1 });
    // What is read, and what is put together.
    expect({ taken, lying: lying.length }).toEqual({ taken: 2, lying: 2 });
  });

  it('hurries when one of those who use it does', () => {
    const hub = createFragmentHub();
    expect(hub.hurries?.()).toBe(false);
    hub.attach({ ...silent, hurries: () => false });
    const leave = hub.attach({ ...silent, hurries: () => true });
    expect(hub.hurries?.()).toBe(true);
    leave();
    expect(hub.hurries?.()).toBe(false);
  });
});
