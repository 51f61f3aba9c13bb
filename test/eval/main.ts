// How good is perception? The table of targets against measured, the yardsticks beside it in the same run.
//   npm run eval -- [FOLDER] [--models DIR] [--only PART,…] [--held-out] [--rendered N] [--limit N] [--seed N] [--misses] [--out FILE]
// FOLDER holds plates-crops/ (file name = plate), plates-scenes/labels.tsv, faces/boxes.tsv and models/ with the yardsticks;
// what is missing is left out; --held-out takes only plates that models/training never trains on; --limit takes every k-th picture, N in all. Without it: rendered plates of every kind only, N a kind.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cornersOfBox } from '../../gateway/perceive/geometry.ts';
import { stillLooks } from '../../gateway/perceive/looks.ts';
import {
  chooseEntry,
  loadEntry,
  readManifest,
  shippedModelsDir,
  type ModelEntry,
} from '../../gateway/perceive/model-store.ts';
import { openPerceiver, type Perceiver } from '../../gateway/perceive/perceive.ts';
import { decodePicture, type Picture } from '../../gateway/perceive/picture.ts';
import { openPlateFinder } from '../../gateway/perceive/plate-finder.ts';
import { hanCharactersOf, openPlateReader } from '../../gateway/perceive/plate-reader.ts';
import { createScaler } from '../../gateway/perceive/resample.ts';
import { commit, machine } from '../bench/harness.ts';
import { judged, printTable, type Figure } from './figures.ts';
import { isHeldOutCrop, isHeldOutScene, loadCrops, loadFaces, loadScenes } from './labelled.ts';
import {
  measureCrops,
  measureFaces,
  measureFinder,
  measureReader,
  measureWhole,
  type PlatePicture,
  type PlateSample,
} from './measure.ts';
import { renderedKinds, renderedPictures, renderedSamples } from './rendered.ts';
import { ebikePlates } from '../support/simulators/plate-text.ts';
import { openYunet } from './yunet.ts';

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    models: { type: 'string' },
    only: { type: 'string' },
    rendered: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1' },
    limit: { type: 'string' },
    misses: { type: 'boolean', default: false },
    'held-out': { type: 'boolean', default: false },
    out: { type: 'string', default: '.cache/eval.json' },
  },
});
const folder = positionals[0] === undefined ? null : resolve(positionals[0]);
if (folder !== null && !existsSync(folder)) throw new Error(`there is no folder ${folder}`);
const modelsDir = resolve(given.models ?? shippedModelsDir());
const heldOutOnly = given['held-out'];
const only = given.only?.split(',') ?? null;
const wants = (part: string): boolean => only === null || only.includes(part);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const manifest = await readManifest(modelsDir);
const scaler = createScaler();
const ebikePatterns = [new RegExp(ebikePlates, 'u')];
const figures: Figure[] = [];
const note = (figure: Figure): void => {
  figures.push(figure);
  say(`measured ${figure.part} on ${figure.set}: ${figure.model}`);
  if (given.misses && !figure.yardstick) for (const miss of figure.misses) say(`  ${miss}`);
};

/** Entries of a role that are here: installed, or in FOLDER/models. The one in use first; the others are yardsticks. */
function entriesOf(role: 'plate-finder' | 'plate-reader'): { entry: ModelEntry; yardstick: boolean }[] {
  const used = chooseEntry(manifest, role);
  const roles = role === 'plate-reader' ? ['plate-reader', 'second-reader'] : [role];
  return manifest.models
    .filter((entry) => roles.includes(entry.role))
    .flatMap((entry) => {
      const besides = folder === null ? '' : join(folder, 'models', entry.file);
      const isHere = entry.optional !== true || existsSync(join(modelsDir, entry.file));
      if (!isHere && !existsSync(besides)) return [];
      return [{ entry: isHere ? entry : { ...entry, file: besides }, yardstick: entry.id !== used?.id }];
    })
    .sort((a, b) => Number(a.yardstick) - Number(b.yardstick));
}

