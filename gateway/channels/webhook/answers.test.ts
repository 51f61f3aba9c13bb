import type { ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import type { DeliveryId } from '../../domain/ids.ts';
import { someAnswer, someDelivery } from '../contract.ts';
import type { FarRequest } from './far-side.ts';
import { openTestProxy } from './proxy-bench.ts';
import { openWebhookBench, otherSecret, secret, type WebhookBench } from './webhook-bench.ts';

/** Answers that come with the reply to a notice: whose word they are, and that none is lost with a lost reply. */

const closes: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});
async function opened(options: Record<string, unknown> = {}): Promise<WebhookBench> {
  const bench = await openWebhookBench({ options });
  closes.push(() => bench.close());
  return bench;
}
/** The same over a network: by a proxy, to an address that is not this machine. */
async function openedFarAway(options: Record<string, unknown> = {}): Promise<WebhookBench> {
  const proxy = await openTestProxy();
  const bench = await openWebhookBench({
    options: { url: 'http://station.example/notices', proxy: { url: proxy.origin }, ...options },
  });
  proxy.leadTo(bench.far.origin);
  closes.push(
    () => bench.close(),
    () => proxy.close(),
  );
  return bench;
}
const send = (bench: WebhookBench, id = someDelivery().id) =>
  bench.channel.send(someDelivery({ id }), new AbortController().signal);

const answers = (ids: readonly string[], cursor?: string): string =>
  JSON.stringify({ feedback: ids.map((id) => someAnswer({ id })), ...(cursor !== undefined && { cursor }) });
/** Replies with this body, signed as told; `null`: not at all. */
const replying =
  (body: string, sign: { readonly key?: string; readonly id?: string; readonly ageS?: number } | null) =>
  (request: FarRequest, response: ServerResponse): void => {
    const at = new Date(Date.now() - (sign?.ageS ?? 0) * 1000);
    const id = sign?.id ?? String(request.headers['webhook-id']);
    response.writeHead(200, {
      'content-type': 'application/json',
      ...(sign && {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': new Webhook(sign.key ?? secret).sign(id, at, body),
      }),
    });
    response.end(body);
  };
const idsOf = (result: Awaited<ReturnType<typeof send>>): string[] =>
  result.kind === 'delivered' ? result.feedback.map(({ id }) => id) : [result.kind];

describe('answers in a reply', () => {
  it('are taken when they are signed for this very request', async () => {
    const bench = await openedFarAway();
    bench.far.behave(replying(answers(['f-1', 'f-2']), {}));
    expect(idsOf(await send(bench))).toEqual(['f-1', 'f-2']);
    expect(bench.refused).toEqual([]);
  });

  it('with a wrong signature, an old one or one for another request are refused; the receipt stands', async () => {
    const bench = await opened({ unsignedAnswers: 'accept' });
    for (const sign of [{ key: otherSecret }, { ageS: 400 }, { id: 'delivery-of-yesterday' }]) {
      bench.far.behave(replying(answers(['f-1']), sign));
      expect(await send(bench)).toMatchObject({ kind: 'delivered', feedback: [] });
    }
    const subject = `1 answers to ${someDelivery().id}`;
    expect(bench.refused).toEqual([`wrong-signature ${subject}`, `expired ${subject}`, `replayed ${subject}`]);
  });

  it('without a signature are taken from this machine, over a network only where that is said', async () => {
    const taken = async (bench: WebhookBench): Promise<string[]> => {
      bench.far.behave(replying(answers(['f-1']), null));
      return idsOf(await send(bench));
    };
    expect(await taken(await opened())).toEqual(['f-1']);
    expect(await taken(await opened({ unsignedAnswers: 'refuse' }))).toEqual([]);
    const strict = await openedFarAway();
    expect(await taken(strict)).toEqual([]);
    expect(strict.refused).toEqual([`unsigned 1 answers to ${someDelivery().id}`]);
    expect(await taken(await openedFarAway({ unsignedAnswers: 'accept' }))).toEqual(['f-1']);
  });

  it('come again with the next reply until the gateway says, signed, that they are on disk', async () => {
    const bench = await opened({ feedbackUrl: undefined });
    /** A receiver that keeps an answer until it is confirmed, as README.md says. */
    let confirmed = '';
    const heard: string[] = [];
    bench.far.behave((request, response) => {
      const cursor = decodeURIComponent(String(request.headers['kanmen-answers-after'] ?? ''));
      if (cursor !== '') {
        const at = new Date(Number(request.headers['webhook-timestamp']) * 1000);
        const expected = new Webhook(secret).sign(String(request.headers['webhook-id']), at, `answers-after:${cursor}`);
        expect(request.headers['kanmen-answers-signature']).toBe(expected);
        confirmed = cursor;
      }
      heard.push(confirmed);
      replying(confirmed === 'nach f-1' ? answers([], confirmed) : answers(['f-1'], 'nach f-1'), {})(request, response);
    });
    const nth = (n: number) => send(bench, `d-${n}` as DeliveryId);
    // The reply came, but could not be stored: the outbox did not call `stored`.
    expect(idsOf(await nth(1))).toEqual(['f-1']);
    const second = await nth(2);
    expect(idsOf(second)).toEqual(['f-1']);
    if (second.kind === 'delivered') second.stored?.();
    expect(idsOf(await nth(3))).toEqual([]);
    expect(heard).toEqual(['', '', 'nach f-1']);
  });

  it('are confirmed on no word but that of the far side', async () => {
    const bench = await opened();
    bench.far.behave(replying(answers(['f-1'], 'c-1'), null));
    const first = await send(bench);
    if (first.kind === 'delivered') first.stored?.();
    await send(bench);
    expect(bench.far.requests.map(({ headers }) => headers['kanmen-answers-after'])).toEqual([undefined, undefined]);
  });
});
