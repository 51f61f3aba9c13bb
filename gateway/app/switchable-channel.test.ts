import { describe, expect, it } from 'vitest';
import type { OpenChannel } from '../channels/index.ts';
import type { Delivery, Feedback } from '../domain/alert.ts';
import type { DeliveryResult } from '../domain/delivery.ts';
import { createSwitchableChannel } from './switchable-channel.ts';

const delivery = { id: 'd' } as unknown as Delivery;
const never = new AbortController().signal;

/** A far side that answers when it is told to. */
function farSide(name: string, wayBack = true) {
  const log: string[] = [];
  let answer: (result: DeliveryResult) => void = () => undefined;
  let heard: ((feedback: Feedback) => Promise<void>) | null = null;
  const open: OpenChannel = {
    channel: {
      id: 'desk',
      kind: 'webhook',
      send: () =>
        new Promise((resolve) => {
          log.push('send');
          answer = resolve;
        }),
      listen: (onFeedback, signal) => {
        log.push('listen');
        if (!wayBack) return Promise.resolve();
        heard = onFeedback;
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            log.push('deaf');
            resolve();
          });
        });
      },
      fault: () => `fault of ${name}`,
    },
    close: () => void log.push('closed'),
  };
  return {
    open,
    log,
    receive: () => answer({ kind: 'delivered', receipt: name, feedback: [] }),
    say: () => heard?.({ id: name } as unknown as Feedback),
  };
}

describe('a way out whose far side changes', () => {
  it('sends over the new one from then on, and lets the old one go when nothing is under way on it', async () => {
    const [old, next] = [farSide('old'), farSide('next')];
    const way = createSwitchableChannel(old.open);
    const first = way.channel.send(delivery, never);
    way.take(next.open);
    expect(old.log).toEqual(['send']);
    const second = way.channel.send(delivery, never);
    old.receive();
    next.receive();
    expect([await first, await second].map((result) => result.kind === 'delivered' && result.receipt)).toEqual([
      'old',
      'next',
    ]);
    expect([old.log, next.log]).toEqual([['send', 'closed'], ['send']]);
    expect(way.channel.fault?.()).toBe('fault of next');
    way.close();
    expect(next.log).toEqual(['send', 'closed']);
  });

  it('listens to the new one, also where the old one had no way back, until the signal ends it', async () => {
    const [silent, old, next] = [farSide('silent', false), farSide('old'), farSide('next')];
    const way = createSwitchableChannel(silent.open);
    const ending = new AbortController();
    const heard: string[] = [];
    const listening = way.channel.listen((feedback) => {
      heard.push(feedback.id);
      return Promise.resolve();
    }, ending.signal);
    const turn = (): Promise<void> => new Promise(setImmediate);
    await turn();
    way.take(old.open);
    await turn();
    await old.say();
    way.take(next.open);
    await turn();
    await next.say();
    expect(heard).toEqual(['old', 'next']);
    expect([silent.log, old.log, next.log]).toEqual([['listen', 'closed'], ['listen', 'deaf', 'closed'], ['listen']]);
    ending.abort();
    await listening;
    expect(next.log).toEqual(['listen', 'deaf']);
  });
});
