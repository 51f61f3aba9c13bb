/** Reads bits of a NAL unit's payload, leaving out emulation prevention bytes (00 00 03; ITU-T H.264 7.4.1, H.265 7.4.2). */
export interface BitReader {
  /** `count` bits (0 to 32) as an unsigned number. Throws RangeError past the end. */
  u(count: number): number;
  flag(): boolean;
  /** Unsigned Exp-Golomb code (H.264 9.1). */
  ue(): number;
  /** Signed Exp-Golomb code. */
  se(): number;
}

export function createBitReader(nal: Uint8Array, headerBytes: number): BitReader {
  let at = headerBytes;
  let zeros = 0;
  let byte = 0;
  let left = 0;
  const nextByte = (): number => {
    if (zeros >= 2 && nal[at] === 3) {
      at += 1;
      zeros = 0;
    }
    const value = nal[at];
    if (value === undefined) throw new RangeError('parameter set ends too early');
    at += 1;
    zeros = value === 0 ? zeros + 1 : 0;
    return value;
  };
  const bit = (): number => {
    if (left === 0) {
      byte = nextByte();
      left = 8;
    }
    left -= 1;
    return (byte >> left) & 1;
  };
  const u = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i += 1) value = value * 2 + bit();
    return value;
  };
  const ue = (): number => {
    let length = 0;
    while (bit() === 0) {
      length += 1;
      if (length > 32) throw new RangeError('no Exp-Golomb code');
    }
    return 2 ** length - 1 + u(length);
  };
  return {
    u,
    flag: () => bit() === 1,
    ue,
    se: () => {
      const code = ue();
      return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
    },
  };
}
