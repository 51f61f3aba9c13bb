// How good is perception? Prints recall, exact reads and wrong acceptances against a folder of labelled pictures.
//   node dist/test/eval/main.js FOLDER [--soak N]
// FOLDER holds plates-crops/ (file name = plate), plates-scenes/labels.tsv, faces/boxes.tsv; what is missing is left out.
// --soak N reads N plates and prints the memory of the process along the way.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BoxPx } from '../../gateway/domain/plate.ts';
import { overlapRatio } from '../../gateway/perceive/geometry.ts';
import { stillLooks } from '../../gateway/perceive/looks.ts';
import { readManifest, shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { openPerceiver, type Perceiver } from '../../gateway/perceive/perceive.ts';
import { decodePicture } from '../../gateway/perceive/picture.ts';

interface Figures {
  readonly what: string;
  readonly n: number;
  readonly [figure: string]: string | number;
}

const share = (part: number, whole: number): string => `${((100 * part) / Math.max(whole, 1)).toFixed(1)} %`;
const mean = (values: readonly number[]): number =>
  Math.round((10 * values.reduce((sum, value) => sum + value, 0)) / Math.max(values.length, 1)) / 10;

function readTable(path: string): Map<string, string[][]> {
  const byFile = new Map<string, string[][]>();
  for (const line of readFileSync(path, 'utf8').trim().split('\n').slice(1)) {
    const cells = line.split('\t');
    byFile.set(cells[0]!, [...(byFile.get(cells[0]!) ?? []), cells]);
  }
  return byFile;
}

const boxOf = (cells: readonly string[]): BoxPx => [
  Number(cells[1]),
  Number(cells[2]),
  Number(cells[3]),
  Number(cells[4]),
];

/** Centre inside, or half of it shared. */
function hits(found: BoxPx, truth: BoxPx): boolean {
  const x = found[0] + found[2] / 2;
  const y = found[1] + found[3] / 2;
  const inside = x > truth[0] && x < truth[0] + truth[2] && y > truth[1] && y < truth[1] + truth[3];
  return inside || overlapRatio(found, truth) >= 0.5;
}

async function evaluateCrops(perceiver: Perceiver, folder: string): Promise<Figures> {
  let exact = 0;
  let accepted = 0;
  let wrong = 0;
  const readMs: number[] = [];
  const files = readdirSync(folder).filter((name) => /\.(jpg|png)$/.test(name));
  for (const file of files) {
    const truth = file.replace(/[._].*$/, '');
    const picture = await decodePicture(join(folder, file));
    const { plates, timingsMs } = await perceiver.perceive(picture, { plates: 'whole-plate', faces: [] });
    const reading = plates[0]!.reading;
    readMs.push(timingsMs.read);
    if (reading.text === truth) exact += 1;
    else console.log(`  crop ${truth} read ${reading.text} ${reading.confidenceRatio}`);
    if (reading.accepted) accepted += 1;
    if (reading.accepted && reading.text !== truth) wrong += 1;
  }
  const n = files.length;
  return {
    what: 'plates-crops',
    n,
    exact: share(exact, n),
    accepted: share(accepted, n),
    acceptedButWrong: share(wrong, accepted),
    meanReadMs: mean(readMs),
  };
}

async function evaluateScenes(perceiver: Perceiver, folder: string): Promise<Figures> {
  const table = readTable(join(folder, 'labels.tsv'));
  let n = 0;
  let found = 0;
  let exact = 0;
  let accepted = 0;
  let wrong = 0;
  let falseBoxes = 0;
  const totalMs: number[] = [];
  for (const [file, rows] of table) {
    const picture = await decodePicture(join(folder, file));
    const { plates, timingsMs } = await perceiver.perceive(picture, { ...stillLooks(picture, perceiver.stillSidesPx), faces: [] });
    totalMs.push(timingsMs.detect + timingsMs.read);
    for (const row of rows) {
      n += 1;
      const hit = plates.find(({ box }) => hits(box, boxOf(row)));
      if (hit) found += 1;
      if (hit?.reading.text === row[6]) exact += 1;
      else
        console.log(
          `  scene ${file} ${row[6]} read ${hit ? `${hit.reading.text} ${hit.reading.confidenceRatio}` : 'nothing'}`,
        );
    }
    for (const { box, reading } of plates) {
      if (!rows.some((row) => hits(box, boxOf(row)))) falseBoxes += 1;
      if (!reading.accepted) continue;
      accepted += 1;
      if (!rows.some((row) => row[6] === reading.text)) wrong += 1;
    }
  }
  return {
    what: 'plates-scenes',
    n,
    found: share(found, n),
    exact: share(exact, n),
    accepted: share(accepted, n),
    acceptedButWrong: share(wrong, accepted),
    falsePlatesAPicture: (falseBoxes / table.size).toFixed(3),
    meanMs: mean(totalMs),
  };
}

async function evaluateFaces(perceiver: Perceiver, folder: string): Promise<Figures> {
  const table = readTable(join(folder, 'boxes.tsv'));
  let n = 0;
  let found = 0;
  let falseBoxes = 0;
  const totalMs: number[] = [];
  for (const [file, rows] of table) {
    const picture = await decodePicture(join(folder, file));
    const { faces, timingsMs } = await perceiver.perceive(picture, { ...stillLooks(picture, perceiver.stillSidesPx), plates: [] });
    totalMs.push(timingsMs.detect);
    const open = faces.map(({ box }) => box);
    for (const row of rows.filter((cells) => cells[5] === 'face')) {
      n += 1;
      const [best] = open
        .map((box) => ({ box, overlap: overlapRatio(box, boxOf(row)) }))
        .sort((a, b) => b.overlap - a.overlap);
      if (!best || best.overlap < 0.35) continue;
      found += 1;
      open.splice(open.indexOf(best.box), 1);
    }
    // What is left is false, unless it lies on something that is marked to be neither counted nor held against us.
    falseBoxes += open.filter(
      (box) => !rows.some((row) => hits(box, boxOf(row)) || overlapRatio(box, boxOf(row)) > 0.2),
    ).length;
  }
  return {
    what: 'faces',
    n,
    recall: share(found, n),
    falseBoxesAPicture: (falseBoxes / table.size).toFixed(3),
    meanMs: mean(totalMs),
  };
}

/** Reads grey noise over and over; the memory of the process must not grow with the count. */
async function soak(perceiver: Perceiver, count: number): Promise<Figures> {
  const memory: number[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    const widthPx = 90 + (turn % 60);
    const rgb = new Uint8Array(widthPx * 30 * 3).map((_value, at) => (at * 31 + turn * 17) % 256);
    await perceiver.perceive({ widthPx, heightPx: 30, rgb }, { plates: 'whole-plate', faces: [] });
    if (turn % Math.ceil(count / 8) === 0 || turn === count - 1)
      memory.push(Math.round(process.memoryUsage().rss / 1e6));
  }
  return { what: 'soak', n: count, rssMb: memory.join(' ') };
}

const [folder = '', ...rest] = process.argv.slice(2);
const soakCount = rest[0] === '--soak' ? Number(rest[1]) : 0;
const perceiver = await openPerceiver({
  modelsDir: shippedModelsDir(),
  threads: 1,
  minPlateWidthPx: 30,
  ebikePatterns: [],
});
const figures: Figures[] = [];
const parts = [
  ['plates-crops', '', evaluateCrops],
  ['plates-scenes', 'labels.tsv', evaluateScenes],
  ['faces', 'boxes.tsv', evaluateFaces],
] as const;
for (const [name, table, evaluate] of parts) {
  if (existsSync(join(folder, name, table))) figures.push(await evaluate(perceiver, join(folder, name)));
}
if (soakCount > 0) figures.push(await soak(perceiver, soakCount));
await perceiver.release();
for (const { what, n, ...values } of figures) {
  console.log(
    `${what}: n = ${n}, ${Object.entries(values)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
  );
}
const { models } = await readManifest(shippedModelsDir());
console.log(JSON.stringify({ figures, models: models.map(({ role, name, sha256 }) => ({ role, name, sha256 })) }));
