/** Reads the bits of a NAL unit's payload, highest bit first (ISO/IEC 14496-10 and 23008-2, clause 7.2). */
export interface BitReader {
  /** The next `count` bits (0 to 32). Past the end: zeros, and `exhausted` says so. */
  bits(count: number): number;
  flag(): boolean;
  /** ue(v), clause 9.1 (H.264), 9.2 (H.265). */
  unsigned(): number;
  /** se(v). */
  signed(): number;
  readonly exhausted: boolean;
}

/** Longest head that is looked at: slice headers take 10 to 60 bytes, parameter sets with scaling lists up to 400. */
const headBytes = 1024;

/** Reads from `from` on; the bytes that keep start codes out (00 00 03) are skipped. */
export function createBitReader(nal: Uint8Array, from: number): BitReader {
  const end = Math.min(nal.length, from + headBytes);
  let at = from;
  let zeros = 0;
  let byte = 0;
  let left = 0;
  let exhausted = false;
  const bit = (): number => {
    if (left === 0) {
      if (zeros >= 2 && nal[at] === 3) {
        at += 1;
        zeros = 0;
      }
      if (at >= end) {
        exhausted = true;
        return 0;
      }
      byte = nal[at] as number;
      zeros = byte === 0 ? zeros + 1 : 0;
      at += 1;
      left = 8;
    }
    left -= 1;
    return (byte >> left) & 1;
  };
  const bits = (count: number): number => {
    let value = 0;
    for (let done = 0; done < count; done += 1) value = value * 2 + bit();
    return value;
  };
  const unsigned = (): number => {
    let zeroBits = 0;
    while (zeroBits < 32 && bit() === 0) {
      if (exhausted) return 0;
      zeroBits += 1;
    }
    return 2 ** zeroBits - 1 + bits(zeroBits);
  };
  return {
    bits,
    flag: () => bit() === 1,
    unsigned,
    signed: () => {
      const code = unsigned();
      return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
    },
    get exhausted() {
      return exhausted;
    },
  };
}
