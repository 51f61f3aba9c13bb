import { describe, expect, it } from 'vitest';
import type { CameraId } from '../domain/ids.ts';
import type { GatewayEvent } from '../domain/event.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import type { EpochMs } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import { silentLogger } from '../lib/logger.ts';
import { systemRandom } from '../lib/random.ts';
import { createCameraJoins } from './cameras.ts';

const gate = 'gate' as CameraId;

/** Joins over a store that refuses as long as `refusing` says so, and what it took and what stands on disk. */
function begin() {
  const clock = createFakeClock();
  const world = { refusing: true, code: 'store.commit-failed', spaceShort: false };
  const stored: GatewayEvent[] = [];
  const files = new Set<string>();
  let saved = 0;
  const refuse = (): Promise<never> => Promise.reject(new GatewayError(world.code, 'no'));
  const joins = createCameraJoins({
    line: {
      accept: (event) => {
        if (world.refusing) return refuse();
        stored.push(event);
        return Promise.resolve('stored');
      },
      attachEvidence: () => (world.refusing ? refuse() : Promise.resolve()),
    },
    evidence: {
      save: ({ camera, capturedAt }) => {
        const path = `picture-${(saved += 1)}`;
        files.add(path);
        const ref = { id: path as never, kind: 'picture' as const, sha256: '', capturedAt, camera };
        return Promise.resolve({ ref, path, change: { kind: 'user-removed', name: path } });
      },
      remove: (paths) => {
        for (const path of paths) files.delete(path);
        return Promise.resolve();
      },
    },
    commit: () => (world.refusing ? refuse() : Promise.resolve()),
    refuses: () => world.spaceShort,
    clipOf: () => null,
    areas: new Map([[gate, null]]),
    clock,
    random: systemRandom,
    logger: silentLogger,
  });
  const passage = {
    camera: gate,
    subject: 'person',
    direction: 'in',
    startedAt: 0,
    endedAt: 0,
    readAt: 0,
    plate: null,
    box: [0, 0, 1, 1],
    faceQualityRatio: null,
  } as never;
  const jpegs = { frame: new Uint8Array(), crop: new Uint8Array(), faces: [], widthPx: 1, heightPx: 1 };
  return { clock, world, joins, stored, files, passage, jpegs };
}

describe('cameras and the store', () => {
  it('tells of a lost camera again until it is stored', async () => {
    const { clock, world, joins, stored } = begin();
    joins.onCamera({ camera: gate, change: 'failed', at: 1 as EpochMs, cause: 'unreachable', reason: 'no answer' });
    await clock.advance(12_000);
    expect(stored).toEqual([]);
    world.refusing = false;
    await clock.advance(10_000);
    expect(stored).toMatchObject([{ kind: 'camera', camera: gate, change: 'failed', at: 1, cause: 'unreachable' }]);
  });
  it('leaves an old word unsaid once there is a newer one, and falls silent when the store has closed', async () => {
    const { clock, world, joins, stored } = begin();
    joins.onCamera({ camera: gate, change: 'failed', at: 1 as EpochMs, cause: 'unreachable', reason: 'no answer' });
    await clock.advance(1000);
    world.refusing = false;
    joins.onCamera({ camera: gate, change: 'connected', at: 2 as EpochMs, cause: null, reason: null });
    await clock.advance(20_000);
    expect(stored).toMatchObject([{ change: 'connected' }]);
    Object.assign(world, { refusing: true, code: 'store.closed' });
    joins.onCamera({ camera: gate, change: 'silent', at: 3 as EpochMs, cause: 'no-picture', reason: 'no picture' });
    await clock.advance(1000);
    world.refusing = false;
    await clock.advance(60_000);
    expect(stored).toHaveLength(1);
  });
  it('keeps no picture whose row could not be written, and none while the disk is full; the passage is told all the same', async () => {
    const { world, joins, stored, files, passage, jpegs } = begin();
    await expect(joins.onPassage(passage, jpegs)).rejects.toMatchObject({ code: 'store.commit-failed' });
    expect(files.size).toBe(0);
    Object.assign(world, { refusing: false, spaceShort: true });
    await joins.onPassage(passage, jpegs);
    expect([files.size, stored]).toMatchObject([0, [{ kind: 'passage', evidence: null }]]);
    world.spaceShort = false;
    await joins.onPassage(passage, jpegs);
    expect([...files]).toEqual(['picture-2']);
  });
});
