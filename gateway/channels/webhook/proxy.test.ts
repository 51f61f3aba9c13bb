import { generate } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import { someDelivery } from '../contract.ts';
import { openTestProxy, type TestProxy } from './proxy-bench.ts';
import { openWebhookBench, type WebhookBench } from './webhook-bench.ts';

const closes: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});
async function proxied(
  authorization: string | null,
  setup: Parameters<typeof openWebhookBench>[0] & { readonly options: Record<string, unknown> },
): Promise<WebhookBench & { readonly proxy: TestProxy }> {
  const proxy = await openTestProxy(authorization);
  const options = { timeout: '5s', ...setup.options, proxy: { url: proxy.origin, ...(setup.options['proxy'] ?? {}) } };
  const bench = await openWebhookBench({ ...setup, options });
  proxy.leadTo(bench.far.origin);
  closes.push(
    () => bench.close(),
    () => proxy.close(),
  );
  return Object.assign(bench, { proxy });
}
const send = (bench: WebhookBench) => bench.channel.send(someDelivery(), new AbortController().signal);
const certificate = () =>
  generate([{ name: 'commonName', value: 'station.example' }], {
    algorithm: 'sha256',
    keySize: 2048,
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'station.example' }] }],
  });
const basic = `Basic ${Buffer.from('gate:proxy-word').toString('base64')}`;

describe('a webhook through a proxy', () => {
  it('asks the proxy for the whole address over http, and looks no name up itself', async () => {
    const bench = await proxied(null, { options: { url: 'http://station.example/notices?from=gw-1' } });
    expect(await send(bench)).toMatchObject({ kind: 'delivered' });
    expect(bench.proxy.asked).toEqual(['POST http://station.example/notices?from=gw-1']);
    expect(bench.far.requests[0]?.headers).toMatchObject({ host: 'station.example' });
    expect(bench.items).toHaveLength(1);
  });

  it('opens a tunnel over https and proves the far side itself, by its pinned authority', async () => {
    const { private: key, cert } = await certificate();
    const url = 'https://station.example/notices';
    const bench = await proxied(basic, {
      tls: { key, cert },
      options: { url, tls: { caFile: 'ca.pem' }, proxy: { username: 'gate', passwordFile: 'proxy.password' } },
    });
    expect(await send(bench)).toMatchObject({ kind: 'delivered' });
    expect(await send(bench)).toMatchObject({ kind: 'delivered' });
    // One tunnel, kept and used again; the proxy never sees the password of the far side or the notice.
    expect(bench.proxy.asked).toEqual(['CONNECT station.example:443']);
    expect(bench.far.connections()).toBe(1);
    expect(bench.far.requests[0]?.headers['proxy-authorization']).toBeUndefined();

    const stranger = await proxied(null, { tls: { key, cert }, options: { url } });
    expect(await send(stranger)).toMatchObject({ kind: 'retry', reason: expect.stringContaining('CERT') as string });
    expect(stranger.far.requests).toEqual([]);
  });

  it('that refuses is a failure to be tried again, and its password stands in no reason', async () => {
    const wrong = { username: 'gate', passwordFile: 'station.secret' };
    const { private: key, cert } = await certificate();
    const secure = await proxied(basic, {
      tls: { key, cert },
      options: { url: 'https://station.example/', tls: { caFile: 'ca.pem' }, proxy: wrong },
    });
    const refused = await send(secure);
    expect(refused).toMatchObject({ kind: 'retry', reason: 'the proxy refuses: status 407' });
    expect(secure.far.requests).toEqual([]);
    const gone = await proxied(null, { options: { url: 'https://station.example/' } });
    await gone.proxy.close();
    expect(await send(gone)).toMatchObject({ kind: 'retry', reason: expect.stringContaining('ECONN') as string });
  });

  it('still refuses an address written as a number that is private, where that is not allowed', async () => {
    const bench = await proxied(null, { options: { url: 'http://10.0.0.7/notices', allowPrivate: false } });
    expect(await send(bench)).toMatchObject({ kind: 'retry' });
    expect(bench.proxy.asked).toEqual([]);
  });
});
