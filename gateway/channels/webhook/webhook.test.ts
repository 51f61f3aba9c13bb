import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generate } from 'selfsigned';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import type { Delivery, Feedback } from '../../domain/alert.ts';
import { noticeEvidenceSchema } from '../../domain/notice.ts';
import type { EpochMs } from '../../lib/clock.ts';
import { describeChannelContract, someAnswer, someDelivery } from '../contract.ts';
import { openChannels } from '../index.ts';
import { channelsOptions } from '../options.ts';
import { sha256Hex } from './codec.ts';
import { openWebhookBench, otherSecret, type WebhookBench } from './webhook-bench.ts';

describeChannelContract('webhook', openWebhookBench);

const benches: WebhookBench[] = [];
async function opened(setup: Parameters<typeof openWebhookBench>[0] = {}): Promise<WebhookBench> {
  const bench = await openWebhookBench(setup);
  benches.push(bench);
  return bench;
}
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.close();
});
const send = (bench: WebhookBench, delivery: Delivery = someDelivery()) =>
  bench.channel.send(delivery, new AbortController().signal);

describe('the body of a webhook', () => {
  it('is a CloudEvent in structured mode whose id is the webhook-id', async () => {
    const bench = await opened();
    await send(bench);
    const [request] = bench.far.requests;
    expect(request?.url).toBe('/notices?from=gw-1');
    expect(request?.headers).toMatchObject({
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'webhook-id': someDelivery().id,
      'content-length': String(request?.body.length),
    });
    expect(JSON.parse(request?.body.toString() ?? '')).toEqual({
      specversion: '1.0',
      id: someDelivery().id,
      source: '/community/nb-0231/gateway/gw-1',
      type: 'kanmen.notice.raised.v1',
      subject: 'a-1',
      time: '2026-01-02T11:04:05.000+08:00',
      datacontenttype: 'application/json',
      data: { alertId: 'a-1', title: { zh: '烟感报警', en: 'Smoke' }, evidence: [] },
    });
  });

  const picture = (id: string) => ({
    id,
    kind: 'picture',
    mediaType: 'image/jpeg',
    sha256: 'a'.repeat(64),
    capturedAt: '2026-01-02T11:04:05.000+08:00',
    camera: 'gate',
  });
  const clip = (id: string) => ({ ...picture(id), kind: 'clip' });
  const evidence = {
    read: (id: string) => {
      if (id === 'broken') return Promise.reject(new Error('evidence file altered'));
      return Promise.resolve(id === 'gone' ? null : { jpeg: Buffer.alloc(id === 'large' ? 2000 : 600, id) });
    },
    share: ({ id, kind }: { readonly id: string; readonly kind: string }) => {
      const until = Date.UTC(2026, 0, 9) as EpochMs;
      const link = { url: `https://gate.example/shared/${id}`, until };
      return Promise.resolve({
        link: kind === 'clip' && id !== 'c' ? null : link,
        original: id === 'a' ? { ...link, url: `${link.url}?open`, sha256: 'f'.repeat(64) } : null,
      });
    },
  };

  it('holds pictures up to the limit and names the others, each with the hash of the bytes given', async () => {
    const bench = await opened({ evidence, options: { inlineEvidenceUpTo: '1kB' } });
    const list = ['large', 'a', 'b', 'gone', 'broken'].map(picture);
    await send(bench, someDelivery({ data: { evidence: [...list, clip('c'), clip('hidden')] } }));
    const { evidence: sent } = bench.items[0]?.data as { evidence: unknown[] };
    const read = sent.map((item) => noticeEvidenceSchema.parse(item));
    expect(read.map((item) => [item.id, item.inline === undefined ? 'url' : 'inline'])).toEqual([
      ['large', 'url'],
      ['a', 'inline'],
      ['b', 'url'],
      ['gone', 'url'],
      ['broken', 'url'],
      ['c', 'url'],
    ]);
    const inline = Buffer.from(read[1]?.inline ?? '', 'base64');
    expect(inline).toEqual(Buffer.alloc(600, 'a'));
    expect(read[1]?.sha256).toBe(sha256Hex(inline));
    expect(read[0]).toMatchObject({
      url: 'https://gate.example/shared/large',
      urlUntil: '2026-01-09T08:00:00.000+08:00',
      sha256: sha256Hex(Buffer.alloc(2000, 'large')),
    });
    expect(read[1]?.original).toEqual({
      url: 'https://gate.example/shared/a?open',
      urlUntil: '2026-01-09T08:00:00.000+08:00',
      sha256: 'f'.repeat(64),
    });
    expect(bench.logged().map(({ msg, evidenceId }) => [msg, evidenceId])).toEqual([
      ['evidence not readable, notice sent without it', 'broken'],
    ]);
  });

  it('is the same, byte for byte, in every try; only time and signature differ', async () => {
    const bench = await opened({ evidence });
    const delivery = someDelivery({ data: { evidence: [picture('a'), picture('b')] } });
    bench.behave({ kind: 'busy', afterMs: null });
    await send(bench, delivery);
    bench.behave({ kind: 'accept' });
    await send(bench, { ...delivery, attempts: 1, lastError: 'status 503' });
    const [first, second] = bench.far.requests.map(({ body }) => body);
    expect(first?.length).toBeGreaterThan(1600);
    expect(second).toEqual(first);
  });
});

