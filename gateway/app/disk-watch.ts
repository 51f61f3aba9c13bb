/** Looks at the free space of the data directory, and says in good time what is worth less than what is still to come. */
import { statfs } from 'node:fs/promises';
import type { GatewayEvent, SystemEvent } from '../domain/event.ts';
import type { EventId } from '../domain/ids.ts';
import { repeat, type Clock, type Timer } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { createRepeatedFault } from '../lib/repeated-fault.ts';
import { sheddingOrder, type SpaceOptions, type SpaceUse } from '../store/options.ts';

export interface DiskReport {
  /** Null before the first look, and where the file system does not say. */
  readonly freeBytes: number | null;
  readonly totalBytes: number | null;
  /** `low`: people are told; `full`: the reserve has been given up, only red and orange alerts are written. */
  readonly state: 'ok' | 'low' | 'full';
  /** What is refused now, the least worth first. */
  readonly refused: readonly SpaceUse[];
}

export interface DiskWatch extends Component {
  /** Whether this may not be written now. */
  refuses(use: SpaceUse): boolean;
  /** The same for an event that nothing follows from but its own row. */
  refusesEvent(event: GatewayEvent): boolean;
  report(): DiskReport;
}

/** statfs costs some µs; at 50 MB/s of somebody else's copying the space above the highest floor lasts longer than this. */
const lookEveryMs = 2000;
/** What was refused is taken again only with so much more room, so that it does not flap around the floor. */
const againRatio = 1.25;

export function createDiskWatch(given: {
  readonly dir: string;
  readonly options: SpaceOptions;
  /** Whether the database has given up its reserve. */
  readonly short: () => boolean;
  /** Takes an event into the line; what it rejects is told again. */
  readonly accept: (event: SystemEvent) => Promise<unknown>;
  readonly clock: Clock;
  readonly random: Pick<Random, 'id'>;
  readonly logger: Logger;
  /** Test: a disk of another size. */
  readonly measure?: (dir: string) => Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
}): DiskWatch {
  const { options, clock, logger } = given;
  const measure = given.measure ?? spaceOf;
  const refused = new Set<SpaceUse>();
  let space: { readonly freeBytes: number; readonly totalBytes: number } | null = null;
  let low = false;
  /** What people were told last; null: told nothing, and nothing was wrong. */
  let told: 'low' | 'ok' | null = null;
  let telling = false;
  let looking: Promise<void> = Promise.resolve();
  let timer: Timer | null = null;
  const fault = createRepeatedFault(clock, (what, count, facts) =>
    logger.warn({ what, count, ...facts }, 'free space not known'),
  );

  const below = (freeBytes: number, floorBytes: number, already: boolean): boolean =>
    freeBytes < (already ? floorBytes * againRatio : floorBytes);

  const judge = (freeBytes: number): void => {
    low = below(freeBytes, options.warn, low);
    for (const use of sheddingOrder) {
      const before = refused.has(use);
      const now = below(freeBytes, options[use], before);
      if (now === before) continue;
      if (now) refused.add(use);
      else refused.delete(use);
      const facts = { use, freeBytes };
      if (now) logger.error(facts, 'refused from now on: too little room on the disk');
      else logger.info(facts, 'taken again: there is room on the disk');
    }
  };

  const report = (): DiskReport => {
    const full = given.short();
    return {
      freeBytes: space?.freeBytes ?? null,
      totalBytes: space?.totalBytes ?? null,
      state: full ? 'full' : low ? 'low' : 'ok',
      refused: full ? sheddingOrder : sheddingOrder.filter((use) => refused.has(use)),
    };
  };

  const tell = async (): Promise<void> => {
    const { state, refused: gone } = report();
    const word = state === 'ok' ? 'ok' : 'low';
    if (telling || word === (told ?? 'ok')) return;
    const at = clock.now();
    const share = space && space.totalBytes > 0 ? space.freeBytes / space.totalBytes : null;
    telling = true;
    try {
      await given.accept({
        ...{ kind: 'system', id: given.random.id() as EventId, at, receivedAt: at, area: null, late: false },
        ...{ part: 'disk', change: word === 'low' ? 'disk-low' : 'disk-ok' },
        value: share === null ? null : Math.round(share * 1000) / 1000,
        reason: reasonOf(space, state, gone),
      });
      told = word;
    } catch (error) {
      // Told again at the next look.
      fault('event', { reason: messageOf(error) });
    } finally {
      telling = false;
    }
  };

  const look = async (): Promise<void> => {
    try {
      space = await measure(given.dir);
      judge(space.freeBytes);
    } catch (error) {
      fault('statfs', { reason: messageOf(error) });
    }
    await tell();
  };

  return {
    name: 'disk watch',
    start: async () => {
      try {
        space = await measure(given.dir);
        judge(space.freeBytes);
      } catch (error) {
        fault('statfs', { reason: messageOf(error) });
      }
      timer = repeat(clock, lookEveryMs, () => {
        looking = look();
        return looking;
      });
    },
    stop: async () => {
      timer?.cancel();
      timer = null;
      await looking;
    },
    refuses: (use) => given.short() || refused.has(use),
    refusesEvent: (event) => {
      if (event.kind === 'passage') return refused.has('passages');
      if (event.kind === 'charging' || event.kind === 'fire-telemetry') return refused.has('readings');
      return false;
    },
    report,
  };
}

async function spaceOf(dir: string): Promise<{ freeBytes: number; totalBytes: number }> {
  const disk = await statfs(dir);
  // `bavail`, not `bfree`: what is set aside for root is not ours.
  return { freeBytes: disk.bavail * disk.bsize, totalBytes: disk.blocks * disk.bsize };
}

function reasonOf(
  space: { readonly freeBytes: number; readonly totalBytes: number } | null,
  state: DiskReport['state'],
  refused: readonly SpaceUse[],
): string {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1_000_000)} MB`;
  const free = space ? `${megabytes(space.freeBytes)} free of ${megabytes(space.totalBytes)}` : 'free space unknown';
  if (state === 'full') return `${free}; only red and orange alerts are written`;
  return refused.length === 0 ? free : `${free}; refused: ${refused.join(', ')}`;
}