/** Every k-th, so that at most --limit are left. */
function some<T>(all: readonly T[]): readonly T[] {
  const step = Math.max(Math.ceil(all.length / Number(given.limit ?? all.length)), 1);
  return all.filter((_one, index) => index % step === 0);
}

const decoded = (file: string) => (): Promise<Picture> => decodePicture(file);
const scenes: readonly PlatePicture[] =
  folder === null
    ? []
    : some(loadScenes(folder).filter(({ file }) => !heldOutOnly || isHeldOutScene(file))).map(({ file, plates }) => ({
        name: basename(file),
        picture: decoded(file),
        plates,
      }));
const scenePlates: PlateSample[] = scenes.flatMap(({ name, picture, plates }) =>
  plates.map(({ text, corners }) => ({ name, picture, text, rows: () => [corners] })),
);
const crops: readonly PlateSample[] =
  folder === null
    ? []
    : some(loadCrops(folder).filter(({ text }) => !heldOutOnly || isHeldOutCrop(text))).map(({ file, text }) => ({
        name: basename(file),
        picture: decoded(file),
        text,
        rows: ({ widthPx, heightPx }) => [cornersOfBox([0, 0, widthPx, heightPx])],
      }));
const renderedCount = Number(given.rendered);
const rendered = (renderedCount > 0 ? renderedKinds : []).map(([name, kind, rows]) => {
  const pictures = renderedPictures(name, kind, rows, renderedCount, Number(given.seed));
  return { name, pictures, samples: renderedSamples(pictures, rows, Number(given.seed)) };
});

if (wants('finder')) {
  for (const { entry, yardstick } of entriesOf('plate-finder')) {
    const finder = await openPlateFinder(await loadEntry(modelsDir, entry), 1, scaler);
    const named = { model: entry.id, yardstick };
    if (scenes.length > 0) note(await measureFinder(finder, scenes, { set: 'plates-scenes', ...named }));
    // A text detector reports all writing: false boxes and time of the rendered sets would say nothing of it.
    if (entry.form !== 'text-map')
      for (const { name, pictures } of rendered)
        note(await measureFinder(finder, pictures, { set: `rendered ${name}`, ...named }));
    await finder.release();
  }
}

if (wants('reader')) {
  for (const { entry, yardstick } of entriesOf('plate-reader')) {
    const reader = await openPlateReader(await loadEntry(modelsDir, entry), 1, hanCharactersOf(ebikePatterns));
    const named = { model: entry.id, yardstick };
    if (crops.length > 0) note(await measureReader(reader, crops, ebikePatterns, { set: 'plates-crops', ...named }));
    if (scenePlates.length > 0)
      note(await measureReader(reader, scenePlates, ebikePatterns, { set: 'plates-scenes', ...named }));
    // A reader that was never taught a city's name is not asked for it.
    const knows = ({ text }: PlateSample): boolean => Array.from(text).every((character) => reader.knows(character));
    for (const { name, samples } of rendered.filter(({ samples: all }) => all.some(knows)))
      note(await measureReader(reader, samples, ebikePatterns, { set: `rendered ${name}`, ...named }));
    await reader.release();
  }
}

async function withPerceiver(dir: string, use: (perceiver: Perceiver) => Promise<void>): Promise<void> {
  const perceiver = await openPerceiver({ modelsDir: dir, threads: 1, minPlateWidthPx: 30, ebikePatterns });
  try {
    await use(perceiver);
  } finally {
    await perceiver.release();
  }
}