describe('the signature of a webhook', () => {
  it('is accepted by a receiver with the old secret and by one with the new while it is being changed', async () => {
    for (const farSecret of [undefined, otherSecret]) {
      const options = { previousSecretFile: 'old.secret' };
      const bench = await opened({ options, ...(farSecret !== undefined && { farSecret }) });
      expect((await send(bench)).kind).toBe('delivered');
      expect(bench.far.requests[0]?.headers['webhook-signature']).toMatch(/^v1,\S{44} v1,\S{44}$/);
      expect(bench.items).toHaveLength(1);
    }
  });

  it('is refused by a receiver with another secret', async () => {
    const bench = await opened();
    await send(bench);
    const [request] = bench.far.requests;
    const headers = request?.headers as Record<string, string>;
    expect(() => new Webhook(otherSecret).verify(request?.body.toString() ?? '', headers)).toThrow();
  });

  it('needs a secret file that is there and holds a secret', async () => {
    const open = (options: Record<string, unknown>) => opened({ options });
    await expect(open({ secretFile: 'nope' })).rejects.toMatchObject({ code: 'config.secret-missing' });
    await expect(open({ secretFile: '/dev/null' })).rejects.toMatchObject({ code: 'config.secret-missing' });
    await expect(open({ previousSecretFile: 'nope' })).rejects.toThrow(/channel desk/);
  });
});

describe('what the far side answers', () => {
  const statusOf = async (status: number, headers: Record<string, string> = {}) => {
    const bench = await opened();
    bench.far.behave((_, response) => response.writeHead(status, headers).end('{"words":"of the far side"}'));
    return send(bench);
  };

  it('is a receipt for 200, 201, 202 and 204, with the hash of the reply', async () => {
    for (const status of [200, 201, 202])
      expect(await statusOf(status)).toEqual({
        kind: 'delivered',
        receipt: `${status} sha256:${sha256Hex(Buffer.from('{"words":"of the far side"}'))}`,
        feedback: [],
      });
    expect(await statusOf(204)).toMatchObject({ kind: 'delivered' });
  });

  it('is tried again for 408, 409, 425, 429 and 5xx, rejected for every other 4xx', async () => {
    const kinds = async (statuses: number[]) =>
      Promise.all(statuses.map(async (status) => (await statusOf(status)).kind));
    expect(await kinds([408, 409, 425, 429, 500, 502, 503, 504])).toEqual(Array(8).fill('retry'));
    expect(await kinds([400, 410, 413, 415, 422])).toEqual(Array(5).fill('rejected'));
  });

  it('is a failure where it points elsewhere, which nobody follows', async () => {
    let visited = 0;
    const elsewhere = createServer((_, response) => {
      visited += 1;
      response.end();
    });
    elsewhere.listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const { port } = elsewhere.address() as AddressInfo;
    for (const status of [301, 302, 303, 307, 308])
      expect(await statusOf(status, { location: `http://127.0.0.1:${port}/` })).toMatchObject({
        kind: 'retry',
        reason: `status ${status}: a redirect, which is not followed`,
      });
    elsewhere.close();
    expect(visited).toBe(0);
  });

  it('says when to come again in seconds or as a date', async () => {
    expect(await statusOf(429, { 'retry-after': '7' })).toMatchObject({ kind: 'retry', afterMs: 7000 });
    const result = await statusOf(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() });
    if (result.kind !== 'retry') throw new Error('expected a retry');
    expect(result.afterMs).toBeGreaterThan(55_000);
    expect(result.afterMs).toBeLessThanOrEqual(60_000);
    expect(await statusOf(503, { 'retry-after': new Date(0).toUTCString() })).toMatchObject({ afterMs: 0 });
    for (const nonsense of ['soon', '-5', '1.5', '2026-01-02'])
      expect(await statusOf(503, { 'retry-after': nonsense })).toMatchObject({ afterMs: null });
  });

  it('counts as a failure where it breaks off or drips for longer than the timeout', async () => {
    const bench = await opened();
    bench.far.behave((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half');
      setImmediate(() => response.destroy());
    });
    expect((await send(bench)).kind).toBe('retry');
    bench.far.behave((_, response) => response.writeHead(200, { 'content-length': '100' }).write('half'));
    expect(await send(bench)).toEqual({ kind: 'retry', reason: 'no reply within 500 ms', afterMs: null });
  });

  it('is read up to a limit, beyond which it is still a receipt', async () => {
    const bench = await opened();
    bench.far.behave((_, response) => response.writeHead(200).end(`{"feedback":[${'"x",'.repeat(200_000)}"x"]}`));
    expect(await send(bench)).toMatchObject({ kind: 'delivered', feedback: [] });
    expect(bench.logged().map(({ faults }) => faults)).toEqual([['the reply is cut short or no JSON']]);
  });
});

