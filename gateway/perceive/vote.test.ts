import { describe, expect, it } from 'vitest';
import { isLegalPlate } from '../domain/plate-grammar.ts';
import type { ReadCharacter } from './ctc.ts';
import { voteReads, type FrameRead } from './vote.ts';

let pose = 0;
/** A read of `text` where every character has `ratio`, except those named. */
function read(
  text: string,
  settings: Partial<FrameRead> & { ratio?: number; doubt?: Record<number, [string, number]> } = {},
): FrameRead {
  const { ratio = 0.95, doubt = {}, ...rest } = settings;
  const characters: ReadCharacter[] = Array.from(text).map((character, index) => {
    const other = doubt[index];
    const own = other ? 1 - other[1] - 0.02 : ratio;
    const candidates: [string, number][] = [[character, own]];
    if (other) candidates.push(other);
    return { character, ratio: own, candidates };
  });
  return {
    text,
    characters,
    color: 'blue',
    widthPx: 120,
    sharpness: 10,
    legal: isLegalPlate(text),
    pose: (pose += 1),
    ...rest,
  };
}

describe('the vote across frames', () => {
  it('is silent without reads', () => {
    expect(voteReads([])).toBe(null);
  });

  it('takes each character from the frames that saw it best, even where no frame read the whole plate right', () => {
    const reads = [
      read('浙B12845', { doubt: { 4: ['3', 0.45] } }),
      read('浙B1234S', { doubt: { 6: ['5', 0.45] } }),
      read('浙B12345', { widthPx: 60, sharpness: 3 }),
      read('浙812345', { ratio: 0.6 }),
    ];
    expect(voteReads(reads)?.reading.text).toBe('浙B12345');
  });

  it('lets one near crisp frame outweigh several far blurred ones that are just as sure', () => {
    const far = read('浙B12346', { widthPx: 45, sharpness: 2, ratio: 0.99 });
    const near = read('浙B12345', { widthPx: 150, sharpness: 14, ratio: 0.97 });
    expect(voteReads([far, far, near])?.reading.text).toBe('浙B12345');
  });

  it('does not let reads that lost a character move the others', () => {
    const vote = voteReads([read('B12345'), read('B12345'), read('B12345'), read('浙B12345'), read('浙B12345')]);
    expect(vote?.reading).toMatchObject({ text: '浙B12345', accepted: true, kind: 'small' });
  });

  it('says that frames disagree when no two of many read the same', () => {
    const vote = voteReads([
      read('浙B12345', { widthPx: 150 }),
      read('浙B72365', { widthPx: 40, sharpness: 1 }),
      read('浙B19341', { widthPx: 40, sharpness: 1 }),
    ]);
    expect(vote?.rejected).toBe('frames-disagree');
    expect(vote?.reading.accepted).toBe(false);
  });

  it('accepts a single sure read of a car that was only seen once, and not an unsure one', () => {
    expect(voteReads([read('浙B12345')])?.reading.accepted).toBe(true);
    expect(voteReads([read('浙B12345', { ratio: 0.85 })])?.reading.accepted).toBe(false);
  });

  it('is surer of what several frames agree on than any of them, and not when they are at odds', () => {
    const unsure = read('浙B12345', { ratio: 0.76 });
    expect(voteReads([unsure])?.reading.accepted).toBe(false);
    const agreed = voteReads([unsure, unsure, unsure])?.reading;
    expect(agreed?.accepted).toBe(true);
    expect(agreed?.confidenceRatio).toBeGreaterThan(0.85);
    expect(agreed?.confidenceRatio).toBeLessThan(0.95);
    const odd = read('浙B12346', { ratio: 0.76 });
    expect(voteReads([unsure, odd, unsure, odd])?.reading.accepted).toBe(false);
    const weak = read('浙B12345', { ratio: 0.6 });
    expect(voteReads(Array.from({ length: 20 }, () => weak))?.reading.accepted).toBe(false);
  });

  it('does not let a car that waits outvote what was seen of it while it moved', () => {
    const moving = Array.from({ length: 6 }, () => read('浙B1234Q', { doubt: { 6: ['0', 0.2] } }));
    const waiting = Array.from({ length: 18 }, () => read('浙B12340', { doubt: { 6: ['Q', 0.45] }, pose: 99 }));
    expect(voteReads([...moving, ...waiting])?.reading.text).toBe('浙B1234Q');
  });

  it('lets a smeared near read of which the reader is unsure count less than a far sharp one', () => {
    const far = read('沪RM6294', { widthPx: 70, sharpness: 9, ratio: 0.97 });
    const near = read('沪RW6294', { widthPx: 190, sharpness: 22, ratio: 0.8, doubt: { 2: ['M', 0.3] } });
    expect(voteReads([far, far, near])?.reading.text).toBe('沪RM6294');
  });

  it('believes far reads before near ones of a plate that flies past: those look crisp, and are several plates in one', () => {
    const far = read('藏S65998', { widthPx: 50, sharpness: 6, widthsPerSecond: 1 });
    const near = read('沪S65998', { widthPx: 200, sharpness: 19, ratio: 0.93, widthsPerSecond: 3 });
    expect(voteReads([far, far, near])?.reading.text).toBe('藏S65998');
    expect(voteReads([far, far, { ...near, widthsPerSecond: 0.5 }])?.reading.text).toBe('沪S65998');
  });

  it('does not make a place sure by frames of one reader where two were asked and differ', () => {
    const asked = read('浙W65040', { doubt: { 1: ['M', 0.49] }, both: true });
    const alone = read('浙W65040', { ratio: 0.99 });
    expect(voteReads(Array.from({ length: 8 }, () => alone))?.reading.accepted).toBe(true);
    expect(voteReads([asked, asked, ...Array.from({ length: 8 }, () => alone)])?.reading.accepted).toBe(false);
  });

  it('votes for the colour too', () => {
    const vote = voteReads([
      read('浙BD12345', { color: 'green' }),
      read('浙BD12345', { color: 'green' }),
      read('浙BD12345'),
    ]);
    expect(vote?.reading).toMatchObject({ kind: 'nev-small', color: 'green' });
  });

  it('takes the likeliest legal text when the likeliest text is not legal, at the lower confidence', () => {
    const vote = voteReads([
      read('浙B123I5', { doubt: { 5: ['1', 0.2] } }),
      read('浙B123I5', { doubt: { 5: ['1', 0.2] } }),
    ]);
    expect(vote?.reading.text).toBe('浙B12315');
    expect(vote?.reading.confidenceRatio).toBeCloseTo(0.2, 2);
    expect(vote?.reading.accepted).toBe(false);
  });
});
