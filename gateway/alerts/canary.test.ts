import { describe, expect, it } from 'vitest';
import type { Delivery } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import { canaryEventSchema } from '../domain/notice.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { systemRandom } from '../lib/random.ts';
import { someRecipients } from './alerts-bench.ts';
import { createCanary } from './canary.ts';
import { alertsOptions } from './options.ts';

const secondMs = 1000;

/** Canaries over an outbox that answers as `far` says. */
async function started(far: { answer: 'receipt' | 'refused' | 'silence' }) {
  const clock = createFakeClock();
  const sent: Delivery[] = [];
  const changes: string[] = [];
  const canary = createCanary({
    options: alertsOptions.parse({}).canary,
    recipients: someRecipients.slice(0, 2),
    hasChannel: (channel) => channel === 'desk',
    commit: (batch: readonly Change[]) => {
      for (const change of batch) if (change.kind === 'delivery-created') sent.push(change.delivery);
      return Promise.resolve();
    },
    wake: () => {
      const last = sent.slice(-2);
      if (far.answer === 'silence') return;
      const state = far.answer === 'receipt' ? 'delivered' : 'dead';
      clock.after(20, () => {
        for (const { id } of last)
          canary.stored([
            {
              kind: 'delivery-tried',
              id,
              at: clock.now(),
              state,
              attempts: 1,
              nextAttemptAt: clock.now(),
              result: 'ECONNREFUSED',
            },
          ]);
      });
    },
    gateway: 'gw-1',
    timeZone: 'Asia/Shanghai',
    ...{ clock, random: systemRandom, logger: silentLogger },
  });
  canary.onChange(({ recipient, state }) => changes.push(`${recipient} ${state}`));
  await canary.start(new AbortController().signal);
  return { clock, canary, sent, changes, states: () => canary.report().map(({ state }) => state) };
}

describe('canaries', () => {
  it('go to every recipient over his channel, last of all, in the published form, once a minute', async () => {
    const { clock, canary, sent, states } = await started({ answer: 'receipt' });
    await clock.advance(secondMs);
    expect(states()).toEqual(['working', 'working']);
    expect(sent.map(({ item, tier, recipient, channel }) => [item, tier, recipient, channel])).toEqual([
      ['canary', 'blue', 'station', 'desk'],
      ['canary', 'blue', 'fire-department', 'desk'],
    ]);
    const envelope = {
      specversion: '1.0',
      id: 'x',
      source: '/s',
      time: '2026-01-02T11:04:05+08:00',
      datacontenttype: 'application/json',
    };
    for (const { type, data } of sent)
      expect(canaryEventSchema.safeParse({ ...envelope, type, data }).success).toBe(true);
    await clock.advance(600 * secondMs);
    expect(sent.length).toBeGreaterThanOrEqual(20);
    expect(sent.length).toBeLessThanOrEqual(24);
    await canary.stop();
    await clock.advance(600 * secondMs);
    expect(sent.length).toBeLessThanOrEqual(24);
  });

  it.each(['refused', 'silence'] as const)(
    'find a way that breaks (%s) within two minutes, whenever it breaks',
    async (how) => {
      for (const afterS of [1, 17, 42, 59]) {
        const far: { answer: 'receipt' | 'refused' | 'silence' } = { answer: 'receipt' };
        const { clock, canary, states, changes } = await started(far);
        await clock.advance((60 + afterS) * secondMs);
        expect(states()).toEqual(['working', 'working']);
        far.answer = how;
        await clock.advance(120 * secondMs);
        expect(states()).toEqual(['broken', 'broken']);
        expect(canary.report()[0]?.reason).toBe(how === 'refused' ? 'ECONNREFUSED' : 'no receipt within 40 s');
        expect(changes).toEqual(['station broken', 'fire-department broken']);
        if (how === 'refused') {
          far.answer = 'receipt';
          await clock.advance(60 * secondMs);
          expect(changes.slice(2)).toEqual(['station working', 'fire-department working']);
        }
        await canary.stop();
      }
    },
  );

  it('do not call a way broken for one refusal', async () => {
    const far: { answer: 'receipt' | 'refused' } = { answer: 'receipt' };
    const { clock, canary, changes } = await started(far);
    await clock.advance(30 * secondMs);
    far.answer = 'refused';
    await clock.advance(31 * secondMs);
    far.answer = 'receipt';
    await clock.advance(600 * secondMs);
    expect(changes).toEqual([]);
    await canary.stop();
  });
});
