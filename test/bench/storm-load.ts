/*
 * The estate of `storm` when the power comes back, in a process of its own: every device opens its connection in the same
 * moment and reports at once. Reads one JSON line (StormOrder), then lines: `{"storm":n,"alarm":"fire/f-0001"}` connects all
 * and prints a StormReport when every message is acknowledged; `cut` breaks all connections and prints {"cut":true}.
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connectPacket, publishPacket } from './mqtt-packets.ts';

export interface StormOrder {
  readonly port: number;
  readonly devices: readonly {
    readonly username: string;
    readonly password: string;
    readonly topicPrefix: string;
    /** Ports that report; 0 for a fire sensor. */
    readonly ports: number;
  }[];
}

export interface StormReport {
  /** When the first socket was opened; epoch ms, as all times here. */
  readonly startedAtMs: number;
  readonly connectedAllAtMs: number;
  readonly acknowledgedAllAtMs: number;
  readonly messages: number;
  /** Connections that were refused or broke and were opened anew. */
  readonly retries: number;
  readonly alarm: { readonly publishedAtMs: number; readonly acknowledgedAtMs: number };
}

type Device = StormOrder['devices'][number];

/** A device waits this long before it tries again; a little different for each. */
const retryMs = 500;

function messagesOf(device: Device, storm: number, alarm: boolean): Buffer[] {
  const [, id = ''] = device.username.split('/');
  const ts = new Date().toISOString().replace('Z', '+00:00');
  let packetId = 0;
  const message = (topic: string, body: object): Buffer => {
    packetId += 1;
    const envelope = { v: 1, id: `${storm}-${packetId}`, ts, [device.ports > 0 ? 'pile' : 'device']: id };
    return publishPacket(`${device.topicPrefix}/${topic}`, packetId, { ...envelope, ...body });
  };
  return [
    // What burns is said first.
    ...(alarm ? [message('alarm', { kind: 'smoke', active: true })] : []),
    message('status', { state: 'online' }),
    ...(device.ports > 0
      ? Array.from({ length: device.ports }, (_, port) =>
          message(`port/${port + 1}/telemetry`, {
            port: port + 1,
            state: 'idle',
            power_w: 0,
            voltage_v: 221,
            port_c: 20,
          }),
        )
      : [message('telemetry', { smoke_dbm: 0.01, temperature_c: 21, battery_pct: 88 })]),
  ];
}

async function up(order: StormOrder, storm: number, alarmOf: string, sockets: Set<Socket>): Promise<StormReport> {
  const prepared = order.devices.map((device) => ({
    hello: connectPacket(device.username, device.username, device.password),
    messages: messagesOf(device, storm, device.username === alarmOf),
    alarm: device.username === alarmOf,
  }));
  let retries = 0;
  let connected = 0;
  let connectedAllAtMs = 0;
  const alarm = { publishedAtMs: 0, acknowledgedAtMs: 0 };
  const startedAtMs = Date.now();
  const one = (device: (typeof prepared)[number], index: number): Promise<void> =>
    new Promise((resolve) => {
      const open = new Set(device.messages.map((_, n) => n + 1));
      let counted = false;
      const attempt = (): void => {
        const socket = connect(order.port, '127.0.0.1', () => socket.write(device.hello));
        socket.setNoDelay(true);
        sockets.add(socket);
        let left: Buffer = Buffer.alloc(0);
        socket.on('data', (chunk: Buffer) => {
          left = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
          // CONNACK and PUBACK are four bytes each; nothing else comes here.
          for (; left.length >= 4; left = left.subarray(4)) {
            if (left[0] === 0x20 && left[3] === 0) {
              if (!counted) connected += 1;
              counted = true;
              if (connected === prepared.length) connectedAllAtMs ||= Date.now();
              if (device.alarm) alarm.publishedAtMs ||= Date.now();
              socket.write(Buffer.concat(device.messages.filter((_, n) => open.has(n + 1))));
            } else if (left[0] === 0x40) {
              const id = left.readUInt16BE(2);
              if (device.alarm && id === 1) alarm.acknowledgedAtMs ||= Date.now();
              open.delete(id);
              if (open.size === 0) resolve();
            }
          }
        });
        socket.on('error', () => undefined);
        socket.once('close', () => {
          sockets.delete(socket);
          if (open.size === 0) return;
          retries += 1;
          setTimeout(attempt, retryMs + (index % 97));
        });
      };
      attempt();
    });
  await Promise.all(prepared.map(one));
  const messages = prepared.reduce((sum, device) => sum + device.messages.length, 0);
  return { startedAtMs, connectedAllAtMs, acknowledgedAllAtMs: Date.now(), messages, retries, alarm };
}

async function main(): Promise<void> {
  const sockets = new Set<Socket>();
  let order: StormOrder | null = null;
  for await (const line of createInterface({ input: process.stdin })) {
    if (order === null) {
      order = JSON.parse(line) as StormOrder;
    } else if (line === 'cut') {
      for (const socket of sockets) socket.destroy();
      console.log(JSON.stringify({ cut: true }));
    } else {
      const { storm, alarm } = JSON.parse(line) as { storm: number; alarm: string };
      console.log(JSON.stringify(await up(order, storm, alarm, sockets)));
    }
  }
  process.exit(0);
}

await main();
