import { describe, expect, it } from 'vitest';
import type { Change } from '../domain/change.ts';
import type { DeliveryId, DeviceKey } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import type { WireReport } from '../lib/wire.ts';
import { createMetrics, type CameraStats } from './metrics.ts';

const at = 1 as EpochMs;

function start() {
  const wires: WireReport[] = [];
  const cameras: CameraStats[] = [];
  const metrics = createMetrics({
    version: '1.2.3',
    clock: createFakeClock(Date.UTC(2026, 0, 1)),
    wires: () => wires,
    cameras: () => cameras,
    memory: () => ({ rssBytes: 1000, heapUsedBytes: 500, externalBytes: 20 }),
  });
  /** Value of one series, or undefined if it is not there. */
  const value = async (series: string): Promise<number | undefined> => {
    const line = (await metrics.text()).split('\n').find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  };
  return { metrics, wires, cameras, value };
}

const tried = (state: 'pending' | 'delivered' | 'dead'): Change => ({
  kind: 'delivery-tried',
  id: 'd1' as DeliveryId,
  at,
  state,
  attempts: 1,
  nextAttemptAt: at,
  result: '',
});

describe('metrics', () => {
  it('count stored events, deliveries by what came of them, and messages that nobody understood', async () => {
    const { metrics, value } = start();
    metrics.count([
      {
        kind: 'event-recorded',
        messageKey: null,
        event: {
          kind: 'fire',
          id: 'e1' as never,
          at,
          receivedAt: at,
          area: null,
          late: false,
          device: 'fire/f-1' as DeviceKey,
          alarm: 'smoke',
          active: true,
        },
      },
      tried('delivered'),
      tried('pending'),
      tried('pending'),
      { kind: 'quarantined', device: 'fire/f-1' as DeviceKey, topic: 't', payload: new Uint8Array(), reason: 'r', at },
    ]);
    expect(await value('kanmen_events_total{kind="fire"}')).toBe(1);
    expect(await value('kanmen_delivery_tries_total{outcome="delivered"}')).toBe(1);
    expect(await value('kanmen_delivery_tries_total{outcome="pending"}')).toBe(2);
    expect(await value('kanmen_quarantined_messages_total')).toBe(1);
  });

  it('are there with 0 before the first event, so that an alarm on them can be set', async () => {
    const { value } = start();
    expect(await value('kanmen_events_total{kind="passage"}')).toBe(0);
    expect(await value('kanmen_alerts_raised_total{tier="red"}')).toBe(0);
    expect(await value('kanmen_delivery_tries_total{outcome="dead"}')).toBe(0);
  });

  it('show wires, cameras and memory as they are when somebody reads, and forget a camera that is gone', async () => {
    const { wires, cameras, value } = start();
    wires.push({ name: 'device → ingest', depth: 3, capacity: 10, passed: 7, dropped: 2, waitedMs: 1500 });
    cameras.push({
      id: 'east',
      state: 'connected',
      framesDecoded: 9,
      passages: 4,
      rejected: { 'too-small': 5 },
      stream: {
        ...{ reconnects: 1, driftPpm: 40, bitsPerSecond: 2_000_000, pictures: 500, packetsLost: 6, picturesLost: 2 },
        ...{ lastKeyAt: (Date.UTC(2026, 0, 1) - 2500) as EpochMs, gate: 'open', seenMs: 60_000, openMs: 6000 },
        ...{ decodingMs: 7000, framesDropped: 3, gopsDropped: 8 },
      },
    });
    expect(await value('kanmen_wire_depth{wire="device → ingest"}')).toBe(3);
    expect(await value('kanmen_wire_dropped_total{wire="device → ingest"}')).toBe(2);
    expect(await value('kanmen_wire_waited_seconds_total{wire="device → ingest"}')).toBe(1.5);
    expect(await value('kanmen_camera_connected{camera="east"}')).toBe(1);
    expect(await value('kanmen_camera_rejected_reads_total{camera="east",reason="too-small"}')).toBe(5);
    const camera = (name: string, labels = ''): Promise<number | undefined> =>
      value(`kanmen_camera_${name}{camera="east"${labels}}`);
    expect(await camera('restarts_total')).toBe(1);
    expect(await camera('bits_per_second')).toBe(2_000_000);
    expect(await camera('pictures_total')).toBe(500);
    expect(await camera('lost_total', ',what="packets"')).toBe(6);
    expect(await camera('lost_total', ',what="pictures"')).toBe(2);
    expect(await camera('last_key_frame_age_seconds')).toBe(2.5);
    expect(await camera('clock_drift_ppm')).toBe(40);
    expect(await camera('gate_open')).toBe(1);
    expect(await camera('gate_seen_seconds_total')).toBe(60);
    expect(await camera('gate_open_seconds_total')).toBe(6);
    expect(await camera('decoding_seconds_total')).toBe(7);
    expect(await camera('dropped_total', ',what="frames"')).toBe(3);
    expect(await camera('dropped_total', ',what="gops"')).toBe(8);
    expect(await value('kanmen_memory_bytes{kind="rss"}')).toBe(1000);
    expect(await value('kanmen_info{version="1.2.3"}')).toBe(1);
    expect(await value('kanmen_start_time_seconds')).toBe(Date.UTC(2026, 0, 1) / 1000);
    cameras.length = 0;
    expect(await value('kanmen_camera_connected{camera="east"}')).toBeUndefined();
  });
});
