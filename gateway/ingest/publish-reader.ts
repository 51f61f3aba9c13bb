/** A QoS 1 PUBLISH (MQTT 3.1.1 section 3.3). `payload` is a view into the chunk. */
export interface Publish {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly packetId: number;
  readonly duplicate: boolean;
}

/** Bytes of a length (section 2.2.3). */
const maxLengthBytes = 4;

/**
 * Takes the QoS 1 PUBLISH packets whose topic starts with `prefix` and holds no wildcard out of a byte stream of MQTT 3.1.1,
 * and gives everything else back, byte for byte and in its order, for a parser that knows the rest of the protocol. Begins
 * between two packets. Bytes of a packet are kept until its end has come: somebody else bounds the size of packets.
 */
export function createPublishReader(
  prefix: string,
): (chunk: Buffer, onPublish: (publish: Publish) => void) => Buffer | null {
  /** The beginning of a packet whose end has not come. */
  let kept: Buffer | null = null;
  /** Bytes still to come of a packet that is not ours. */
  let passing = 0;

  return (chunk, onPublish) => {
    const data = kept === null ? chunk : Buffer.concat([kept, chunk]);
    kept = null;
    const others: Buffer[] = [];
    let at = 0;
    /** Where bytes that are not ours began; -1 where none wait to be given back. */
    let from = -1;
    const pass = (start: number): void => {
      if (from < 0) from = start;
    };
    const cut = (end: number): void => {
      if (from >= 0) others.push(data.subarray(from, end));
      from = -1;
    };
    if (passing > 0) {
      pass(0);
      at = Math.min(passing, data.length);
      passing -= at;
    }
    while (at < data.length) {
      const body = bodyOf(data, at);
      if (body === null) {
        // Not even the whole length is there.
        if (data.length - at > maxLengthBytes) {
          pass(at);
          at = data.length;
          break;
        }
        cut(at);
        kept = data.subarray(at);
        break;
      }
      const ours = ((data[at] ?? 0) & 0xf6) === 0x32;
      if (body.end > data.length) {
        if (ours) {
          cut(at);
          kept = data.subarray(at);
        } else {
          pass(at);
          passing = body.end - data.length;
          at = data.length;
        }
        break;
      }
      const publish = ours ? publishOf(data, at, body, prefix) : null;
      if (publish) {
        cut(at);
        onPublish(publish);
      } else pass(at);
      at = body.end;
    }
    cut(at);
    const [first] = others;
    return first === undefined ? null : others.length === 1 ? first : Buffer.concat(others);
  };
}

/** Where the body of the packet at `at` begins and ends; null where its length is not all there, or is none. */
function bodyOf(data: Buffer, at: number): { readonly start: number; readonly end: number } | null {
  let length = 0;
  for (let index = 0; index < maxLengthBytes; index += 1) {
    const byte = data[at + 1 + index];
    if (byte === undefined) return null;
    length += (byte & 0x7f) * 128 ** index;
    if ((byte & 0x80) === 0) return { start: at + 2 + index, end: at + 2 + index + length };
  }
  return null;
}

function publishOf(
  data: Buffer,
  at: number,
  { start, end }: { readonly start: number; readonly end: number },
  prefix: string,
): Publish | null {
  if (end - start < 4) return null;
  const topicEnd = start + 2 + data.readUInt16BE(start);
  if (topicEnd + 2 > end) return null;
  const topic = data.toString('utf8', start + 2, topicEnd);
  const packetId = data.readUInt16BE(topicEnd);
  if (packetId === 0 || !topic.startsWith(prefix) || topic.includes('+') || topic.includes('#')) return null;
  return { topic, packetId, payload: data.subarray(topicEnd + 2, end), duplicate: ((data[at] ?? 0) & 0x08) !== 0 };
}
