import { createCanvas } from '@napi-rs/canvas';
import type { CornersPx, PointPx } from '../../gateway/domain/plate.ts';
import { boxAround } from '../../gateway/perceive/geometry.ts';
import type { Picture } from '../../gateway/perceive/picture.ts';
import { doubleRows } from '../../gateway/perceive/plate-finder.ts';
import { warp } from '../support/simulators/homography.ts';
import { drawPlate } from '../support/simulators/plate-picture.ts';
import {
  randomPlate,
  simulatedKinds,
  type SimulatedKind,
  type SimulatedPlate,
} from '../support/simulators/plate-text.ts';
import { createRandom, type Random } from '../support/simulators/random.ts';
import type { PlatePicture, PlateSample } from './measure.ts';

/** The kinds of the rendered sets, by the name they have in the table. */
export const renderedKinds: readonly (readonly [name: string, kind: SimulatedKind, rows?: 2])[] = [
  ...simulatedKinds.map((kind) => [kind, kind] as const),
  ['large, double row', 'large', 2],
  ['trailer, double row', 'trailer', 2],
  ['ebike', 'ebike', 2],
];

const widthPx = 640;
const heightPx = 384;

/** A plate in perspective on a drawn ground with signs, dimmed, blurred, with noise: drawn, with a typeface not the plates' own. */
function renderOne(
  random: Random,
  kind: SimulatedKind,
  rows?: 2,
): { picture: Picture; plate: SimulatedPlate; corners: CornersPx } {
  const plate: SimulatedPlate = { ...randomPlate(random, kind), ...(rows ? { rows } : {}) };
  const flat = drawPlate(plate, 1.5);
  const width = random.between(56, 170);
  const height = (width * flat.height) / flat.width;
  const angle = random.between(-0.12, 0.12);
  const center: PointPx = [random.between(0.25, 0.75) * widthPx, random.between(0.3, 0.8) * heightPx];
  const jitter = (): number => random.between(-0.06, 0.06) * height;
  const at = (u: number, v: number): PointPx => [
    center[0] + u * width * Math.cos(angle) - v * height * Math.sin(angle) + jitter(),
    center[1] + u * width * Math.sin(angle) + v * height * Math.cos(angle) + jitter(),
  ];
  const corners: CornersPx = [at(-0.5, -0.5), at(0.5, -0.5), at(0.5, 0.5), at(-0.5, 0.5)];
  const canvas = createCanvas(widthPx, heightPx);
  const context = canvas.getContext('2d');
  const grey = (): string => {
    const level = random.integer(30, 200);
    return `rgb(${level + random.integer(-15, 15)},${level},${level + random.integer(-15, 15)})`;
  };
  context.fillStyle = grey();
  context.fillRect(0, 0, widthPx, heightPx);
  for (let patch = 0; patch < 14; patch += 1) {
    context.fillStyle = grey();
    context.fillRect(
      random.between(-80, widthPx),
      random.between(-80, heightPx),
      random.between(20, 300),
      random.between(10, 160),
    );
  }
  context.fillStyle = grey();
  context.fillRect(center[0] - width, center[1] - height * 1.4, width * 2, height * 2.8);
  const source = flat.getContext('2d').getImageData(0, 0, flat.width, flat.height);
  const pixels = { width: flat.width, height: flat.height, data: new Uint8ClampedArray(source.data) };
  const warped = warp(pixels, corners, widthPx, heightPx, Math.max(1, Math.round(flat.width / width)));
  const image = context.createImageData(widthPx, heightPx);
  image.data.set(warped.data);
  const layer = createCanvas(widthPx, heightPx);
  layer.getContext('2d').putImageData(image, 0, 0);
  context.drawImage(layer, 0, 0);
  const soft = createCanvas(widthPx, heightPx);
  const softContext = soft.getContext('2d');
  softContext.filter = `blur(${random.between(0.2, 0.9).toFixed(2)}px)`;
  softContext.drawImage(canvas, 0, 0);
  const rgba = softContext.getImageData(0, 0, widthPx, heightPx).data;
  const gain = random.between(0.45, 1.1);
  const noise = random.between(2, 11);
  const rgb = new Uint8ClampedArray(widthPx * heightPx * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    for (let channel = 0; channel < 3; channel += 1)
      rgb[to + channel] = rgba[from + channel]! * gain + (random.next() + random.next() - 1) * noise * 1.6;
  }
  return { picture: { widthPx, heightPx, rgb: new Uint8Array(rgb.buffer) }, plate, corners };
}

/** `count` pictures of one kind, the same for a seed. */
export function renderedPictures(
  name: string,
  kind: SimulatedKind,
  rows: 2 | undefined,
  count: number,
  seed: number,
): PlatePicture[] {
  return Array.from({ length: count }, (_, index) => {
    const random = createRandom(seed).fork(`${name} ${index}`);
    const { picture, plate, corners } = renderOne(random, kind, rows);
    return {
      name: `${name} ${index}`,
      picture: () => Promise.resolve(picture),
      plates: [{ text: plate.text, corners, box: boxAround(corners) }],
    };
  });
}

/** The same plates for a reader: their corners, off by as much as a finder's. */
export function renderedSamples(pictures: readonly PlatePicture[], rows: 2 | undefined, seed: number): PlateSample[] {
  return pictures.flatMap(({ name, picture, plates }) =>
    plates.map(({ text, corners }) => {
      const random = createRandom(seed).fork(`corners ${name}`);
      const slack = Math.hypot(corners[3][0] - corners[0][0], corners[3][1] - corners[0][1]) * 0.04;
      const off = ([x, y]: PointPx): PointPx => [x + random.between(-slack, slack), y + random.between(-slack, slack)];
      const quad: CornersPx = [off(corners[0]), off(corners[1]), off(corners[2]), off(corners[3])];
      return { name, picture, text, rows: () => (rows === 2 ? doubleRows(quad) : [quad]) };
    }),
  );
}
