import { describe, expect, it } from 'vitest';
import type { Change } from '../domain/change.ts';
import type { AlertId, AreaId, CameraId, EvidenceId } from '../domain/ids.ts';
import { evidenceOptions } from '../evidence/options.ts';
import type { EpochMs } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { systemRandom } from '../lib/random.ts';
import type { Clip } from '../perceive/index.ts';
import { createClipKeeper } from './clips.ts';

const east = 'east' as AreaId;
const cameras = new Map<CameraId, AreaId | null>([
  ['gate' as CameraId, east],
  ['shed' as CameraId, 'shed' as AreaId],
  ['exit' as CameraId, east],
]);
const clip: Clip = {
  ...{ bytes: new Uint8Array(4), startsAt: 90_000 as EpochMs, endsAt: 110_000 as EpochMs },
  ...{ mimeCodec: 'avc1.64001f', widthPx: 2, heightPx: 2 },
};

/** A keeper over cameras that answer when the test says so. */
function begin(clips: object) {
  const state = { refusing: false, spaceShort: false };
  const asked: { camera: string; fromAt: number; toAt: number; answer: (clip: Clip | null) => void }[] = [];
  const files = new Set<string>();
  const stored: Change[] = [];
  const keeper = createClipKeeper({
    options: evidenceOptions.parse({ clips }).clips,
    perception: {
      clip: (camera, span) => new Promise((answer) => asked.push({ camera, ...span, answer })),
    },
    evidence: {
      saveClip: ({ id, camera, alertId, capturedAt }) => {
        const path = `${id}`;
        files.add(path);
        const ref = { id: path as EvidenceId, kind: 'clip' as const, sha256: '', capturedAt, camera };
        const change = {
          ...{ kind: 'evidence-saved' as const, id: ref.id, alertId, camera, mediaKind: 'clip' as const },
          ...{ capturedAt, sha256: '', sizeBytes: 4, path, faces: [] },
        };
        return Promise.resolve({ ref, path, change });
      },
      remove: (paths) => {
        for (const path of paths) files.delete(path);
        return Promise.resolve();
      },
    },
    commit: (changes) => {
      if (state.refusing) return Promise.reject(new Error('no'));
      stored.push(...changes);
      return Promise.resolve();
    },
    spaceShort: () => state.spaceShort,
    ...{ areas: cameras, random: systemRandom, logger: silentLogger },
  });
  return { keeper, asked, files, stored, state };
}
const wanted = { kind: 'evidence-wanted', alertId: 'a1' as AlertId, area: east, at: 100_000 as EpochMs } as const;
const passage = { camera: 'gate' as CameraId, readAt: 100_000 as EpochMs };

describe('clips', () => {
  it('are kept for an alert from every camera of its area, from before to after', async () => {
    const { keeper, asked, stored } = begin({ before: '8s', after: '3s' });
    keeper.onEvidenceWanted(wanted);
    expect(asked).toMatchObject([
      { camera: 'gate', fromAt: 92_000, toAt: 103_000 },
      { camera: 'exit', fromAt: 92_000, toAt: 103_000 },
    ]);
    asked[0]?.answer(clip);
    // A camera that has nothing costs nobody anything.
    asked[1]?.answer(null);
    await keeper.stop();
    expect(stored).toMatchObject([
      { kind: 'evidence-saved', alertId: 'a1', camera: 'gate', mediaKind: 'clip', capturedAt: 90_000 },
    ]);
  });

  it('of a passage carry the id that the passage was given, and there are none unless asked for', async () => {
    const { keeper, asked, stored } = begin({ passages: true });
    const id = keeper.ofPassage(passage);
    asked[0]?.answer(clip);
    await keeper.stop();
    expect(stored).toMatchObject([{ id, alertId: null, mediaKind: 'clip' }]);
    const none = begin({ alerts: false });
    expect(none.keeper.ofPassage(passage)).toBeNull();
    none.keeper.onEvidenceWanted(wanted);
    expect(none.asked).toEqual([]);
  });

  it('leave no file whose row could not be written, and none while the disk is full', async () => {
    const { keeper, asked, files, state } = begin({ passages: true });
    state.refusing = true;
    keeper.ofPassage(passage);
    asked[0]?.answer(clip);
    await keeper.stop();
    expect(files.size).toBe(0);
    state.spaceShort = true;
    expect(keeper.ofPassage(passage)).toBeNull();
  });

  it('are not cut without bound in a flood', () => {
    const { keeper, asked } = begin({ passages: true });
    const ids = Array.from({ length: 30 }, () => keeper.ofPassage(passage));
    expect([ids.filter((id) => id !== null).length, asked.length]).toEqual([16, 16]);
  });
});
