import { describe, expect, it, vi } from 'vitest';
import type { Change } from '../domain/change.ts';
import type { DeviceKey } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import { createLiveRing } from './live-ring.ts';
import { startTestApi, type TestClient } from './test-client.ts';
import { makeAlert, makePassage, makeSession } from './test-samples.ts';
import { createTestWorld } from './test-world.ts';

interface Received {
  readonly event: string;
  readonly data: { readonly [key: string]: unknown };
}

/** Reads a live feed as a browser would; `received` grows. */
async function watch(client: TestClient, cookie: string) {
  const reply = await client.get('/api/live', cookie);
  expect(reply.headers.get('content-type')).toContain('text/event-stream');
  const received: Received[] = [];
  const state = { ended: false };
  const read = async (): Promise<void> => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of reply.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const found = /^id: \d+\nevent: (\w+)\ndata: (.*)$/s.exec(block);
        if (found?.[1] && found[2]) received.push({ event: found[1], data: JSON.parse(found[2]) as Received['data'] });
      }
    }
  };
  void read()
    .catch(() => undefined)
    .finally(() => {
      state.ended = true;
    });
  await vi.waitFor(() => expect(received.map((item) => item.event)).toEqual(['hello']));
  return { received, state };
}

const recorded = (event: ReturnType<typeof makePassage>): Change => ({
  kind: 'event-recorded',
  event,
  messageKey: null,
});

describe('live feed', () => {
  it('tells passages, sessions and alerts as they are stored, in order', async () => {
    const client = await startTestApi();
    const { received } = await watch(client, await client.login('viewer'));
    const passage = makePassage();
    const alert = makeAlert();
    await client.world.commit([recorded(passage), { kind: 'session-saved', session: makeSession() }]);
    await client.world.commit([{ kind: 'alert-saved', alert }]);
    await vi.waitFor(() => expect(received).toHaveLength(4));
    expect(received.map((item) => item.event)).toEqual(['hello', 'passage', 'session', 'alert']);
    expect(received[1]?.data).toMatchObject({ id: passage.id, plate: { text: '浙B12345' } });
    expect(received[3]?.data).toMatchObject({ id: alert.id, tier: 'red', place: { area: { name: '1号车棚' } } });
  });

  it('sends only the newest of what it has to say about one thing', async () => {
    const clock = createFakeClock();
    const client = await startTestApi(createTestWorld({ clock }));
    const { received } = await watch(client, await client.login('viewer'));
    const session = makeSession();
    for (const energyKwh of [0.1, 0.2, 0.3]) {
      await client.world.commit([{ kind: 'session-saved', session: { ...session, energyKwh } }]);
    }
    for (let n = 0; n < 2000; n += 1) {
      const device = `fire/f-${n}` as DeviceKey;
      await client.world.commit([{ kind: 'device-heard', device, at: 1 as EpochMs, state: 'online', fault: null }]);
    }
    await clock.advance(100);
    await vi.waitFor(() => expect(received).toHaveLength(3));
    expect(received.slice(1)).toMatchObject([
      { event: 'session', data: { energyKwh: 0.3 } },
      { event: 'devices', data: {} },
    ]);
  });

  it('drops the oldest for a browser that is too slow, counts it and says that there is a gap', async () => {
    const clock = createFakeClock();
    const client = await startTestApi(createTestWorld({ clock }));
    const { received } = await watch(client, await client.login('viewer'));
    const passages = Array.from({ length: 600 }, () => makePassage());
    await client.world.commit(passages.map(recorded));
    await clock.advance(100);
    await vi.waitFor(() => expect(received).toHaveLength(1 + 1 + 512));
    expect(received[1]).toEqual({ event: 'gap', data: { dropped: 88 } });
    expect(received[2]?.data['id']).toBe(passages[88]?.id);
    expect(received.at(-1)?.data['id']).toBe(passages.at(-1)?.id);
    expect(client.world.given.live.report()).toMatchObject({ passed: 512, dropped: 88 });
  });

  it('ends soon after the login has ended, and when the gateway stops', async () => {
    const clock = createFakeClock();
    const client = await startTestApi(createTestWorld({ clock }));
    const first = await client.login('viewer');
    const one = await watch(client, first);
    const two = await watch(client, await client.login('manager'));
    await client.post('/api/logout', {}, first);
    await clock.advance(15_000);
    await vi.waitFor(() => expect(one.state.ended).toBe(true));
    expect(two.state.ended).toBe(false);
    expect(client.world.given.live.report().depth).toBe(1);
  });

  it('costs nothing while nobody watches', async () => {
    const { world } = await startTestApi();
    await world.commit([recorded(makePassage())]);
    expect(world.given.live.report()).toMatchObject({ depth: 0, passed: 0, dropped: 0 });
  });
});

describe('ring', () => {
  it('keeps the newest, in the order in which they happened', () => {
    const ring = createLiveRing(3);
    const push = (key: string | null, data: string): void => ring.push({ key, name: 'x', data });
    push('a', '1');
    push('b', '2');
    push('a', '3');
    push(null, '4');
    push(null, '5');
    const taken = ring.take();
    expect([taken.items.map((item) => item.data), taken.dropped]).toEqual([['3', '4', '5'], 1]);
    expect(ring.take()).toEqual({ items: [], dropped: 0 });
  });
});
