import type { BoxPx, CornersPx, PlateReading } from '../../gateway/domain/plate.ts';
import { overlapRatio } from '../../gateway/perceive/geometry.ts';
import { judgeRead } from '../../gateway/perceive/judge.ts';
import { stillLooks } from '../../gateway/perceive/looks.ts';
import type { Perceiver } from '../../gateway/perceive/perceive.ts';
import type { Picture } from '../../gateway/perceive/picture.ts';
import type { PlateFinder } from '../../gateway/perceive/plate-finder.ts';
import type { PlateReader } from '../../gateway/perceive/plate-reader.ts';
import { median, type Figure } from './figures.ts';
import { hits } from './labelled.ts';

type Named = Pick<Figure, 'set' | 'model' | 'yardstick'>;

/** A picture with the plates in it. */
export interface PlatePicture {
  readonly name: string;
  readonly picture: () => Promise<Picture>;
  readonly plates: readonly { readonly text: string; readonly box: BoxPx; readonly corners: CornersPx }[];
}

/** One plate with its true corners. */
export interface PlateSample {
  readonly name: string;
  readonly picture: () => Promise<Picture>;
  readonly text: string;
  readonly rows: (picture: Picture) => readonly CornersPx[];
}

/** Recall and false boxes of a finder alone: whatever it reports at its threshold, before anything is read. */
export async function measureFinder(
  finder: PlateFinder,
  pictures: readonly PlatePicture[],
  named: Named,
): Promise<Figure> {
  const misses: string[] = [];
  const timesMs: number[] = [];
  let n = 0;
  let found = 0;
  let false_ = 0;
  for (const { name, picture: load, plates } of pictures) {
    const picture = await load();
    const whole: BoxPx = [0, 0, picture.widthPx, picture.heightPx];
    const startedMs = performance.now();
    const boxes: BoxPx[] = [];
    for (const sidePx of finder.stillSidesPx)
      boxes.push(...(await finder.find(picture, whole, sidePx, 'still')).map(({ box }) => box));
    timesMs.push(performance.now() - startedMs);
    for (const plate of plates) {
      n += 1;
      if (boxes.some((box) => hits(box, plate.box))) found += 1;
      else misses.push(`${name} ${plate.text} not found`);
    }
    const wrong = boxes.filter((box) => !plates.some((plate) => hits(box, plate.box)));
    false_ += wrong.length;
    for (const box of wrong) misses.push(`${name} false box ${box.map(Math.round).join(' ')}`);
  }
  const values = {
    recall: found / Math.max(n, 1),
    falseAPicture: false_ / Math.max(pictures.length, 1),
    p50Ms: median(timesMs),
  };
  return { part: 'finder', ...named, n, values, misses };
}

interface Tally {
  n: number;
  exact: number;
  accepted: number;
  wrong: number;
}

const noteRead = (tally: Tally, truth: string, reading: PlateReading | undefined): void => {
  tally.n += 1;
  if (reading?.text === truth) tally.exact += 1;
  if (reading?.accepted === true) tally.accepted += 1;
  if (reading?.accepted === true && reading.text !== truth) tally.wrong += 1;
};
const shares = ({ n, exact, accepted, wrong }: Tally) => ({
  exact: exact / Math.max(n, 1),
  accepted: accepted / Math.max(n, 1),
  // Of what goes into the log.
  acceptedButWrong: wrong / Math.max(accepted, 1),
});

/** A reader alone, on plates with their true corners: one run a plate, no second opinion. */
export async function measureReader(
  reader: PlateReader,
  samples: readonly PlateSample[],
  ebikePatterns: readonly RegExp[],
  named: Named,
): Promise<Figure> {
  const misses: string[] = [];
  const timesMs: number[] = [];
  const tally: Tally = { n: 0, exact: 0, accepted: 0, wrong: 0 };
  for (const { name, picture: load, text, rows } of samples) {
    const picture = await load();
    const startedMs = performance.now();
    const [read] = await reader.read(picture, [rows(picture)]);
    timesMs.push(performance.now() - startedMs);
    const { reading } = judgeRead(read?.characters ?? [], read?.color ?? 'blue', ebikePatterns);
    noteRead(tally, text, reading);
    if (reading.text !== text) misses.push(`${name} ${text} read ${reading.text} ${reading.confidenceRatio}`);
  }
  return { part: 'reader', ...named, n: tally.n, values: { ...shares(tally), p50Ms: median(timesMs) }, misses };
}

