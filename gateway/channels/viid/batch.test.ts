import { describe, expect, it } from 'vitest';
import type { Exchange } from '../webhook/http-exchange.ts';
import { createBatches } from './batch.ts';
import type { BuiltObject } from './objects.ts';
import { verdictOf } from './reply.ts';
import type { ViidRequest, ViidSession } from './session.ts';

const car = (id: string, sizeBytes = 100): BuiltObject => ({
  ...{ kind: 'motorVehicle', id },
  body: { MotorVehicleID: id, Data: 'x'.repeat(sizeBytes) },
});
const idsOf = ({ body }: ViidRequest): string[] => {
  const { MotorVehicleListObject: list } = body as {
    MotorVehicleListObject?: { MotorVehicleObject: { MotorVehicleID: string }[] };
  };
  return list?.MotorVehicleObject.map(({ MotorVehicleID }) => MotorVehicleID) ?? [];
};
const replyOf = (statuses: readonly (readonly [id: string | null, code: number])[], status = 200): Exchange => ({
  ...{ kind: 'reply', status, header: () => null, cut: false },
  body: Buffer.from(
    JSON.stringify({
      ResponseStatusListObject: {
        ResponseStatusObject: statuses.map(([Id, StatusCode]) => ({ StatusCode, ...(Id !== null && { Id }) })),
      },
    }),
  ),
});

/** A session whose platform answers as told, once each request is let go. */
function held(answer: (ids: readonly string[]) => Exchange) {
  const sent: string[][] = [];
  let letGo: (() => void)[] = [];
  const session: Pick<ViidSession, 'request'> = {
    request: async (request, signal) => {
      const ids = idsOf(request);
      sent.push(ids);
      await new Promise<void>((resolve) => {
        letGo.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      if (signal.aborted) return { kind: 'retry', reason: 'aborted', afterMs: null };
      const exchange = answer(ids);
      request.onReply?.(exchange);
      const verdict = verdictOf(exchange, request.objectId, 0);
      if (verdict.kind === 'unauthorised' || verdict.kind === 'rebooted') throw new Error('not meant');
      return verdict;
    },
  };
  return {
    session,
    sent,
    /** Lets the request under way end, and everything that follows from that happen. */
    next: async () => {
      const [first, ...others] = letGo;
      letGo = others;
      first?.();
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    },
  };
}
const allTaken = (ids: readonly string[]): Exchange => replyOf(ids.map((id) => [id, 0]));
const settings = { maxObjects: 3, maxBytes: 1000, now: () => 0 };
const running = new AbortController().signal;

describe('objects of GA/T 1400 in lists', () => {
  it('go at once when they are alone, and together when they come meanwhile, up to the limits', async () => {
    const { session, sent, next } = held(allTaken);
    const batches = createBatches({ ...settings, session });
    const all = ['a', 'b', 'c', 'd', 'e'].map((id) => batches.send(car(id), running));
    expect(sent).toEqual([['a']]);
    for (let n = 0; n < 3; n += 1) await next();
    expect(sent).toEqual([['a'], ['b', 'c', 'd'], ['e']]);
    expect((await Promise.all(all)).map(({ kind }) => kind)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);

    const large = ['f', 'g', 'h'].map((id) => batches.send(car(id, 600), running));
    for (let n = 0; n < 3; n += 1) await next();
    await Promise.all(large);
    expect(sent.slice(3)).toEqual([['f'], ['g'], ['h']]);
  });

  it('are each judged by the status that carries their id', async () => {
    const { session, next } = held((ids) =>
      replyOf(ids.flatMap((id) => (id === 'gone' ? [] : [[id, id === 'bad' ? 8 : id === 'busy' ? 2 : 0] as const]))),
    );
    const batches = createBatches({ ...settings, maxObjects: 9, session });
    const [, ...rest] = ['first', 'good', 'bad', 'busy', 'gone'].map((id) => batches.send(car(id), running));
    await next();
    await next();
    // `gone` has no status though the others have: it is asked for again, alone, since somebody was refused.
    await next();
    expect((await Promise.all(rest)).map(({ kind }) => kind)).toEqual(['ok', 'rejected', 'retry', 'ok']);
  });

  it('are sent one by one when the platform refuses a list and does not say whom', async () => {
    const { session, sent, next } = held((ids) => replyOf([[null, ids.includes('bad') ? 8 : 0]]));
    const batches = createBatches({ ...settings, session });
    const [, ...rest] = ['first', 'b', 'bad', 'd'].map((id) => batches.send(car(id), running));
    for (let n = 0; n < 6; n += 1) await next();
    expect((await Promise.all(rest)).map(({ kind }) => kind)).toEqual(['ok', 'rejected', 'ok']);
    expect(sent).toEqual([['first'], ['b', 'bad', 'd'], ['b'], ['bad'], ['d']]);
  });

  it('end one by one with their signals; the list goes on while anybody waits for it', async () => {
    const { session, sent, next } = held(allTaken);
    const batches = createBatches({ ...settings, session });
    const [first, second] = [new AbortController(), new AbortController()];
    const a = batches.send(car('a'), running);
    const b = batches.send(car('b'), first.signal);
    const c = batches.send(car('c'), second.signal);
    await next();
    expect(sent).toEqual([['a'], ['b', 'c']]);
    first.abort();
    expect(await b).toMatchObject({ kind: 'retry', reason: 'aborted' });
    await next();
    expect([(await a).kind, (await c).kind]).toEqual(['ok', 'ok']);
    expect(await batches.send(car('d'), first.signal)).toMatchObject({ kind: 'retry' });
    expect(sent).toHaveLength(2);
  });
});
