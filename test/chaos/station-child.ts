/**
 * A recipient at an MQTT broker, in a process of its own: a session that outlives its connection, a book that is on disk before
 * it answers over the Response Topic. Argument: a JSON file (`StationPlan`). It ends with stdin.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { connect, type IPublishPacket } from 'mqtt';
import { createSteeredClock } from '../../gateway/lib/steering.ts';
import { parseWebhookSecret, signWebhook, verifyWebhook } from '../../gateway/lib/standard-webhooks.ts';
import { openLedgerFile } from './ledger-file.ts';
import { noticesOf } from './notices-of.ts';

export interface StationPlan {
  readonly broker: string;
  /** Root of the gateway's topics. */
  readonly topic: string;
  readonly ledger: string;
  readonly secret: string;
  readonly steering: string;
}

const plan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as StationPlan;
const key = parseWebhookSecret(plan.secret);
if (!key) throw new Error('no secret');
const clock = createSteeredClock(plan.steering);
const ledger = await openLedgerFile(plan.ledger);

const client = connect(plan.broker, {
  ...{
    protocolVersion: 5,
    clientId: 'station',
    clean: false,
    reconnectPeriod: 200,
    connectTimeout: 2000,
    keepalive: 5,
  },
  properties: { sessionExpiryInterval: 3600 },
  resubscribe: false,
});
client.on('error', () => undefined);
client.on('connect', () => {
  // The broker may have been emptied, session and all.
  client.subscribe(`${plan.topic}/+/+`, { qos: 1 }, (error) => {
    if (!error) console.log(JSON.stringify({ ready: true }));
  });
});

async function take(payload: Buffer, packet: IPublishPacket): Promise<void> {
  const { responseTopic, correlationData, userProperties = {} } = packet.properties ?? {};
  const header = (name: string): string => String(userProperties[name]);
  if (verifyWebhook({ keys: [key!], header, body: payload, nowMs: clock.now() }).kind !== 'valid') return;
  const event = JSON.parse(payload.toString()) as { id: string; type: string; data: unknown };
  if (!event.type.startsWith('kanmen.canary.'))
    await ledger.take({ id: event.id, atMs: Date.now(), type: event.type, notices: noticesOf(event) });
  if (responseTopic === undefined || !correlationData) return;
  const signed = signWebhook({ keys: [key!], id: event.id, timestampS: Math.floor(clock.now() / 1000), body: '' });
  client.publish(
    responseTopic,
    '',
    { qos: 1, properties: { correlationData, userProperties: signed } },
    () => undefined,
  );
}

client.on('message', (_topic, payload, packet) => {
  take(payload, packet).catch(() => undefined);
});
createInterface({ input: process.stdin }).on('close', () => process.exit(0));
