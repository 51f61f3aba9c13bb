// Makes 8-bit weights of the finder: node models/training/quantise_finder.mjs FOLDER NET.onnx OUT.onnx (after `npm run build`)
// Ranges are those that 61 scenes of FOLDER/plates-scenes that are trained on, and drawn pictures of every kind of plate, take:
// of each tensor's extremes in each picture all but the outermost 2 %.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const dist = (name) => import(new URL(`../../dist/${name}.js`, import.meta.url));
const { decodePicture } = await dist('gateway/perceive/picture');
const { createScaler, letterbox } = await dist('gateway/perceive/resample');
const { isHeldOutScene, loadScenes } = await dist('test/eval/labelled');
const { renderedKinds, renderedPictures } = await dist('test/eval/rendered');

const [folder, net, out] = process.argv.slice(2);
if (!folder || !net || !out) throw new Error('node quantise_finder.mjs FOLDER NET.onnx OUT.onnx');
const scenes = 61;
const aKind = 2;
const seed = 77;
const outermost = 0.02;
const work = mkdtempSync(join(tmpdir(), 'quantise-'));
const python = (...given) =>
  execFileSync('/usr/bin/python3', [fileURLToPath(new URL('quantise.py', import.meta.url)), ...given], {
    stdio: 'inherit',
  });

async function* pictures() {
  let count = 0;
  for (const { file } of loadScenes(folder).filter((scene) => !isHeldOutScene(scene.file))) {
    if (count === scenes) break;
    yield await decodePicture(file);
    count += 1;
  }
  for (const [name, kind, rows] of renderedKinds)
    for (const { picture } of renderedPictures(name, kind, rows, aKind, seed)) yield await picture();
}

/** Of each exposed tensor the least and the largest value in each picture; of large ones every so many. */
async function extremes(exposed) {
  const session = await InferenceSession.create(exposed, { logSeverityLevel: 3, graphOptimizationLevel: 'basic' });
  const scaler = createScaler();
  const found = new Map();
  for await (const picture of pictures()) {
    const region = [0, 0, picture.widthPx, picture.heightPx];
    const target = letterbox(region, 640);
    const input = new Uint8Array(target.width * target.height * 3);
    scaler.forget();
    scaler.fillBytes(picture, region, target, input);
    const given = new Tensor('uint8', input, [1, target.height, target.width, 3]);
    for (const [name, { data }] of Object.entries(await session.run({ picture: given }))) {
      if (!name.startsWith('/')) continue;
      const step = Math.max(Math.floor(data.length / 200_000), 1);
      let [low, high] = [Infinity, -Infinity];
      for (let at = 0; at < data.length; at += step) {
        low = Math.min(low, data[at]);
        high = Math.max(high, data[at]);
      }
      found.set(name, [...(found.get(name) ?? []), [low, high]]);
    }
  }
  return found;
}

const sorted = (values) => [...values].sort((a, b) => a - b);
const without = (values, share) => sorted(values)[Math.min(Math.floor(values.length * share), values.length - 1)];

try {
  const exposed = join(work, 'exposed.onnx');
  const ranges = join(work, 'ranges.json');
  python('expose', net, exposed);
  const found = [...(await extremes(exposed))].map(([name, each]) => [
    name,
    [without(each.map(([low]) => low), outermost), without(each.map(([, high]) => high), 1 - outermost)],
  ]);
  writeFileSync(ranges, JSON.stringify(Object.fromEntries(found)));
  python('apply', net, ranges, out);
} finally {
  rmSync(work, { recursive: true });
}
