/** Whole MPEG transport packets; with `key` the first of them begins a picture from which decoding may begin. */
export interface TsChunk {
  readonly key: boolean;
  readonly bytes: Uint8Array;
}

const packetBytes = 188;
const syncByte = 0x47;

/**
 * Cuts a transport stream (ISO/IEC 13818-1, 2.4.3) into whole packets, whatever pieces it comes in, with a cut before
 * every picture that can be entered: a payload that begins, with random_access_indicator set. Throws on what is no
 * transport stream.
 */
export function createTsCutter(): (piece: Uint8Array) => TsChunk[] {
  let rest: Buffer = Buffer.alloc(0);
  return (piece) => {
    const bytes = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]);
    const chunks: TsChunk[] = [];
    let begin = 0;
    let key = false;
    let at = 0;
    for (; at + packetBytes <= bytes.length; at += packetBytes) {
      if (bytes[at] !== syncByte) throw new Error('not an MPEG transport stream');
      const payloadBegins = ((bytes[at + 1] ?? 0) & 0x40) !== 0;
      const hasAdaptation = ((bytes[at + 3] ?? 0) & 0x20) !== 0 && (bytes[at + 4] ?? 0) > 0;
      if (!payloadBegins || !hasAdaptation || ((bytes[at + 5] ?? 0) & 0x40) === 0) continue;
      if (at > begin) chunks.push({ key, bytes: bytes.subarray(begin, at) });
      begin = at;
      key = true;
    }
    if (at > begin) chunks.push({ key, bytes: bytes.subarray(begin, at) });
    rest = bytes.subarray(at);
    return chunks;
  };
}