describe('answers in the reply', () => {
  const replying = async (
    reply: string,
  ): Promise<{ readonly feedback: readonly Feedback[]; readonly bench: WebhookBench }> => {
    const bench = await opened();
    bench.behave({ kind: 'accept', reply });
    const result = await send(bench, someDelivery());
    if (result.kind !== 'delivered') throw new Error(`expected a receipt, got ${result.kind}`);
    return { feedback: result.feedback, bench };
  };

  it('are taken with an id of their own or one derived from what they say', async () => {
    const { alertId, kind, by, at, text } = someAnswer();
    const anonymous = { alertId, kind, by, at, text };
    const reply = JSON.stringify({ feedback: [someAnswer(), anonymous, { ...anonymous, text: '在路上' }] });
    const ids = (await replying(reply)).feedback.map(({ id }) => id);
    expect(ids[0]).toBe('f-1');
    expect(ids[1]).toMatch(/^h-[0-9a-f]{40}$/);
    expect(new Set(ids).size).toBe(3);
    expect((await replying(reply)).feedback.map(({ id }) => id)).toEqual(ids);
  });

  it('of a wrong form are left out and logged; the others count, and so does the receipt', async () => {
    const wrong = [
      null,
      7,
      {},
      { ...someAnswer(), kind: 'shrug' },
      { ...someAnswer(), at: 'yesterday' },
      { ...someAnswer(), at: '2026-01-02T11:05:00' },
      { ...someAnswer(), by: '' },
      { ...someAnswer(), text: 'x'.repeat(4001) },
    ];
    const { feedback, bench } = await replying(JSON.stringify({ feedback: [...wrong, someAnswer({ id: 'good' })] }));
    expect(feedback.map(({ id }) => id)).toEqual(['good']);
    expect(bench.logged().map(({ msg }) => msg)).toEqual(['feedback in a reply not understood']);
  });

  it('may be missing altogether, in any way that receivers are used to', async () => {
    for (const reply of ['', 'ok', '{}', '{"success":true}', '<html></html>', '[]', '"feedback"', '{"feedback":[]}']) {
      const { feedback, bench } = await replying(reply);
      expect(feedback).toEqual([]);
      expect(bench.logged()).toEqual([]);
    }
  });
});

