/** A header block with its body, as it went over the wire: RFC 2326 section 4. */
export interface RtspMessage {
  readonly kind: 'message';
  /** Request line or status line, without its line end. */
  readonly start: string;
  /** Header lines in order, names as sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Anything else on an RTSP connection: interleaved RTP and RTCP (section 10.12), passed on as it is. */
export interface RtspBinary {
  readonly kind: 'binary';
  readonly bytes: Buffer;
}

const nothing = Buffer.alloc(0);

/** Header blocks longer than this are garbage: real ones stay under 4 kB. */
const longestHead = 64 * 1024;

/**
 * Cuts one direction of an RTSP connection into messages and interleaved frames, whatever pieces it arrives in. A chunk and
 * the frames cut from it may be written over once they have been dealt with: what is left over is copied.
 * Throws on garbage: a header block without an end, or a body of absurd length.
 */
export function createRtspSplitter(): (chunk: Buffer) => (RtspMessage | RtspBinary)[] {
  let rest: Buffer = nothing;
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const out: (RtspMessage | RtspBinary)[] = [];
    for (;;) {
      const taken = rest[0] === 0x24 ? takeFrame(rest) : takeMessage(rest);
      if (taken === null) {
        rest = rest.length === 0 ? nothing : Buffer.from(rest);
        return out;
      }
      if (taken.item !== null) out.push(taken.item);
      rest = rest.subarray(taken.length);
    }
  };
}

interface Taken {
  readonly item: RtspMessage | RtspBinary | null;
  readonly length: number;
}

/** `$`, channel, length u16 BE, payload. */
function takeFrame(bytes: Buffer): Taken | null {
  if (bytes.length < 4) return null;
  const length = 4 + bytes.readUInt16BE(2);
  return bytes.length < length ? null : { item: { kind: 'binary', bytes: bytes.subarray(0, length) }, length };
}

function takeMessage(bytes: Buffer): Taken | null {
  if (bytes.length === 0) return null;
  // Line ends between messages are allowed and mean nothing.
  if (bytes[0] === 0x0d || bytes[0] === 0x0a) return { item: null, length: 1 };
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) {
    if (bytes.length > longestHead) throw new RangeError('not RTSP: a header block without an end');
    return null;
  }
  const [start = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  if (!/RTSP\/1\.\d/.test(start)) throw new RangeError('not RTSP: neither a request nor a status line');
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    return colon === -1 ? [line, ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  const bodyLength = Number(headerOf(headers, 'content-length') ?? '0');
  if (!Number.isInteger(bodyLength) || bodyLength < 0 || bodyLength > 1024 * 1024)
    throw new RangeError('not RTSP: a body of absurd length');
  const length = end + 4 + bodyLength;
  if (bytes.length < length) return null;
  return { item: { kind: 'message', start, headers, body: Buffer.from(bytes.subarray(end + 4, length)) }, length };
}

export function headersOf(headers: RtspMessage['headers'], name: string): string[] {
  return headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}
export function headerOf(headers: RtspMessage['headers'], name: string): string | null {
  return headersOf(headers, name)[0] ?? null;
}
export function withHeader(headers: RtspMessage['headers'], name: string, value: string): RtspMessage['headers'] {
  return [...headers.filter(([key]) => key.toLowerCase() !== name.toLowerCase()), [name, value]];
}

export function encodeMessage(message: Omit<RtspMessage, 'kind'>): Buffer {
  const head = [message.start, ...message.headers.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), message.body]);
}
