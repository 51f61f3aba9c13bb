/**
 * A Bloom filter over the message keys on disk: almost every message is new, and asking the table for what is not there
 * took a third of the line's time on the main thread. 8 MB hold the 6 million ids of a week at 10 a second with 1 % of
 * needless questions; more ids make more questions, never a wrong answer.
 */
export interface KeyFilter {
  add(hash: string): void;
  /** False: it was never added. */
  mayHave(hash: string): boolean;
}

/** 2^26 bits. */
const words = 2 ** 21;
const probes = 4;

export function createKeyFilter(): KeyFilter {
  const bits = new Uint32Array(words);
  /** The hash is SHA-256 in base64url: 4 probes of 5 characters (30 bits) each are as good as independent. */
  const place = (hash: string, probe: number): number => {
    let value = 0;
    // 61 is prime to the 64 letters' codes; the low 26 bits of the sum are used.
    for (let at = probe * 5; at < probe * 5 + 5; at += 1) value = (value * 61 + hash.charCodeAt(at)) | 0;
    return Math.imul(value, 0x9e3779b1) >>> 6;
  };
  return {
    add: (hash) => {
      for (let probe = 0; probe < probes; probe += 1) {
        const bit = place(hash, probe);
        bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
      }
    },
    mayHave: (hash) => {
      for (let probe = 0; probe < probes; probe += 1) {
        const bit = place(hash, probe);
        if (((bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
      }
      return true;
    },
  };
}
