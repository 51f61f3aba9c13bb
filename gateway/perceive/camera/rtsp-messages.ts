import { unsharedMemory } from './work-memory.ts';

/** A header block with its body, as it went over the wire: RFC 2326 section 4. */
export interface RtspMessage {
  /** Request line or status line, without its line end. */
  readonly start: string;
  /** Header lines in order, names as sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Header blocks longer than this are garbage: real ones stay under 4 kB. */
const longestHead = 64 * 1024;

/** What is cut out of one direction of an RTSP connection, in order. */
export interface RtspSink {
  message(message: RtspMessage): void;
  /** An interleaved frame, `$`, channel and length included: `memory[from, to)`, lent until this returns. */
  frame(memory: Buffer, from: number, to: number): void;
}

/** A message of the longest body we take, behind the longest head. */
const mostBytes = 2 * 1024 * 1024;

/**
 * Cuts one direction of an RTSP connection into messages and interleaved frames, whatever pieces it arrives in, where they
 * arrive: `space()` is where the next bytes are to be put, `took(length)` says that they are there. Only what is cut off
 * at the end is moved. `took` throws on garbage: a header block without an end, or a body of absurd length.
 */
export function createRtspReader(sink: RtspSink, work = unsharedMemory) {
  let memory = work.take();
  let end = 0;
  const took = (length: number): void => {
    end += length;
    let at = 0;
    while (at < end) {
      const next = memory[at] === 0x24 ? takeFrame(memory, at, end, sink) : takeMessage(memory, at, end, sink);
      if (next === null) break;
      at = next;
    }
    // The next frame's beginning, of 1.4 kB as a rule.
    if (at > 0) memory.copyWithin(0, at, end);
    end -= at;
    if (end < memory.length) return;
    if (end >= mostBytes) throw new RangeError('not RTSP: a message without an end');
    const larger = Buffer.allocUnsafeSlow(memory.length * 2);
    memory.copy(larger);
    memory = larger;
  };
  return {
    space: (): Buffer => memory.subarray(end),
    took,
    /** Bytes that lie elsewhere: they are copied. */
    take: (chunk: Uint8Array): void => {
      for (let at = 0; at < chunk.length;) {
        const length = Math.min(chunk.length - at, memory.length - end);
        memory.set(chunk.subarray(at, at + length), end);
        took(length);
        at += length;
      }
    },
    /** Nothing more comes: its memory is another's. */
    close: (): void => {
      work.give(memory);
      memory = Buffer.alloc(0);
      end = 0;
    },
  };
}

/** `$`, channel, length u16 BE, payload. Answers where the next begins; null: it is not complete. */
function takeFrame(memory: Buffer, from: number, end: number, sink: RtspSink): number | null {
  if (end - from < 4) return null;
  const next = from + 4 + (((memory[from + 2] as number) << 8) | (memory[from + 3] as number));
  if (next > end) return null;
  sink.frame(memory, from, next);
  return next;
}

function takeMessage(memory: Buffer, from: number, end: number, sink: RtspSink): number | null {
  // Line ends between messages are allowed and mean nothing.
  if (memory[from] === 0x0d || memory[from] === 0x0a) return from + 1;
  const bytes = memory.subarray(from, end);
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) {
    if (bytes.length > longestHead) throw new RangeError('not RTSP: a header block without an end');
    return null;
  }
  const [start = '', ...lines] = bytes.subarray(0, headEnd).toString('latin1').split('\r\n');
  if (!/RTSP\/1\.\d/.test(start)) throw new RangeError('not RTSP: neither a request nor a status line');
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    return colon === -1 ? [line, ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  const bodyLength = Number(headerOf(headers, 'content-length') ?? '0');
  if (!Number.isInteger(bodyLength) || bodyLength < 0 || bodyLength > 1024 * 1024)
    throw new RangeError('not RTSP: a body of absurd length');
  const length = headEnd + 4 + bodyLength;
  if (bytes.length < length) return null;
  sink.message({ start, headers, body: Buffer.from(bytes.subarray(headEnd + 4, length)) });
  return from + length;
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

export function encodeMessage(message: RtspMessage): Buffer {
  const head = [message.start, ...message.headers.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), message.body]);
}
