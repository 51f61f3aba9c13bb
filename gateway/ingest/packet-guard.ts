/** What the guard found in the bytes so far. */
export type GuardVerdict = 'fine' | 'oversized' | 'broken';

export interface PacketGuard {
  judge(chunk: Uint8Array): GuardVerdict;
  /** Whether the last packet has ended, and no other begun. */
  isBetween(): boolean;
}

/**
 * Follows the MQTT packets in a byte stream by their fixed headers (MQTT 3.1.1 section 2.2) and says as soon as one
 * announces more than `maxBytes`, before its body is taken in: aedes' parser would collect up to 256 MB for it. Costs a
 * few operations a packet. `broken` is a length that does not end after four bytes.
 */
export function createPacketGuard(maxBytes: number): PacketGuard {
  let inHeader = false;
  let skip = 0;
  let length = 0;
  let multiplier = 1;
  const judge = (chunk: Uint8Array): GuardVerdict => {
    let at = 0;
    while (at < chunk.length) {
      if (skip > 0) {
        const step = Math.min(skip, chunk.length - at);
        skip -= step;
        at += step;
        continue;
      }
      const byte = chunk[at] ?? 0;
      at += 1;
      if (!inHeader) {
        inHeader = true;
        length = 0;
        multiplier = 1;
        continue;
      }
      length += (byte & 0x7f) * multiplier;
      if (length > maxBytes) return 'oversized';
      if ((byte & 0x80) === 0) {
        inHeader = false;
        skip = length;
      } else if (multiplier >= 128 ** 3) {
        return 'broken';
      } else {
        multiplier *= 128;
      }
    }
    return 'fine';
  };
  return { judge, isBetween: () => !inHeader && skip === 0 };
}
