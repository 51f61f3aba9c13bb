import { onTestFinished } from 'vitest';
import type { Delivery } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Channel, DeliveryResult } from '../domain/delivery.ts';
import { selectDue } from '../domain/due.ts';
import type { AlertId, DeliveryId, NoticeId, RecipientId } from '../domain/ids.ts';
import type { EpochMs, MonotonicMs } from '../lib/clock.ts';
import { createFakeClock, type FakeClock } from '../lib/fake-clock.ts';
import type { KillPoint } from '../lib/kill-points.ts';
import { silentLogger } from '../lib/logger.ts';
import { createOutbox, type Outbox, type Received } from './index.ts';
import { outboxOptions } from './options.ts';

export const startMs = Date.UTC(2026, 0, 2, 3, 4, 5) as EpochMs;
export const receipt: DeliveryResult = { kind: 'delivered', receipt: '204', feedback: [] };

let deliveries = 0;
export function deliveryOf(changes: Partial<Delivery> = {}): Delivery {
  deliveries += 1;
  return {
    id: `d-${deliveries}` as DeliveryId,
    item: 'notice',
    notice: `n-${deliveries}` as NoticeId,
    alertId: 'alert-1' as AlertId,
    recipient: 'station' as RecipientId,
    channel: 'desk',
    tier: 'orange',
    sequence: deliveries,
    type: 'kanmen.notice.raised.v1',
    data: {},
    createdAt: startMs,
    state: 'pending',
    attempts: 0,
    nextAttemptAt: startMs,
    lastError: null,
    deliveredAt: null,
    ...changes,
  };
}

/** One send under way at the far side: the test answers it. */
export interface Sending {
  readonly delivery: Delivery;
  readonly at: number;
  answer(result: DeliveryResult): Promise<void>;
}

export interface OutboxBench {
  readonly clock: FakeClock;
  readonly outbox: Outbox;
  readonly rows: Map<DeliveryId, Delivery>;
  readonly received: Received[];
  readonly commits: Change[][];
  readonly passed: KillPoint[];
  readonly sends: Sending[];
  reads(): number;
  failCommits(fail: boolean): void;
  add(...deliveries: Delivery[]): Promise<void>;
  /** `id` of every send so far, in order. */
  sent(): string[];
  settle(): Promise<void>;
  /** A new outbox on the same rows, as after a restart. */
  restarted(): OutboxBench;
}

/**
 * An outbox on rows in memory. `answer` decides what the far side says to each send; without it the test answers by
 * `sends[n].answer(…)`.
 */
export function createOutboxBench(
  setup: {
    readonly answer?: (delivery: Delivery, attempt: number) => DeliveryResult;
    readonly options?: Record<string, unknown>;
    readonly channels?: readonly string[];
    readonly rows?: Map<DeliveryId, Delivery>;
    readonly clock?: FakeClock;
    /** 0..1, of every draw; 0.5 unless given. */
    readonly random?: number;
    /** How long each look into the store takes. */
    readonly lookMs?: number;
    readonly perMinute?: Readonly<Record<string, number>>;
    readonly onDelivered?: (received: Received) => Promise<void>;
  } = {},
): OutboxBench {
  const clock = setup.clock ?? createFakeClock(startMs);
  const rows = setup.rows ?? new Map<DeliveryId, Delivery>();
  const sends: Sending[] = [];
  const received: Received[] = [];
  const commits: Change[][] = [];
  const passed: KillPoint[] = [];
  let reads = 0;
  let failing = false;
  let spentMs = 0;

  const commit = (changes: readonly Change[]): Promise<void> => {
    if (failing) return Promise.reject(new Error('disk full'));
    commits.push([...changes]);
    for (const change of changes) {
      if (change.kind === 'deliveries-woken') {
        for (const row of rows.values())
          if (row.state === 'pending' && row.channel === change.channel && row.attempts > 0)
            rows.set(row.id, { ...row, nextAttemptAt: Math.min(row.nextAttemptAt, change.at) as EpochMs });
      }
      const row = change.kind === 'delivery-tried' ? rows.get(change.id) : undefined;
      if (change.kind !== 'delivery-tried' || !row) continue;
      rows.set(change.id, {
        ...row,
        state: change.state,
        attempts: change.attempts,
        nextAttemptAt: change.nextAttemptAt,
        lastError: change.state === 'delivered' ? null : change.result,
        deliveredAt: change.state === 'delivered' ? change.at : null,
      });
    }
    return Promise.resolve();
  };

  const channelOf = (id: string): Channel => ({
    id,
    kind: 'test',
    send: (delivery, signal) =>
      new Promise((resolve) => {
        const attempt = sends.filter((other) => other.delivery.id === delivery.id).length + 1;
        sends.push({
          delivery,
          at: clock.monotonic(),
          answer: async (result) => {
            resolve(result);
            await clock.advance(0);
          },
        });
        signal.addEventListener('abort', () => resolve({ kind: 'retry', reason: 'aborted', afterMs: null }));
        if (setup.answer) resolve(setup.answer(delivery, attempt));
      }),
    listen: () => Promise.resolve(),
  });

  const outbox = createOutbox({
    options: outboxOptions.parse(setup.options ?? {}),
    reads: {
      due: (query) => {
        reads += 1;
        spentMs += setup.lookMs ?? 0;
        return selectDue(rows.values(), query);
      },
      find: (id) => rows.get(id),
      hasYounger: ({ alertId, recipient, sequence }) =>
        [...rows.values()].some(
          (row) =>
            row.state === 'pending' &&
            row.alertId === alertId &&
            row.recipient === recipient &&
            row.sequence > sequence,
        ),
      pendingCount: (channel) =>
        [...rows.values()].filter((row) => row.state === 'pending' && row.channel === channel).length,
    },
    perMinute: (recipient) => setup.perMinute?.[recipient] ?? null,
    commit,
    channels: new Map((setup.channels ?? ['desk']).map((id) => [id, channelOf(id)])),
    clock: { ...clock, monotonic: () => (clock.monotonic() + spentMs) as MonotonicMs },
    random: { unit: () => setup.random ?? 0.5 },
    logger: silentLogger,
    passKillPoint: (point) => passed.push(point),
    onDelivered: async (item) => {
      await setup.onDelivered?.(item);
      await commit([item.settled]);
      received.push(item);
    },
  });

  return {
    clock,
    outbox,
    rows,
    received,
    commits,
    passed,
    sends,
    reads: () => reads,
    failCommits: (fail) => {
      failing = fail;
    },
    add: async (...items) => {
      for (const item of items) rows.set(item.id, item);
      outbox.wake();
      await clock.advance(0);
    },
    sent: () => sends.map(({ delivery }) => delivery.id),
    settle: async () => {
      for (let turn = 0; turn < 20; turn += 1) await clock.advance(0);
    },
    restarted: () => createOutboxBench({ ...setup, rows, clock }),
  };
}

/** Such a bench, started, and stopped with its test. */
export async function outboxBench(setup: Parameters<typeof createOutboxBench>[0] = {}): Promise<OutboxBench> {
  const bench = stoppedWithTest(createOutboxBench(setup));
  await bench.outbox.start(new AbortController().signal);
  return bench;
}

export function stoppedWithTest(bench: OutboxBench): OutboxBench {
  onTestFinished(async () => {
    await Promise.all([bench.outbox.stop(), bench.clock.advance(3_600_000)]);
  });
  return bench;
}
