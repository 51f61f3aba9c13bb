import { readFileSync } from 'node:fs';
import { decodePicture } from '../../gateway/perceive/picture.ts';
import { openPerceiver } from '../../gateway/perceive/perceive.ts';
import { shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { stillLooks } from '../../gateway/perceive/looks.ts';
import { overlapRatio } from '../../gateway/perceive/geometry.ts';
const data = process.argv[2]!;
const p = await openPerceiver({ modelsDir: shippedModelsDir(), threads: 1, minPlateWidthPx: 30, ebikePatterns: [] });
const dir = `${data}/plates-scenes`;
const rows = readFileSync(`${dir}/labels.tsv`, 'utf8').trim().split('\n').slice(1).map((l) => l.split('\t'));
const byFile = new Map<string, string[][]>(); for (const r of rows) byFile.set(r[0]!, [...(byFile.get(r[0]!) ?? []), r]);
let n = 0, found = 0, exact = 0, acc = 0, wrong = 0, extra = 0, detect = 0, read = 0;const colors: Record<string, number> = {};
for (const [file, plates] of byFile) {
  const pic = await decodePicture(`${dir}/${file}`);
  const seen = await p.perceive(pic, { ...stillLooks(pic), faces: [] });
  detect += seen.timingsMs.detect; read += seen.timingsMs.read;
  const used = new Set();
  for (const [, x, y, w, h, , text, color] of plates) {
    n++;
    const box = [Number(x), Number(y), Number(w), Number(h)] as const;
    const near = (c: { box: readonly [number, number, number, number] }) => { const cx = c.box[0] + c.box[2] / 2, cy = c.box[1] + c.box[3] / 2; return (cx > box[0] && cx < box[0] + box[2] && cy > box[1] && cy < box[1] + box[3]) || overlapRatio(c.box, box) > 0.5; };
    const hit = seen.plates.filter(near)[0];
    if (hit) { used.add(hit); found++; if (hit.reading.text === text) exact++; else console.log(file, text, color, hit.reading.text, hit.reading.confidenceRatio, hit.reading.color);  const k = `${color}->${hit.reading.color}`; colors[k] = (colors[k] ?? 0) + 1; }
    else console.log('MISS', file, text, color, w, h, JSON.stringify(seen.rejected.filter(near)));
  }
  for (const pl of seen.plates) if (pl.reading.accepted) { acc++; if (!plates.some((r) => r[6] === pl.reading.text)) { wrong++; console.log('WRONG', file, pl.reading.text, pl.reading.confidenceRatio); } if (!used.has(pl)) extra++; }
}
console.log({ n, found, exact, ratio: exact / n, acc, wrong, extra, detect: detect / byFile.size, read: read / byFile.size, colors });
