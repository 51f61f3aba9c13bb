import { describe, expect, it } from 'vitest';
import type { RejectReason } from '../domain/plate.ts';
import { isListed } from './plate-listing.ts';

const read = (text: string, ratio: number, rejected: RejectReason | null, foundRatio = 0.5) => ({
  characters: Array.from(text).map((character) => ({ character, ratio, candidates: [[character, ratio] as const] })),
  rejected,
  foundRatio,
});

describe('what was read is listed', () => {
  it('where it can stand on a plate, also if the reader is not sure', () => {
    expect(isListed(read('皖A98G44', 0.97, null), false)).toBe(true);
    expect(isListed(read('皖A98G44', 0.5, 'low-confidence'), false)).toBe(true);
    expect(isListed(read('皖A98G44', 0.5, 'low-confidence'), true)).toBe(true);
  });

  it('but not what a reader sees in noise, legal as it may be: a dark grille by night', () => {
    for (const ratio of [0.08, 0.35]) {
      expect(isListed(read('皖A98G44', ratio, 'low-confidence'), false)).toBe(false);
      // nor where the finder is sure: nothing of it was read
      expect(isListed(read('皖A98G44', ratio, 'low-confidence', 0.9), false)).toBe(false);
    }
  });

  it('and what is no whole plate only where a plate finder was sure and most of it was read', () => {
    expect(isListed(read('A98G4', 0.8, 'no-legal-format', 0.7), false)).toBe(true);
    expect(isListed(read('A98G4', 0.8, 'no-legal-format', 0.5), false)).toBe(false);
    expect(isListed(read('A98G4', 0.8, 'no-legal-format', 0.7), true)).toBe(false);
    expect(isListed(read('A98G4', 0.5, 'no-legal-format', 0.7), false)).toBe(false);
    expect(isListed(read('A98G', 0.8, 'no-legal-format', 0.7), false)).toBe(false);
  });
});
