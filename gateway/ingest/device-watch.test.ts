import { describe, expect, it } from 'vitest';
import type { DeviceStatus } from '../domain/device.ts';
import type { DeviceKey } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import { createDeviceWatch } from './device-watch.ts';
import { createTokenBucket } from './token-bucket.ts';

const c1 = 'charger/c1' as DeviceKey;
const f1 = 'fire/f1' as DeviceKey;
const minute = 60_000;
function begin() {
  const clock = createFakeClock();
  const watch = createDeviceWatch(clock, {
    silentAfter: { charger: 10 * minute, fire: 26 * 60 * minute },
    clockSkew: 5 * minute,
  });
  return { clock, watch };
}

describe('silence', () => {
  it('is told once, each class after its own time, and so is the return', async () => {
    const { clock, watch } = begin();
    watch.heard(c1, false, 0);
    watch.heard(f1, false, 0);
    await clock.advance(10 * minute - 1);
    expect(watch.tick()).toEqual([]);
    await clock.advance(1);
    expect(watch.tick()).toEqual([{ device: c1, change: 'silent', seconds: 600 }]);
    expect(watch.tick()).toEqual([]);
    await clock.advance(5 * minute);
    expect(watch.heard(c1, false, 0)).toEqual([{ device: c1, change: 'back', seconds: 900 }]);
    expect(watch.heard(c1, false, 0)).toEqual([]);
  });

  it('is told again when what was told could not be stored', async () => {
    const { clock, watch } = begin();
    watch.heard(c1, false, 0);
    await clock.advance(10 * minute);
    expect(watch.tick()).toHaveLength(1);
    watch.silenceUntold(c1);
    expect(watch.tick()).toEqual([{ device: c1, change: 'silent', seconds: 600 }]);
    expect(watch.tick()).toEqual([]);
  });

  it('follows on a farewell that nobody took back', async () => {
    const { clock, watch } = begin();
    watch.heard(c1, false, 0);
    await clock.advance(minute);
    watch.heard(c1, true, null);
    expect(watch.state(c1)).toBe('offline');
    await clock.advance(9 * minute);
    expect(watch.tick()).toEqual([{ device: c1, change: 'silent', seconds: 600 }]);
    expect(watch.heard(c1, true, null)).toEqual([]);
    expect(watch.state(c1)).toBe('silent');
  });

  it('does not trust a wall clock that jumps', async () => {
    const { clock, watch } = begin();
    watch.heard(c1, false, 0);
    clock.jumpWall(24 * 60 * minute);
    expect(watch.tick()).toEqual([]);
    await clock.advance(10 * minute);
    expect(watch.tick()).toHaveLength(1);
  });

  it('counts from the restart for devices heard before it, and is not told again for those silent already', async () => {
    const { clock, watch } = begin();
    const status = (key: DeviceKey, state: DeviceStatus['state']): DeviceStatus => ({
      key,
      state,
      lastHeardAt: state === 'never' ? null : ((clock.now() - 60 * minute) as EpochMs),
      lastFault: null,
      lastFaultAt: null,
    });
    const c2 = 'charger/c2' as DeviceKey;
    watch.restore([status(c1, 'online'), status(c2, 'silent'), status(f1, 'never')]);
    expect(watch.tick()).toEqual([]);
    await clock.advance(10 * minute);
    expect(watch.tick()).toEqual([{ device: c1, change: 'silent', seconds: 600 }]);
    expect(watch.heard(c2, false, 0)).toMatchObject([{ change: 'back' }]);
    expect(watch.state(f1)).toBeNull();
  });
});

describe('a clock that is wrong', () => {
  it('and fast is told at once, once until it is cured', () => {
    const { watch } = begin();
    expect(watch.heard(c1, false, -6 * minute)).toEqual([{ device: c1, change: 'clock-skew', seconds: -360 }]);
    expect(watch.heard(c1, false, -6 * minute)).toEqual([]);
    expect(watch.heard(c1, false, 1000)).toEqual([]);
    expect(watch.heard(c1, false, -6 * minute)).toHaveLength(1);
  });

  it('and slow is told when a later message shows the same', async () => {
    const { clock, watch } = begin();
    expect(watch.heard(c1, false, 7 * minute)).toEqual([]);
    await clock.advance(30_000);
    expect(watch.heard(c1, false, 7 * minute + 200)).toEqual([{ device: c1, change: 'clock-skew', seconds: 420 }]);
  });

  it('is not assumed of a device that sends what it had stored', async () => {
    const { clock, watch } = begin();
    for (let ago = 60; ago > 0; ago -= 3) {
      expect(watch.heard(c1, false, ago * minute)).toEqual([]);
      await clock.advance(500);
    }
  });
});

describe('a credential in two places', () => {
  it('is told when live connections take each other over in turn, at most once an hour', async () => {
    const { clock, watch } = begin();
    expect(watch.connected(c1, 'A', null)).toEqual([]);
    expect(watch.connected(c1, 'B', 'A')).toEqual([]);
    expect(watch.connected(c1, 'A', 'B')).toEqual([{ device: c1, change: 'credential-conflict', seconds: null }]);
    expect(watch.connected(c1, 'B', 'A')).toEqual([]);
    await clock.advance(60 * minute);
    watch.connected(c1, 'B', 'A');
    expect(watch.connected(c1, 'A', 'B')).toHaveLength(1);
  });

  it('is not assumed of one that reconnects, nor of one that moved', async () => {
    const { clock, watch } = begin();
    watch.connected(c1, 'A', null);
    expect(watch.connected(c1, 'A', 'A')).toEqual([]);
    expect(watch.connected(c1, 'B', 'A')).toEqual([]);
    await clock.advance(11 * minute);
    expect(watch.connected(c1, 'A', 'B')).toEqual([]);
  });
});

describe('rows about devices', () => {
  it('are one a device, however much was heard, and come again if they could not be written', () => {
    const { clock, watch } = begin();
    for (let index = 0; index < 1000; index += 1) watch.heard(c1, false, 0);
    watch.fault(c1, 'the payload is not JSON', false);
    const rows = watch.collect();
    const row = {
      kind: 'device-heard',
      device: c1,
      at: clock.now(),
      state: 'online',
      fault: 'the payload is not JSON',
    };
    expect(rows).toEqual([row]);
    expect(watch.collect()).toEqual([]);
    watch.restoreDirty(rows);
    expect(watch.collect()).toEqual([row]);
  });

  it('tell a refusal as an event at most once a minute', async () => {
    const { clock, watch } = begin();
    expect(watch.fault(c1, 'publish to x', true)).toHaveLength(1);
    expect(watch.fault(c1, 'publish to x', true)).toEqual([]);
    await clock.advance(minute);
    expect(watch.fault(c1, 'publish to x', true)).toHaveLength(1);
  });
});

describe('the rate of a device', () => {
  it('allows a minute of messages at once, and then holds for as long as the debt takes', () => {
    const bucket = createTokenBucket(60, 0);
    for (let index = 0; index < 60; index += 1) expect(bucket.take(0)).toBe(0);
    expect(bucket.take(0)).toBe(1000);
    expect(bucket.take(0)).toBe(2000);
    expect(bucket.take(3000)).toBe(0);
  });
});
