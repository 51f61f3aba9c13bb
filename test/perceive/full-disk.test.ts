import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { createCameraJoins } from '../../gateway/app/cameras.ts';
import { createClipKeeper } from '../../gateway/app/clips.ts';
import type { Change } from '../../gateway/domain/change.ts';
import type { GatewayEvent, PassageEvent } from '../../gateway/domain/event.ts';
import type { AreaId, CameraId, EvidenceId } from '../../gateway/domain/ids.ts';
import { createEvidence } from '../../gateway/evidence/index.ts';
import { evidenceOptions } from '../../gateway/evidence/options.ts';
import { systemClock, type EpochMs } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { systemRandom } from '../../gateway/lib/random.ts';
import type { Clip } from '../../gateway/perceive/index.ts';

const gate = 'gate' as CameraId;
const disk = mkdtempSync(join(tmpdir(), 'kanmen-small-disk-'));
/** A file system of 600 kB; only root may make one. */
const mounted = (() => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
afterAll(() => {
  if (mounted) execFileSync('umount', [disk]);
  rmSync(disk, { recursive: true, force: true });
});

const files = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(
    // Which key was used is written down beside the pictures.
    (name) => name !== 'keys.json' && statSync(join(dir, name)).isFile(),
  );

function begin() {
  const clock = systemClock;
  const evidence = createEvidence({
    ...{ dir: disk, random: systemRandom, clock, logger: silentLogger, isKnown: () => true },
    keys: [{ key: Buffer.alloc(32, 7), id: Buffer.from([1, 2, 3, 4]) }],
  });
  const events: GatewayEvent[] = [];
  const rows: Change[] = [];
  const common = {
    evidence,
    commit: (changes: readonly Change[]) => {
      rows.push(...changes);
      return Promise.resolve();
    },
    areas: new Map<CameraId, AreaId | null>([[gate, null]]),
    ...{ clock, random: systemRandom, logger: silentLogger },
  };
  const joins = createCameraJoins({
    ...common,
    line: {
      accept: (event) => {
        events.push(event);
        return Promise.resolve('stored');
      },
      attachEvidence: () => Promise.resolve(),
    },
    // That space is short is not noticed here: it runs out between two looks.
    refuses: () => false,
    clipOf: () => null,
  });
  let clip: Clip | null = null;
  const keeper = createClipKeeper({
    ...common,
    options: evidenceOptions.parse({ clips: { passages: true } }).clips,
    perception: { clip: () => Promise.resolve(clip) },
    spaceShort: () => false,
  });
  return {
    ...{ evidence, events, rows, joins, keeper },
    showClip: (sizeBytes: number) => {
      clip = {
        ...{ bytes: new Uint8Array(randomBytes(sizeBytes)), startsAt: 1 as EpochMs, endsAt: 2 as EpochMs },
        ...{ mimeCodec: 'avc1.64001f', widthPx: 2, heightPx: 2 },
      };
    },
  };
}

describe.skipIf(!mounted)('a disk that is full', () => {
  it(
    'costs passages their pictures and nothing else, leaves no half files, and is forgotten when there is room',
    { timeout: 60_000 },
    async () => {
      const { evidence, events, rows, joins, keeper, showClip } = begin();
      await evidence.start(new AbortController().signal);
      const noise = await sharp(randomBytes(320 * 240 * 3), { raw: { width: 320, height: 240, channels: 3 } })
        .jpeg({ quality: 100 })
        .toBuffer();
      const jpegs = { frame: noise, crop: noise, faces: [], widthPx: 320, heightPx: 240 };
      expect(noise.length).toBeGreaterThan(80_000);
      const pass = async (second: number): Promise<PassageEvent> => {
        const at = (Date.now() + second * 1000) as EpochMs;
        await joins.onPassage(
          {
            ...{ camera: gate, subject: 'vehicle', direction: 'in', startedAt: at, endedAt: at, readAt: at },
            ...{ plate: null, box: [0, 0, 10, 10], faceQualityRatio: null },
          },
          jpegs,
        );
        const event = events.at(-1) as PassageEvent;
        expect(event.at).toBe(at);
        return event;
      };
      let kept = 0;
      for (let count = 0; count < 12; count += 1) if ((await pass(count)).evidence !== null) kept += 1;
      // Every passage has its row, the first ones their picture.
      expect(events).toHaveLength(12);
      expect(kept).toBeGreaterThan(2);
      expect(kept).toBeLessThan(12);
      expect(files(disk)).toHaveLength(kept);
      expect(rows).toHaveLength(kept);

      // A clip that does not fit: no row, no half a file, and the alert goes on without it.
      showClip(300_000);
      expect(keeper.ofPassage({ camera: gate, readAt: 5 as EpochMs })).not.toBeNull();
      await keeper.stop();
      expect(files(disk)).toHaveLength(kept);
      expect(rows).toHaveLength(kept);

      // Somebody makes room.
      const paths = rows.flatMap((row) => (row.kind === 'evidence-saved' ? [row.path] : []));
      await evidence.remove(paths);
      expect(files(disk)).toEqual([]);
      expect((await pass(100)).evidence).not.toBeNull();
      const id = keeper.ofPassage({ camera: gate, readAt: 6 as EpochMs }) as EvidenceId;
      await keeper.stop();
      expect(rows.at(-1)).toMatchObject({ kind: 'evidence-saved', mediaKind: 'clip', id });
      expect(files(disk)).toHaveLength(2);
      await evidence.stop();
    },
  );
});
