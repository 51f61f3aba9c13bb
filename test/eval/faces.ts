import { readFileSync } from 'node:fs';
import { decodePicture } from '../../gateway/perceive/picture.ts';
import { openFaceFinder } from '../../gateway/perceive/face-finder.ts';
import { createScaler } from '../../gateway/perceive/resample.ts';
import { overlapRatio } from '../../gateway/perceive/geometry.ts';
const dir = process.argv[2]!;
const rows = readFileSync(`${dir}/boxes.tsv`, 'utf8').trim().split('\n').slice(1).map((l) => l.split('\t'));
const byFile = new Map<string, string[][]>(); for (const r of rows) byFile.set(r[0]!, [...(byFile.get(r[0]!) ?? []), r]);
const bytes = readFileSync('/work/main/models/face-finder.onnx');
const [tx = 0, ty = 0, tw = 1, th = 1] = (process.argv[4] ?? '').split(',').filter(Boolean).map(Number);
const finder = await openFaceFinder({ name: 'f', bytes, labels: [] }, 1, createScaler(), { threshold: 0.3, transform: [tx, ty, tw, th] });
const pics = new Map<string, Awaited<ReturnType<typeof decodePicture>>>();
for (const file of byFile.keys()) pics.set(file, await decodePicture(`${dir}/${file}`));
for (const spec of process.argv[3]!.split(';')) {
  const sides = spec.split(',').map(Number);
  let ms = 0;
  const dets: { file: string; box: any; s: number }[] = []; 
  for (const [file, pic] of pics) {
    const t = performance.now();
    const f = await finder.find(pic, [0, 0, pic.widthPx, pic.heightPx], sides);
    ms += performance.now() - t;
    for (const d of f) dets.push({ file, box: d.box, s: d.confidence });
  }
  for (const thr of [0.4, 0.5, 0.6, 0.7, 0.8]) {
    let n = 0, hit = 0, falseN = 0; const bySize: Record<string, [number, number]> = {}; const ratios: number[][] = [];
    for (const [file, list] of byFile) {
      const pic = pics.get(file)!; const k = 640 / Math.max(pic.widthPx, pic.heightPx);
      const mine = dets.filter((d) => d.file === file && d.s >= thr);
      const used = new Set<any>();
      for (const [, x, y, w, h, kind] of list) {
        const box = [Number(x), Number(y), Number(w), Number(h)] as const;
        const best = mine.filter((m) => !used.has(m)).map((m) => ({ m, o: overlapRatio(m.box, box) })).sort((a, b) => b.o - a.o)[0];
        if (kind === 'face') {
          n++;
          const size = Math.sqrt(box[2] * box[3]) * k; const b = size < 25 ? '<25' : size < 40 ? '25-40' : size < 80 ? '40-80' : '>80';
          bySize[b] ??= [0, 0]; bySize[b][1]++;
          if (best && best.o >= 0.35) { hit++; used.add(best.m); bySize[b][0]++; 
            const m = best.m.box; ratios.push([(box[0] + box[2] / 2 - m[0] - m[2] / 2) / m[2], (box[1] + box[3] / 2 - m[1] - m[3] / 2) / m[3], box[2] / m[2], box[3] / m[3]]); }
        }
      }
      for (const m of mine) if (!used.has(m)) {
        const ig = list.some(([, x, y, w, h]) => { const o = overlapRatio(m.box, [Number(x), Number(y), Number(w), Number(h)]); const cx = m.box[0] + m.box[2] / 2, cy = m.box[1] + m.box[3] / 2; return o >= 0.2 || (cx > Number(x) && cx < Number(x) + Number(w) && cy > Number(y) && cy < Number(y) + Number(h)); });
        if (!ig) falseN++;
      }
    }
    const med = [0, 1, 2, 3].map((i) => { const v = ratios.map((r) => r[i]!).sort((a, b) => a - b); return (v[v.length >> 1] ?? 0).toFixed(3); });
    console.log(spec, thr, 'recall', (hit / n).toFixed(3), n, 'false/pic', (falseN / pics.size).toFixed(3), 'ms', (ms / pics.size).toFixed(0), JSON.stringify(bySize), 'transform', med.join(','));
  }
}
