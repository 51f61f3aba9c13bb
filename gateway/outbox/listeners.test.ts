import { describe, expect, it } from 'vitest';
import type { Channel } from '../domain/delivery.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { createFeedbackListeners } from './index.ts';

describe('the listeners', () => {
  it('take up a way back that broke, ever more slowly, and end with stop', async () => {
    const clock = createFakeClock();
    const at: number[] = [];
    const broken: Channel = {
      id: 'desk',
      kind: 'test',
      send: () => Promise.reject(new Error('not used')),
      listen: () => {
        at.push(clock.monotonic());
        return Promise.reject(new Error('broken'));
      },
    };
    const silent: Channel = {
      ...broken,
      id: 'silent',
      listen: (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    };
    const listeners = createFeedbackListeners({
      channels: new Map([broken, silent].map((channel) => [channel.id, channel])),
      onFeedback: () => Promise.resolve(),
      clock,
      random: { unit: () => 1 },
      logger: silentLogger,
    });
    await listeners.start(new AbortController().signal);
    await clock.advance(20_000);
    expect(at).toEqual([0, 1000, 3000, 7000, 15000]);
    await listeners.stop();
    await listeners.stop();
    await clock.advance(100_000);
    expect(at).toHaveLength(5);
  });
});
