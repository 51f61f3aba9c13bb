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
export const createBitReader = (nal: Uint8Array, from: number): BitReader => new HeadReader(nal, from);

/** A class, as one is made for each picture: closures were compiled anew after every garbage collection. */
class HeadReader implements BitReader {
  exhausted = false;
  private readonly nal: Uint8Array;
  private readonly end: number;
  private at: number;
  private zeros = 0;
  private byte = 0;
  private left = 0;

  constructor(nal: Uint8Array, from: number) {
    this.nal = nal;
    this.at = from;
    this.end = Math.min(nal.length, from + headBytes);
  }

  bits(count: number): number {
    let value = 0;
    for (let done = 0; done < count; done += 1) value = value * 2 + this.bit();
    return value;
  }

  flag(): boolean {
    return this.bit() === 1;
  }

  unsigned(): number {
    let zeroBits = 0;
    while (zeroBits < 32 && this.bit() === 0) {
      if (this.exhausted) return 0;
      zeroBits += 1;
    }
    return 2 ** zeroBits - 1 + this.bits(zeroBits);
  }

  signed(): number {
    const code = this.unsigned();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }

  private bit(): number {
    if (this.left === 0) {
      if (this.zeros >= 2 && this.nal[this.at] === 3) {
        this.at += 1;
        this.zeros = 0;
      }
      if (this.at >= this.end) {
        this.exhausted = true;
        return 0;
      }
      this.byte = this.nal[this.at] as number;
      this.zeros = this.byte === 0 ? this.zeros + 1 : 0;
      this.at += 1;
      this.left = 8;
    }
    this.left -= 1;
    return (this.byte >> this.left) & 1;
  }
}
