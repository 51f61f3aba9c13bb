import { readdirSync } from 'node:fs';
import { decodePicture } from '../../gateway/perceive/picture.ts';
import { openPlateReader } from '../../gateway/perceive/plate-reader.ts';
import { loadModel, shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { rectify } from '../../gateway/perceive/rectify.ts';
import { cornersOfBox } from '../../gateway/perceive/geometry.ts';
import { judgeRead } from '../../gateway/perceive/judge.ts';
import { plateColor } from '../../gateway/perceive/plate-color.ts';
const dir = process.argv[2]!;
const reader = await openPlateReader(await loadModel(shippedModelsDir(), 'plate-reader'), 1);
let n = 0, exact = 0, acc = 0, wrong = 0, ms = 0; const colors: Record<string, number> = {};
for (const file of readdirSync(dir)) {
  const truth = file.replace(/\.\w+$/, '').replace(/_.*/, '');
  const pic = await decodePicture(`${dir}/${file}`);
  const row = rectify(pic, cornersOfBox([0, 0, pic.widthPx, pic.heightPx]), 160, 48);
  const t = performance.now();
  const [chars = []] = await reader.read([row]);
  ms += performance.now() - t;
  const color = plateColor(row);
  colors[color] = (colors[color] ?? 0) + 1;
  const { reading } = judgeRead(chars, color);
  n++; if (reading.text === truth) exact++; else console.log(truth, chars.map((c) => c.character).join(''), reading.text, reading.confidenceRatio, reading.color);
  if (reading.accepted) { acc++; if (reading.text !== truth) wrong++; }
}
console.log({ n, exact, ratio: exact / n, acc: acc / n, wrong, wr: wrong / acc, ms: ms / n, colors });
