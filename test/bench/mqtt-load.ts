/*
 * The load of durable-ingest, in a process of its own: raw sockets and packets built beforehand, so that the generator
 * costs far less than any broker. Reads one JSON line {port, credentials, topic, perClient, window} on stdin, connects,
 * prints {"connected":true}, waits for a line "go", publishes, prints {"acknowledged","seconds","cpuSeconds"}.
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connectPacket, publishPacket } from './mqtt-packets.ts';

interface Order {
  readonly port: number;
  readonly clients: readonly { readonly username: string; readonly password: string; readonly topicPrefix: string }[];
  readonly perClient: number;
  readonly window: number;
  /** Stands in every message id: a second run must not repeat the first. */
  readonly run: number;
}

/** Every payload has its own id, so that none is a repeat. */
function telemetryPacket(topic: string, packetId: number, pile: string, serial: number, run: number): Buffer {
  return publishPacket(topic, packetId, {
    v: 1,
    id: `${run}-${pile}-${serial}`,
    ts: new Date().toISOString().replace('Z', '+00:00'),
    pile,
    port: (serial % 10) + 1,
    state: 'charging',
    power_w: 250 + (serial % 97),
    voltage_v: 221.2,
    current_a: 1.43,
    energy_kwh: 0.48,
    duration_s: 600 + (serial % 3000),
    ambient_c: 24,
    port_c: 31,
    order: `2026010203040500000001${String(serial % 10).padStart(10, '0')}`,
    card: null,
    rssi: 21,
  });
}

async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const order = JSON.parse((await lines.next()).value as string) as Order;
  const prepared = order.clients.map(({ topicPrefix }) => {
    const pile = topicPrefix.split('/').at(-1) ?? '';
    return Array.from({ length: order.perClient }, (_, serial) =>
      telemetryPacket(
        `${topicPrefix}/port/${(serial % 10) + 1}/telemetry`,
        (serial % 60_000) + 1,
        pile,
        serial,
        order.run,
      ),
    );
  });
  const sockets = await Promise.all(
    order.clients.map(
      ({ username, password }, index) =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect(order.port, '127.0.0.1', () =>
            socket.write(connectPacket(`load-${index}`, username, password)),
          );
          socket.setNoDelay(true);
          socket.once('error', reject);
          socket.once('data', (answer: Buffer) => {
            if (answer[0] === 0x20 && answer[3] === 0) resolve(socket);
            else reject(new Error(`connection refused with code ${answer[3]}`));
          });
        }),
    ),
  );
  const payloadBytes = (prepared[0]?.[0]?.length ?? 0) - 60;
  console.log(JSON.stringify({ connected: true, payloadBytes }));
  await lines.next();
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  let acknowledged = 0;
  await Promise.all(
    sockets.map(
      (socket, index) =>
        new Promise<void>((resolve, reject) => {
          const packets = prepared[index] ?? [];
          let sent = 0;
          let answered = 0;
          const sendMore = (): void => {
            const until = Math.min(packets.length, answered + order.window);
            if (sent < until) {
              socket.write(until - sent === 1 ? (packets[sent] ?? '') : Buffer.concat(packets.slice(sent, until)));
              sent = until;
            }
          };
          let odd = 0;
          socket.on('data', (chunk: Buffer) => {
            // Only PUBACKs (4 bytes each) come back.
            const bytes = odd + chunk.length;
            odd = bytes % 4;
            const count = Math.floor(bytes / 4);
            answered += count;
            acknowledged += count;
            if (answered >= packets.length) resolve();
            else sendMore();
          });
          socket.once('close', () =>
            reject(new Error(`client ${index} was disconnected after ${answered} of ${packets.length}`)),
          );
          sendMore();
        }),
    ),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const used = process.cpuUsage(cpuBefore);
  console.log(JSON.stringify({ acknowledged, seconds, cpuSeconds: (used.user + used.system) / 1e6 }));
  for (const socket of sockets) socket.removeAllListeners('close').destroy();
  process.exit(0);
}

await main();