/** Everything from the picture to the text, as `inspect` does it. */
export async function measureWhole(
  perceiver: Perceiver,
  pictures: readonly PlatePicture[],
  named: Named,
): Promise<Figure> {
  const misses: string[] = [];
  const timesMs: number[] = [];
  const tally: Tally = { n: 0, exact: 0, accepted: 0, wrong: 0 };
  let found = 0;
  let false_ = 0;
  for (const { name, picture: load, plates: truths } of pictures) {
    const picture = await load();
    const { plates, timingsMs } = await perceiver.perceive(picture, {
      ...stillLooks(picture, perceiver.stillSidesPx),
      faces: [],
    });
    timesMs.push(timingsMs.detect + timingsMs.read);
    for (const truth of truths) {
      const hit = plates.find(({ box }) => hits(box, truth.box));
      if (hit) found += 1;
      noteRead(tally, truth.text, hit?.reading);
      if (hit?.reading.text !== truth.text)
        misses.push(
          `${name} ${truth.text} read ${hit ? `${hit.reading.text} ${hit.reading.confidenceRatio}` : 'nothing'}`,
        );
    }
    for (const { box, reading } of plates) {
      if (truths.some((truth) => hits(box, truth.box))) continue;
      false_ += 1;
      misses.push(`${name} false plate ${reading.text} ${reading.confidenceRatio}`);
      // A plate of nothing that goes into the log is as wrong as a misread one.
      if (!reading.accepted) continue;
      tally.accepted += 1;
      tally.wrong += 1;
    }
  }
  const values = {
    ...shares(tally),
    found: found / Math.max(tally.n, 1),
    falseAPicture: false_ / Math.max(pictures.length, 1),
    p50Ms: median(timesMs),
  };
  return { part: 'end to end', ...named, n: tally.n, values, misses };
}

/** Crops through the whole: `inspect --crop`. */
export async function measureCrops(
  perceiver: Perceiver,
  samples: readonly PlateSample[],
  named: Named,
): Promise<Figure> {
  const misses: string[] = [];
  const timesMs: number[] = [];
  const tally: Tally = { n: 0, exact: 0, accepted: 0, wrong: 0 };
  for (const { name, picture: load, text } of samples) {
    const picture = await load();
    const { plates, timingsMs } = await perceiver.perceive(picture, { plates: 'whole-plate', faces: [] });
    timesMs.push(timingsMs.read);
    const reading = plates[0]?.reading;
    noteRead(tally, text, reading);
    if (reading?.text !== text) misses.push(`${name} ${text} read ${reading?.text} ${reading?.confidenceRatio}`);
  }
  return { part: 'end to end', ...named, n: tally.n, values: { ...shares(tally), p50Ms: median(timesMs) }, misses };
}

export interface FaceSample {
  readonly name: string;
  readonly picture: () => Promise<Picture>;
  readonly faces: readonly BoxPx[];
  readonly ignored: readonly BoxPx[];
}

/** Faces: a hit shares 0.35 of its box. */
export async function measureFaces(
  find: (picture: Picture) => Promise<readonly BoxPx[]>,
  samples: readonly FaceSample[],
  named: Named,
): Promise<Figure> {
  const misses: string[] = [];
  const timesMs: number[] = [];
  let n = 0;
  let found = 0;
  let false_ = 0;
  for (const { name, picture: load, faces, ignored } of samples) {
    const picture = await load();
    const startedMs = performance.now();
    const open = [...(await find(picture))];
    timesMs.push(performance.now() - startedMs);
    for (const truth of faces) {
      n += 1;
      const [best] = open
        .map((box) => ({ box, overlap: overlapRatio(box, truth) }))
        .sort((a, b) => b.overlap - a.overlap);
      if (!best || best.overlap < 0.35) {
        misses.push(`${name} face ${truth.map(Math.round).join(' ')} not found`);
        continue;
      }
      found += 1;
      open.splice(open.indexOf(best.box), 1);
    }
    // What is left is false, unless it lies on something that is marked to be neither counted nor held against us.
    const wrong = open.filter(
      (box) => ![...faces, ...ignored].some((truth) => hits(box, truth) || overlapRatio(box, truth) > 0.2),
    );
    false_ += wrong.length;
    for (const box of wrong) misses.push(`${name} false face ${box.map(Math.round).join(' ')}`);
  }
  const values = {
    recall: found / Math.max(n, 1),
    falseAPicture: false_ / Math.max(samples.length, 1),
    p50Ms: median(timesMs),
  };
  return { part: 'faces', ...named, n, values, misses };
}
