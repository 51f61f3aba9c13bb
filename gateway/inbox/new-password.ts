import type { Random } from '../lib/random.ts';

/** A password that a person can type from a slip of paper: 99 random bits, no letters that look alike. */
export function newPassword(random: Pick<Random, 'bytes'>): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  // 31 letters of a byte's 256 values: those above 247 would make the first ones likelier, so they are left out.
  const picked: string[] = [];
  while (picked.length < 20) {
    for (const byte of random.bytes(32)) {
      const letter = byte < 248 ? letters[byte % 31] : undefined;
      if (letter !== undefined && picked.length < 20) picked.push(letter);
    }
  }
  return [0, 5, 10, 15].map((from) => picked.slice(from, from + 5).join('')).join('-');
}
