import { connectAsync, type MqttClient } from 'mqtt';
import type { DeviceCredential } from './device-plan.ts';

/** One device's own connection, with its own credential. */
export interface DeviceLink {
  readonly key: string;
  connect(): Promise<void>;
  /**
   * Publishes JSON at QoS 1 below the device's prefix, with an id of its own and the time; resolves with the time of the
   * acknowledgement, also when it takes a reconnection to get it. Null while the device is silent.
   */
  publish(topic: string, payload: Readonly<Record<string, unknown>>, retain?: boolean): Promise<number | null>;
  silence(dropLink: boolean): void;
  resume(): void;
  close(): Promise<void>;
  readonly connected: boolean;
}

export interface LinkCounts {
  published: number;
  acknowledged: number;
  failed: number;
  slowestAcknowledgementMs: number;
}

/** RFC 3339 in China's time, as devices of the trade are set. */
export function chinaTime(epochMs: number): string {
  return `${new Date(epochMs + 8 * 3_600_000).toISOString().slice(0, 23)}+08:00`;
}

/** What a device keeps waiting while it is cut off; more is lost, as in real ones. */
const mostWaiting = 500;

export function createDeviceLink(options: {
  readonly broker: string;
  readonly credential: DeviceCredential;
  /** Goes into the retained status: `pile` or `device`. */
  readonly idField: 'pile' | 'device';
  readonly counts: LinkCounts;
}): DeviceLink {
  const { credential, counts } = options;
  const prefix = credential.topicPrefix.replace(/\/$/, '');
  const id = credential.username.slice(credential.username.indexOf('/') + 1);
  // Ids must not repeat over restarts of the simulator: the gateway keeps them for days.
  const run = Date.now().toString(36);
  let client: MqttClient | null = null;
  let silent = false;
  let sent = 0;
  const envelope = (atMs: number): Record<string, unknown> => ({
    v: 1,
    ts: chinaTime(atMs),
    id: `${run}-${(sent += 1).toString(36)}`,
    [options.idField]: id,
  });
  const publish: DeviceLink['publish'] = async (topic, payload, retain = false) => {
    if (silent || !client || counts.published - counts.acknowledged - counts.failed > mostWaiting) return null;
    const atMs = typeof payload['atMs'] === 'number' ? payload['atMs'] : Date.now();
    const said = Object.fromEntries(Object.entries(payload).filter(([name]) => name !== 'atMs'));
    counts.published += 1;
    const sentAtMs = Date.now();
    try {
      const body = JSON.stringify({ ...envelope(atMs), ...said });
      await client.publishAsync(`${prefix}/${topic}`, body, { qos: 1, retain });
    } catch {
      // Only a link that is being closed gives up on a message.
      counts.failed += 1;
      return null;
    }
    const acknowledgedAtMs = Date.now();
    counts.acknowledged += 1;
    counts.slowestAcknowledgementMs = Math.max(counts.slowestAcknowledgementMs, acknowledgedAtMs - sentAtMs);
    return acknowledgedAtMs;
  };
  return {
    key: credential.username,
    publish,
    get connected() {
      return client?.connected ?? false;
    },
    connect: async () => {
      const will = { v: 1, [options.idField]: id, state: 'offline' };
      client = await connectAsync(options.broker, {
        username: credential.username,
        password: credential.password,
        clientId: `sim-${credential.username.replace('/', '-')}`,
        keepalive: 20,
        reconnectPeriod: 1000,
        connectTimeout: 10_000,
        // No time in the will: it is written now and sent when the device has gone; the gateway takes its own.
        will: { topic: `${prefix}/status`, payload: Buffer.from(JSON.stringify(will)), qos: 1, retain: true },
      });
      // Faults on the way show as publishes that are not acknowledged; the client tries again by itself.
      client.on('error', () => undefined);
      // After a break the will has spoken: the device says again that it is there.
      client.on('connect', () => void publish('status', { state: 'online' }, true));
      await publish('status', { state: 'online' }, true);
    },
    silence: (dropLink) => {
      silent = true;
      if (dropLink && client) {
        client.options.reconnectPeriod = 0;
        client.stream.destroy();
      }
    },
    resume: () => {
      silent = false;
      if (client?.options.reconnectPeriod === 0) {
        client.options.reconnectPeriod = 1000;
        client.reconnect();
      }
    },
    close: async () => {
      if (!client) return;
      if (client.connected && !silent) await publish('status', { state: 'offline' }, true);
      await client.endAsync(true);
    },
  };
}