/** A manifest in which HyperLPR3's finder and PP-OCR's reader do all the work: the yardstick from end to end. */
async function withYardstick(use: (perceiver: Perceiver, model: string) => Promise<void>): Promise<void> {
  for (const { entry } of entriesOf('plate-finder').filter(({ entry: { form } }) => form === 'anchor-corners')) {
    const reader = manifest.models.find(({ form }) => form === 'text-line');
    const faces = chooseEntry(manifest, 'face-finder');
    if (!reader || !faces) return;
    const dir = mkdtempSync(join(tmpdir(), 'kanmen-eval-'));
    try {
      const placed = [entry, faces].map((model) => ({
        ...model,
        optional: undefined,
        file: model.package === undefined ? resolve(modelsDir, model.file) : model.file,
      }));
      const models = [...placed, { ...reader, role: 'plate-reader' }];
      writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ version: 1, models }));
      await withPerceiver(dir, (perceiver) => use(perceiver, `${entry.id} + ${reader.id}`));
    } finally {
      rmSync(dir, { recursive: true });
    }
  }
}

const faceSamples =
  folder === null
    ? []
    : some(loadFaces(folder)).map(({ file, faces, ignored }) => ({
        name: basename(file),
        picture: decoded(file),
        faces,
        ignored,
      }));
const ids = (...roles: ModelEntry['role'][]): string =>
  roles.flatMap((role) => chooseEntry(manifest, role)?.id ?? []).join(' + ');
if (wants('end to end') || wants('faces')) {
  await withPerceiver(modelsDir, async (perceiver) => {
    const named = { model: ids('plate-finder', 'plate-reader', 'second-reader'), yardstick: false };
    if (wants('end to end')) {
      if (scenes.length > 0) note(await measureWhole(perceiver, scenes, { set: 'plates-scenes', ...named }));
      if (crops.length > 0) note(await measureCrops(perceiver, crops, { set: 'plates-crops', ...named }));
      for (const { name, pictures } of rendered)
        note(await measureWhole(perceiver, pictures, { set: `rendered ${name}`, ...named }));
    }
    if (wants('faces') && faceSamples.length > 0) {
      const find = async (picture: Picture) => {
        const looks = stillLooks(picture, perceiver.stillSidesPx);
        return (await perceiver.perceive(picture, { ...looks, plates: [] })).faces.map(({ box }) => box);
      };
      note(await measureFaces(find, faceSamples, { set: 'faces', model: ids('face-finder'), yardstick: false }));
    }
  });
}
if (wants('end to end') && scenes.length > 0)
  await withYardstick(async (perceiver, model) => {
    note(await measureWhole(perceiver, scenes, { set: 'plates-scenes', model, yardstick: true }));
  });
const yunet = manifest.models.find(({ id }) => id === 'yunet');
if (wants('faces') && faceSamples.length > 0 && yunet) {
  const besides = [join(modelsDir, yunet.file), join(folder ?? '', 'models', yunet.file)].find((path) =>
    existsSync(path),
  );
  if (besides !== undefined) {
    const finder = await openYunet(await loadEntry(modelsDir, { ...yunet, file: besides }));
    note(
      await measureFaces((picture) => finder.find(picture), faceSamples, {
        set: 'faces',
        model: 'yunet',
        yardstick: true,
      }),
    );
    await finder.release();
  }
}

printTable(figures, console.log);
const goals = figures.flatMap((figure) =>
  judged(figure).map((goal) => ({ ...goal, part: figure.part, set: figure.set })),
);
const missed = goals.filter(({ met }) => !met);
console.log(
  `\n${goals.length - missed.length} of ${goals.length} targets met${folder === null ? ' (no folder of real pictures: rendered sets have no targets)' : ''}`,
);
const result = {
  at: new Date().toISOString(),
  commit: commit(),
  machine: machine(),
  models: manifest.models.map(({ id, role, sha256, firstLook }) => ({
    ...{ id, role, sha256 },
    ...(firstLook ? { firstLook: firstLook.sha256 } : {}),
  })),
  targets: goals,
  figures,
};
mkdirSync(dirname(resolve(given.out)), { recursive: true });
writeFileSync(given.out, JSON.stringify(result, null, 1));
console.log(`written to ${given.out}`);