describe('connections', () => {
  it('are kept and used again, and one that the far side closed meanwhile costs no try', async () => {
    const bench = await opened();
    for (let n = 0; n < 5; n += 1) expect((await send(bench)).kind).toBe('delivered');
    expect(bench.far.connections()).toBe(1);
    let broken = 0;
    bench.far.behave((_, response) => {
      // As if the far side had given the kept connection up just before the request came.
      if (bench.far.connections() === 1) {
        broken += 1;
        response.destroy();
      } else response.writeHead(204).end();
    });
    expect((await send(bench)).kind).toBe('delivered');
    expect([broken, bench.far.connections()]).toEqual([1, 2]);
    // A fresh connection that breaks is the far side's doing.
    bench.far.behave({ kind: 'break' });
    expect((await send(bench)).kind).toBe('retry');
  });

  it('that nobody takes are tried again', async () => {
    const bench = await opened({ options: { url: 'http://127.0.0.1:1/' } });
    expect(await send(bench)).toMatchObject({
      kind: 'retry',
      reason: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  it('to private addresses are refused where the channel says so, but for the hosts it lists', async () => {
    const refused = { kind: 'retry', reason: expect.stringContaining('PRIVATE') as string };
    const literal = await opened({ options: { allowPrivate: false } });
    expect(await send(literal)).toMatchObject({ kind: 'retry', reason: expect.stringContaining('private') as string });
    const { port } = new URL(literal.far.origin);
    const named = await opened({ options: { allowPrivate: false, url: `http://localhost:${port}/` } });
    expect(await send(named)).toMatchObject(refused);
    expect(literal.far.requests).toEqual([]);
    const listed = await opened({ options: { allowPrivate: false, allowHosts: ['127.0.0.1'] } });
    expect((await send(listed)).kind).toBe('delivered');
  });

  it('with TLS are made only to a far side whose authority is known', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      algorithm: 'sha256',
      keySize: 2048,
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    });
    const stranger = await opened({ tls: { key, cert } });
    expect(await send(stranger)).toMatchObject({ kind: 'retry', reason: expect.stringContaining('CERT') as string });
    expect(stranger.far.requests).toEqual([]);
    const known = await opened({ tls: { key, cert }, options: { tls: { caFile: 'ca.pem' } } });
    expect((await send(known)).kind).toBe('delivered');
  });
});

describe('the long poll', () => {
  /** Listens until `count` answers came, and gives their ids. */
  const listen = async (bench: WebhookBench, count: number): Promise<string[]> => {
    const ending = new AbortController();
    const ids: string[] = [];
    await bench.channel.listen((feedback) => {
      ids.push(`${feedback.id} ${feedback.by}`);
      if (ids.length === count) ending.abort();
      return Promise.resolve();
    }, ending.signal);
    return ids;
  };

  it('asks with cursor and source, signed over the request line, and confirms by the next cursor', async () => {
    const bench = await opened({ feedbackPath: '/feedback/gw-1?k=v' });
    bench.far.answer(someAnswer({ id: 'f-1' }));
    const ending = new AbortController();
    const listening = bench.channel.listen((feedback) => {
      if (feedback.id === 'f-1') bench.far.answer(someAnswer({ id: 'f-2' }));
      else ending.abort();
      return Promise.resolve();
    }, ending.signal);
    await listening;
    const source = encodeURIComponent('/community/nb-0231/gateway/gw-1');
    expect(bench.far.requests.slice(0, 2).map(({ url }) => url)).toEqual([
      `/feedback/gw-1?k=v&after=&waitS=25&source=${source}`,
      `/feedback/gw-1?k=v&after=1&waitS=25&source=${source}`,
    ]);
    expect(bench.far.requests[0]?.headers['webhook-id']).toMatch(/^poll-[0-9a-f-]{36}$/);
    expect(bench.far.polls.slice(0, 2)).toEqual(['', '1']);
  });

  it('believes no reply that was altered or signed for another request', async () => {
    for (const how of ['altered', 'replayed'] as const) {
      const bench = await opened();
      bench.far.answer(someAnswer());
      bench.far.forgeNext(how);
      expect(await listen(bench, 1)).toEqual(['f-1 李警官']);
      expect(bench.far.polls).toEqual(['', '']);
      expect(bench.logged()[0]).toMatchObject({ msg: 'answers cannot be asked for', what: 'poll' });
    }
  });

  it('passes over answers of a wrong form', async () => {
    const bench = await opened();
    bench.far.answer({ ...someAnswer(), kind: 'shrug' });
    bench.far.answer(someAnswer({ id: 'good' }));
    expect(await listen(bench, 1)).toEqual(['good 李警官']);
  });

  it('ends at once where the channel has no way back', async () => {
    const bench = await opened({ options: { feedbackUrl: undefined } });
    await bench.channel.listen(() => Promise.reject(new Error('nothing can come')), new AbortController().signal);
    expect(bench.far.requests).toEqual([]);
  });
});

describe('the options', () => {
  it('refuse addresses that are no http, hold a password, and keys they do not know', () => {
    const faults = (changes: Record<string, unknown>) =>
      channelsOptions
        .safeParse({ desk: { kind: 'webhook', url: 'https://desk.example/', secretFile: 's', ...changes } })
        .error?.issues.map(({ path, code }) => `${path.join('.')} ${code}`);
    expect(faults({})).toBeUndefined();
    expect(faults({ url: 'ftp://desk.example/' })).toEqual(['desk.url custom']);
    expect(faults({ url: 'https://me:secret@desk.example/' })).toEqual(['desk.url custom']);
    expect(faults({ feedbackUrl: 'nonsense' })).toEqual(['desk.feedbackUrl custom']);
    expect(faults({ retries: 3 })).toEqual(['desk unrecognized_keys']);
    expect(faults({ kind: 'pigeon' })).toEqual(['desk.kind invalid_union']);
  });

  it('may be empty', async () => {
    const given = { recipients: [] } as unknown as Parameters<typeof openChannels>[1];
    expect((await openChannels(channelsOptions.parse(undefined), given)).byId.size).toBe(0);
  });
});
