/* MQTT packets for load generators, built beforehand: what is measured is the broker and not a client library. */

/** MQTT 3.1.1 section 2.2.3: remaining length, 7 bits a byte. */
function withLength(head: number, body: Buffer): Buffer {
  const length: number[] = [];
  let left = body.length;
  do {
    length.push((left % 128) + (left >= 128 ? 128 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Buffer.concat([Buffer.from([head, ...length]), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const out = Buffer.alloc(2 + bytes.length);
  out.writeUInt16BE(bytes.length);
  out.set(bytes, 2);
  return out;
}

/** CONNECT with clean session (section 3.1). */
export const connectPacket = (id: string, username: string, password: string, keepAliveS = 600): Buffer => {
  const keepAlive = Buffer.alloc(2);
  keepAlive.writeUInt16BE(keepAliveS);
  return withLength(
    0x10,
    Buffer.concat([text('MQTT'), Buffer.from([4, 0xc2]), keepAlive, text(id), text(username), text(password)]),
  );
};

/** PUBLISH at QoS 1 (section 3.3). */
export function publishPacket(topic: string, packetId: number, payload: object): Buffer {
  const id = Buffer.alloc(2);
  id.writeUInt16BE(packetId);
  return withLength(0x32, Buffer.concat([text(topic), id, Buffer.from(JSON.stringify(payload))]));
}
