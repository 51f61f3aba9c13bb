import { createCanvas, type Canvas } from '@napi-rs/canvas';
import type { Light } from './light.ts';
import { drawPlate, plateSizeMm } from './plate-picture.ts';
import type { SimulatedPlate } from './plate-text.ts';

export type VehicleShape = 'car' | 'van' | 'bus' | 'ebike';

/** Measures of a kind of vehicle, metres. */
export interface Form {
  readonly halfWidth: number;
  readonly length: number;
  readonly frontTop: number;
  readonly bonnetTop: number;
  readonly bonnetLength: number;
  readonly screenLength: number;
  readonly roof: number;
  readonly roofHalf: number;
}

export const forms: Readonly<Record<VehicleShape, Form>> = {
  car: {
    halfWidth: 0.88,
    length: 4.5,
    frontTop: 0.76,
    bonnetTop: 0.95,
    bonnetLength: 1.1,
    screenLength: 0.85,
    roof: 1.44,
    roofHalf: 0.6,
  },
  van: {
    halfWidth: 0.9,
    length: 4.7,
    frontTop: 0.86,
    bonnetTop: 1.05,
    bonnetLength: 0.85,
    screenLength: 0.7,
    roof: 1.72,
    roofHalf: 0.7,
  },
  bus: {
    halfWidth: 1.02,
    length: 6.5,
    frontTop: 1.02,
    bonnetTop: 1.12,
    bonnetLength: 0.12,
    screenLength: 0.35,
    roof: 2.35,
    roofHalf: 0.9,
  },
  // With a wind shield before the rider's knees, as most have by winter: as much as a plate's surroundings need.
  ebike: {
    halfWidth: 0.3,
    length: 1.7,
    frontTop: 0.86,
    bonnetTop: 0.9,
    bonnetLength: 0.3,
    screenLength: 0.15,
    roof: 1.62,
    roofHalf: 0.2,
  },
};

/** Lower edge of the bumper. */
export const frontBottom = 0.24;
/** Height of the plate's middle. */
export const plateY = 0.5;
const texturePxPerM = 460;
/** A colour, lighter or darker. */
export const shade = (color: readonly number[], factor: number): string =>
  `rgb(${color.map((part) => Math.round(Math.min(255, part * factor))).join(',')})`;

/** The vehicle's front, flat: bumper, grille, lamps and the plate. */
export function drawFront(form: Form, paint: readonly number[], plate: SimulatedPlate, light: Light): Canvas {
  const width = Math.round(form.halfWidth * 2 * texturePxPerM);
  const height = Math.round((form.frontTop - frontBottom) * texturePxPerM);
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  const y = (metres: number): number => (form.frontTop - metres) * texturePxPerM;
  const gain = light.bodyGain;
  const body = context.createLinearGradient(0, 0, 0, height);
  body.addColorStop(0, shade(paint, 0.98 * gain));
  body.addColorStop(0.55, shade(paint, 0.8 * gain));
  body.addColorStop(1, shade(paint, 0.5 * gain));
  context.fillStyle = body;
  context.beginPath();
  context.roundRect(0, 0, width, height, [30, 30, 40, 40]);
  context.fill();
  // Upper grille with the maker's mark, lower air intake.
  context.fillStyle = shade([24, 25, 28], gain);
  context.beginPath();
  context.roundRect(width * 0.29, y(form.frontTop - 0.03), width * 0.42, 0.1 * texturePxPerM, 18);
  context.fill();
  context.strokeStyle = shade([150, 152, 156], gain);
  context.lineWidth = 3;
  for (const line of [0.055, 0.08, 0.105]) {
    context.beginPath();
    context.moveTo(width * 0.31, y(form.frontTop - line));
    context.lineTo(width * 0.69, y(form.frontTop - line));
    context.stroke();
  }
  context.fillStyle = shade([190, 192, 196], gain);
  context.beginPath();
  context.arc(width / 2, y(form.frontTop - 0.08), 17, 0, Math.PI * 2);
  context.fill();
  context.fillStyle = shade([20, 21, 23], gain);
  context.beginPath();
  context.roundRect(width * 0.2, y(0.38), width * 0.6, 0.1 * texturePxPerM, 14);
  context.fill();
  for (const side of [0, 1]) {
    const left = side === 0 ? 0.025 : 1 - 0.025 - 0.2;
    const lamp = context.createLinearGradient(width * left, 0, width * (left + 0.2), 0);
    const lit = light.night ? 1 : 0.86;
    lamp.addColorStop(0, shade([206, 212, 220], lit));
    lamp.addColorStop(0.5, shade([248, 250, 252], lit));
    lamp.addColorStop(1, shade([150, 158, 168], lit));
    context.fillStyle = lamp;
    context.beginPath();
    context.roundRect(width * left, y(form.frontTop - 0.05), width * 0.2, 0.14 * texturePxPerM, 26);
    context.fill();
  }
  const picture = drawPlate(plate, (texturePxPerM / 1000) * 2);
  const [widthMm, heightMm] = plateSizeMm(plate);
  const [plateWidth, plateHeight] = [(widthMm * texturePxPerM) / 1000, (heightMm * texturePxPerM) / 1000];
  context.save();
  context.imageSmoothingQuality = 'high';
  context.translate(width / 2 - plateWidth / 2, y(plateY) - plateHeight / 2);
  // The holder behind the plate, then the plate itself, which throws back the camera's own light at night.
  context.fillStyle = shade([16, 16, 18], gain);
  context.fillRect(-6, -6, plateWidth + 12, plateHeight + 12);
  context.drawImage(picture, 0, 0, plateWidth, plateHeight);
  context.globalCompositeOperation = 'source-atop';
  context.fillStyle = `rgba(0,0,0,${1 - light.plateGain})`;
  context.fillRect(0, 0, plateWidth, plateHeight);
  context.restore();
  return canvas;
}
