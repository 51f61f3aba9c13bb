import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { BoxPx, CornersPx, PointPx } from '../../gateway/domain/plate.ts';
import { boxAround, overlapRatio } from '../../gateway/perceive/geometry.ts';

export interface LabelledPlate {
  readonly text: string;
  readonly corners: CornersPx;
  readonly box: BoxPx;
}
export interface Scene {
  readonly file: string;
  readonly plates: readonly LabelledPlate[];
}
export interface FacePicture {
  readonly file: string;
  readonly faces: readonly BoxPx[];
  /** Neither counted nor a false alarm. */
  readonly ignored: readonly BoxPx[];
}

function rowsByFile(path: string): Map<string, string[][]> {
  const byFile = new Map<string, string[][]>();
  for (const line of readFileSync(path, 'utf8').trim().split('\n').slice(1)) {
    const cells = line.replace(/\r$/, '').split('\t');
    byFile.set(cells[0]!, [...(byFile.get(cells[0]!) ?? []), cells]);
  }
  return byFile;
}

/** `plates-scenes/labels.tsv`: file, x, y (top left), w, h, rotation clockwise about the box's middle, text, colour. */
export function loadScenes(folder: string): Scene[] {
  const table = join(folder, 'plates-scenes', 'labels.tsv');
  if (!existsSync(table)) return [];
  return [...rowsByFile(table)].map(([file, rows]) => ({
    file: join(folder, 'plates-scenes', file),
    plates: rows.map((cells) => {
      const [x = 0, y = 0, w = 0, h = 0, degrees = 0] = cells.slice(1, 6).map(Number);
      const angle = (degrees * Math.PI) / 180;
      const at = (u: number, v: number): PointPx => [
        x + w / 2 + u * Math.cos(angle) - v * Math.sin(angle),
        y + h / 2 + u * Math.sin(angle) + v * Math.cos(angle),
      ];
      const [u, v] = [w / 2, h / 2];
      const corners: CornersPx = [at(-u, -v), at(u, -v), at(u, v), at(-u, v)];
      return { text: cells[6] ?? '', corners, box: boxAround(corners) };
    }),
  }));
}

/** `plates-crops`: each picture is a plate, its name the text. */
export function loadCrops(folder: string): { readonly file: string; readonly text: string }[] {
  const dir = join(folder, 'plates-crops');
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => /\.(jpe?g|png)$/i.test(name))
    .map((name) => ({ file: join(dir, name), text: name.replace(/[._].*$/, '') }));
}

/** `faces/boxes.tsv`: file, x, y, w, h, `face` or `ignore`. */
export function loadFaces(folder: string): FacePicture[] {
  const table = join(folder, 'faces', 'boxes.tsv');
  if (!existsSync(table)) return [];
  return [...rowsByFile(table)].map(([file, rows]) => {
    const boxes = (kind: string): BoxPx[] =>
      rows
        .filter((cells) => cells[5] === kind)
        .map(([, x, y, w, h]) => [Number(x), Number(y), Number(w), Number(h)] as const);
    return { file: join(folder, 'faces', file), faces: boxes('face'), ignored: boxes('ignore') };
  });
}

const firstByte = (text: string): number => createHash('sha256').update(text).digest()[0] ?? 0;

/** Every third scene, by the hash of its file's name: the part on which `models/training` never trains. */
export const isHeldOutScene = (file: string): boolean => firstByte(basename(file)) % 3 === 0;

/** Every second crop, by the hash of its text: the same. */
export const isHeldOutCrop = (text: string): boolean => firstByte(text) % 2 === 0;

/** Centre inside, or half of it shared. */
export function hits(found: BoxPx, truth: BoxPx): boolean {
  const x = found[0] + found[2] / 2;
  const y = found[1] + found[3] / 2;
  const inside = x > truth[0] && x < truth[0] + truth[2] && y > truth[1] && y < truth[1] + truth[3];
  return inside || overlapRatio(found, truth) >= 0.5;
}
