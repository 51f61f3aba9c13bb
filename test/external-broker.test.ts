import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceKey } from '../gateway/domain/ids.ts';
import { createSink, device, until } from '../gateway/ingest/ingest-fixture.ts';
import { createIngest, mqttOptions, type Ingest } from '../gateway/ingest/index.ts';
import { systemClock } from '../gateway/lib/clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { systemRandom } from '../gateway/lib/random.ts';
import { startMosquitto, type Mosquitto } from './support/mosquitto.ts';

const smoke = (id: string, extra: object = {}): string =>
  JSON.stringify({ v: 1, ts: new Date().toISOString(), id, device: 'f1', kind: 'smoke', active: true, ...extra });

describe('an external broker (Mosquitto)', () => {
  let broker: Mosquitto;
  let sensor: MqttClient;
  let gateways: Ingest[] = [];

  beforeEach(async () => {
    broker = await startMosquitto('max_queued_messages 100000');
    sensor = await connectAsync(broker.url, { reconnectPeriod: 0 });
    sensor.on('error', () => undefined);
    gateways = [];
  });
  afterEach(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await sensor.endAsync(true);
    await broker.stop();
  });

  async function startGateway(sink = createSink(), more: object = {}) {
    const devices = new Map(['fire/f1', 'charger/c1'].map((key) => [key as DeviceKey, device(key)]));
    const ingest = createIngest({
      options: mqttOptions.parse({ external: { url: broker.url, connections: 3, ...more } }),
      site: 's1',
      devices: { find: (key) => devices.get(key), statuses: () => [], version: () => 1 },
      sink,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
    gateways.push(ingest);
    await ingest.start(new AbortController().signal);
    expect(ingest.address()).toBeNull();
    return { ingest, sink };
  }
  const say = (payload: string, topic = 'community/s1/fire/f1/alarm'): Promise<unknown> =>
    sensor.publishAsync(topic, payload, { qos: 1 });
  const keysOf = (sink: ReturnType<typeof createSink>): (string | null)[] => sink.events.map(({ key }) => key);
  /** Publishes until the subscription is there: before that, a broker has nowhere to keep a message. */
  const subscribed = async (sink: ReturnType<typeof createSink>): Promise<void> => {
    for (let probe = 0; sink.events.length === 0; probe += 1) {
      await say(smoke(`probe-${probe}`));
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
    sink.events.length = 0;
  };

  it.each(['5', '3.1.1'])('hands every message over once, over MQTT %s', async (protocol) => {
    const { sink } = await startGateway(createSink(), { protocol });
    await subscribed(sink);
    await Promise.all(Array.from({ length: 200 }, (_, index) => say(smoke(`n${index}`))));
    await until('all came', () => new Set(keysOf(sink)).size >= 200 && sink.events.length >= 200);
    expect(keysOf(sink).filter((key) => key?.includes(':n') === true)).toHaveLength(200);
  });

  it('shares the messages between gateways of one group', async () => {
    const sinks = [createSink(), createSink()];
    const [one, two] = sinks as [ReturnType<typeof createSink>, ReturnType<typeof createSink>];
    await startGateway(one, { clientId: 'one' });
    await subscribed(one);
    await startGateway(two, { clientId: 'two' });
    await subscribed(two);
    one.events.length = 0;
    await Promise.all(Array.from({ length: 120 }, (_, index) => say(smoke(`n${index}`))));
    const keys = (): string[] =>
      sinks.flatMap((sink) => keysOf(sink)).filter((key) => key?.includes(':n') === true) as string[];
    await until('all came', () => keys().length >= 120);
    expect(new Set(keys()).size).toBe(120);
    expect(keys()).toHaveLength(120);
    expect(one.events.length).toBeGreaterThan(0);
    expect(two.events.length).toBeGreaterThan(0);
  });

  it('keeps a message until the gateway has stored it, over a gateway that ends before', async () => {
    const { ingest, sink } = await startGateway();
    await subscribed(sink);
    let giveUp: (error: Error) => void = () => undefined;
    sink.answerWith(
      () =>
        new Promise((_resolve, reject) => {
          giveUp = reject;
        }),
    );
    await say(smoke('kept'));
    await until('the gateway has it', () => keysOf(sink).includes('id:fire/f1:kept'));
    // The gateway goes without having acknowledged; `stop` would wait for the store, as a killed process does not.
    const stopped = ingest.stop();
    gateways = [];
    const next = await startGateway();
    await until('the broker sends it again', () => keysOf(next.sink).includes('id:fire/f1:kept'));
    giveUp(new Error('killed'));
    await stopped;
  });

  it('does not acknowledge what the store could not take: the broker sends it again', async () => {
    const { ingest, sink } = await startGateway();
    await subscribed(sink);
    sink.answerWith(() => Promise.reject(new Error('disk full')));
    await say(smoke('hard'));
    await until('it was tried', () => ingest.counts().notStored > 0);
    sink.answerWith(() => Promise.resolve());
    await until('it came again', () => sink.events.length >= 2 && ingest.report()[1]?.depth === 0);
    expect(new Set(keysOf(sink))).toEqual(new Set(['id:fire/f1:hard']));
  });

  it('gets what was said while it was away', async () => {
    const { ingest, sink } = await startGateway();
    await subscribed(sink);
    await ingest.stop();
    await say(smoke('meanwhile'));
    const next = await startGateway();
    await until('it came', () => keysOf(next.sink).includes('id:fire/f1:meanwhile'));
  });

  it('puts what is malformed, forged or from a stranger in quarantine and goes on', async () => {
    const { ingest, sink } = await startGateway();
    await subscribed(sink);
    await say('{');
    await say(smoke('x', { device: 'f2' }));
    await say(smoke('x'), 'community/s1/fire/stranger/alarm');
    await say(smoke('x'), 'community/s1/fire/f1/down/test');
    await until('three were put aside', () => sink.quarantined().length === 3);
    await say(smoke('good'));
    await until('the good one came', () => keysOf(sink).includes('id:fire/f1:good'));
    expect(ingest.counts()).toMatchObject({ quarantined: 3, unknownDevice: 1, refused: 1 });
    expect(sink.deviceChanges()).toMatchObject([{ device: 'fire/f1', change: 'refused' }]);
  });
});
