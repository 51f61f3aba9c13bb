import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BoxPx } from '../../gateway/domain/plate.ts';
import { overlapRatio } from '../../gateway/perceive/geometry.ts';

/** A labelled face; `ignore` is neither counted nor held against a finder. */
export interface LabelledFace {
  readonly box: BoxPx;
  readonly kind: 'face' | 'ignore';
}

/** A face box found, with its confidence. */
export interface ScoredBox {
  readonly box: BoxPx;
  readonly confidence: number;
}

/** Overlap from which a found box is the labelled face. */
export const hitOverlap = 0.35;

/** `boxes.tsv`: file, x, y, width, height, kind. */
export function readFaceLabels(folder: string): Map<string, LabelledFace[]> {
  const labels = new Map<string, LabelledFace[]>();
  const [, ...lines] = readFileSync(join(folder, 'boxes.tsv'), 'utf8').trim().split('\n');
  for (const line of lines) {
    const [file = '', x, y, width, height, kind] = line.split('\t');
    const box: BoxPx = [Number(x), Number(y), Number(width), Number(height)];
    labels.set(file, [...(labels.get(file) ?? []), { box, kind: kind === 'face' ? 'face' : 'ignore' }]);
  }
  return labels;
}

export interface FaceScore {
  /** For each counted face, in order of the labels: the box that hit it, or null. */
  readonly hits: readonly { readonly label: LabelledFace; readonly found: ScoredBox | null }[];
  readonly falseBoxes: number;
}

/** Pairs what was found in one picture with its labels, each found box used once. */
export function scoreFaces(found: readonly ScoredBox[], labels: readonly LabelledFace[]): FaceScore {
  const open = [...found];
  const hits = labels
    .filter(({ kind }) => kind === 'face')
    .map((label) => {
      const [best] = open
        .map((one) => ({ one, overlap: overlapRatio(one.box, label.box) }))
        .sort((a, b) => b.overlap - a.overlap);
      if (!best || best.overlap < hitOverlap) return { label, found: null };
      open.splice(open.indexOf(best.one), 1);
      return { label, found: best.one };
    });
  const falseBoxes = open.filter(({ box }) => !labels.some((label) => lies(box, label.box))).length;
  return { hits, falseBoxes };
}

/** On a labelled face, even if not well enough to count: centre inside, or a fifth shared. */
function lies(found: BoxPx, truth: BoxPx): boolean {
  const x = found[0] + found[2] / 2;
  const y = found[1] + found[3] / 2;
  const inside = x > truth[0] && x < truth[0] + truth[2] && y > truth[1] && y < truth[1] + truth[3];
  return inside || overlapRatio(found, truth) > 0.2;
}

/** Middle of values, 0 for none. */
export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
