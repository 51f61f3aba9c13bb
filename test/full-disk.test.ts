import { describe, expect, it, vi } from 'vitest';
import { playFullDisk } from './support/full-disk.ts';

vi.setConfig({ testTimeout: 300_000 });

/** Needs root, for a file system of its own. Elsewhere test/line-room.test.ts stands for it, with SQLite's page limit. */
describe('a gateway on a disk that fills to the last byte', () => {
  it('stores and delivers every alarm, gives up the rest in the order of its worth, says so, and recovers by itself', async (context) => {
    const found = await playFullDisk({ alarms: 6, piles: 4, say: () => undefined });
    if (!found) {
      context.skip('no small disk can be mounted here');
      return;
    }
    expect(found).toMatchObject({
      ...{ alarms: 6, lost: 0, readingsWrong: 0, acknowledgedWhileFull: 0, saidWrong: [] },
      told: ['disk-low', 'disk-ok'],
    });
  });
});
