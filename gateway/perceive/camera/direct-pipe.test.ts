import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { openDirectPipe } from './direct-pipe.ts';

describe('a pipe that is read straight into our own memory', () => {
  it('brings every byte that a child writes, in order, and its end; a child that nobody reads waits', async () => {
    const count = 3_000_000;
    // Never no room at all.
    const bytes = new Uint8Array(count + 1);
    let at = 0;
    let stops = 0;
    const { ours, theirs } = await openDirectPipe({
      space: () => bytes.subarray(at, at + 100_000),
      took: (length, into) => {
        expect(into.buffer).toBe(bytes.buffer);
        at += length;
        stops += 1;
        setImmediate(() => ours.resume());
        return false;
      },
    });
    const child = spawn('sh', ['-c', `yes 0123456789 | head -c ${count}`], { stdio: ['ignore', theirs, 'inherit'] });
    theirs.destroy();
    await Promise.all([once(child, 'exit'), once(ours, 'close')]);
    expect(at).toBe(count);
    const line = new TextEncoder().encode('0123456789\n');
    expect(bytes.findIndex((value, index) => index < count && value !== line[index % line.length])).toBe(-1);
    expect(stops).toBeGreaterThan(count / 100_000 - 1);
  });
});
