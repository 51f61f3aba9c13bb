import type { PlateColor } from '../domain/plate.ts';
import type { Picture } from './picture.ts';

/**
 * The ground colour of a rectified plate, by rule. In each row of pixels the median is the ground, because writing covers
 * less than half; what departs from it is writing. Light writing on a dark ground is blue or black; dark writing on a
 * light ground is yellow, green or white. Among these the hue of the ground decides. Row by row, so that the shading of
 * green plates and shadows across a plate do not pass for writing.
 */
export function plateColor(plate: Picture): PlateColor {
  const ground = measureGround(plate);
  const share = (part: number): number => part / Math.max(ground.count, 1);
  if (ground.writingIsLight && share(ground.green + ground.yellow) < 0.2) {
    // Black grounds have no hue; blue ones keep some even at night.
    return share(ground.blue) > 0.04 ? 'blue' : 'black';
  }
  // Overexposed blue plates turn white around the writing; no light ground has a blue hue.
  if (share(ground.blue) > 0.05 && ground.blue > ground.green && ground.blue > ground.yellow) return 'blue';
  if (share(ground.yellow + ground.green) < 0.06) return 'white';
  // Large new-energy plates: yellow behind the first two characters, green behind the rest.
  const restYellow = ground.yellow - ground.leftYellow;
  if (ground.leftYellow > ground.leftGreen * 2 && ground.green > restYellow * 2) return 'yellow-green';
  return ground.green > ground.yellow ? 'green' : 'yellow';
}

/** Sums of saturation by hue over the ground's pixels. */
interface Ground {
  readonly writingIsLight: boolean;
  readonly count: number;
  readonly blue: number;
  readonly yellow: number;
  readonly green: number;
  /** The same behind the first two characters. */
  readonly leftYellow: number;
  readonly leftGreen: number;
}

function measureGround({ widthPx, heightPx, rgb }: Picture): Ground {
  // The rim belongs to frame and bumper.
  const x0 = Math.floor(widthPx * 0.04);
  const x1 = Math.ceil(widthPx * 0.96);
  const y0 = Math.floor(heightPx * 0.2);
  const y1 = Math.ceil(heightPx * 0.8);
  const medians = new Float32Array(heightPx);
  let lighter = 0;
  let darker = 0;
  for (let y = y0; y < y1; y += 1) {
    const row = new Float32Array(x1 - x0);
    for (let x = x0; x < x1; x += 1) row[x - x0] = brightnessAt(rgb, (y * widthPx + x) * 3);
    row.sort();
    const median = row[row.length >> 1] ?? 0;
    medians[y] = median;
    for (const value of row) {
      if (value > median) lighter += value - median;
      else darker += median - value;
    }
  }
  const writingIsLight = lighter > darker;
  const leftEnd = x0 + (x1 - x0) * 0.22;
  const ground = { writingIsLight, count: 0, blue: 0, yellow: 0, green: 0, leftYellow: 0, leftGreen: 0 };
  for (let y = y0; y < y1; y += 1) {
    const median = medians[y] ?? 0;
    for (let x = x0; x < x1; x += 1) {
      const at = (y * widthPx + x) * 3;
      const above = brightnessAt(rgb, at) - median;
      // Ten grey levels of noise are still ground.
      if (writingIsLight ? above > 10 : above < -10) continue;
      ground.count += 1;
      const r = rgb[at] ?? 0;
      const g = rgb[at + 1] ?? 0;
      const b = rgb[at + 2] ?? 0;
      const max = Math.max(r, g, b);
      const chroma = max - Math.min(r, g, b);
      const saturation = max === 0 ? 0 : chroma / max;
      // Below 8 grey levels sensor noise decides the hue.
      if (saturation < 0.1 || chroma < 8) continue;
      const hue = hueDegrees(r, g, b, max, chroma);
      if (hue >= 185 && hue < 280) ground.blue += saturation;
      else if (hue >= 18 && hue < 80) {
        ground.yellow += saturation;
        if (x < leftEnd) ground.leftYellow += saturation;
      } else if (hue >= 80 && hue < 185) {
        ground.green += saturation;
        if (x < leftEnd) ground.leftGreen += saturation;
      }
    }
  }
  return ground;
}

const brightnessAt = (rgb: Uint8Array, at: number): number =>
  ((rgb[at] as number) + (rgb[at + 1] as number) + (rgb[at + 2] as number)) / 3;

function hueDegrees(r: number, g: number, b: number, max: number, chroma: number): number {
  if (chroma === 0) return 0;
  const sector = max === r ? ((g - b) / chroma + 6) % 6 : max === g ? (b - r) / chroma + 2 : (r - g) / chroma + 4;
  return sector * 60;
}
