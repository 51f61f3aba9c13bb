import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSteeredClock, passSteeredDisk, type Steering } from './steering.ts';

function steered(): { file: string; set: (steering: Partial<Steering>) => void } {
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-steering-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'steer.json');
  return {
    file,
    set: (steering) => {
      writeFileSync(`${file}.new`, JSON.stringify(steering));
      renameSync(`${file}.new`, file);
    },
  };
}

describe('a steered clock', () => {
  it('is the clock on the wall where no file says otherwise', () => {
    const clock = createSteeredClock(steered().file);
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000);
  });

  it('jumps with the file, and monotonic time does not notice', async () => {
    const { file, set } = steered();
    const clock = createSteeredClock(file);
    const before = clock.monotonic();
    set({ realMs: Date.now(), fromMs: Date.now() - 7_200_000, rate: 1 });
    await expect.poll(() => Date.now() - clock.now(), { timeout: 10_000 }).toBeGreaterThan(7_000_000);
    expect(clock.monotonic() - before).toBeLessThan(60_000);
  });

  it('lets days pass in a second, also for timers that already run', async () => {
    const { file, set } = steered();
    const clock = createSteeredClock(file);
    const fired = new Promise<void>((resolve) => clock.after(4 * 86_400_000, resolve));
    const startMs = clock.now();
    set({ realMs: Date.now(), fromMs: Date.now(), rate: 1_000_000 });
    await fired;
    expect(clock.now() - startMs).toBeGreaterThanOrEqual(4 * 86_400_000);
  });
});

describe('a steered disk', () => {
  it('fails as SQLite does, and only while the file says so', () => {
    const { file, set } = steered();
    expect(() => passSteeredDisk(file)).not.toThrow();
    set({ disk: 'full' });
    expect(() => passSteeredDisk(file)).toThrow(expect.objectContaining({ errcode: 13 }));
    set({ disk: 'read-only' });
    expect(() => passSteeredDisk(file)).toThrow(expect.objectContaining({ errcode: 8 }));
    set({ disk: 'sound' });
    expect(() => passSteeredDisk(file)).not.toThrow();
  });
});
