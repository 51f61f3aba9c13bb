import { createCanvas, loadImage, type Canvas, type SKRSContext2D } from '@napi-rs/canvas';
import type { Light } from './light.ts';
import { pictureFile } from './picture-file.ts';
import { walkwayX, type View } from './view.ts';

/** Metres per second of somebody who is not in a hurry. */
export const walkingMps = 1.25;
/** Where a walker comes into view and where the camera loses him, metres. */
export const walkFromM = 15;
export const walkToM = 2.6;
export const walkMs = ((walkFromM - walkToM) / walkingMps) * 1000;

const heightM = 1.68;
/** Crown to chin of the picture takes this much of it. */
const headM = 0.29;

export interface PersonPicture {
  draw(context: SKRSContext2D, zM: number): void;
  bounds(zM: number): readonly [number, number, number, number] | null;
  /** Height from hairline to chin in px at this distance; 0 while the face is not whole inside the picture. */
  facePx(zM: number): number;
}

/** The head alone, cut out of the portrait: its outline in px of the picture file (176 × 204). */
const outline: readonly (readonly [number, number])[] = [
  [88, 11],
  [122, 15],
  [146, 36],
  [160, 70],
  [158, 96],
  [146, 112],
  [138, 118],
  [132, 146],
  [120, 170],
  [100, 184],
  [82, 183],
  [62, 168],
  [50, 142],
  [44, 116],
  [28, 106],
  [16, 86],
  [16, 64],
  [26, 42],
  [44, 26],
  [66, 13],
];

async function loadHead(light: Light): Promise<Canvas> {
  const portrait = await loadImage(pictureFile('eileen-collins.jpg'));
  const canvas = createCanvas(portrait.width, portrait.height);
  const context = canvas.getContext('2d');
  context.beginPath();
  outline.forEach(([x, y], index) => {
    const [nextX, nextY] = outline[(index + 1) % outline.length]!;
    if (index === 0) context.moveTo((x + nextX) / 2, (y + nextY) / 2);
    else context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  });
  context.closePath();
  context.clip();
  context.drawImage(portrait, 0, 0);
  // A lamp hangs over the walkway, so a face stays brighter at night than a car's paint.
  context.globalCompositeOperation = 'source-atop';
  context.fillStyle = `rgba(0,0,10,${light.night ? 0.35 : 0.05})`;
  context.fillRect(0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Somebody on foot, seen from the front: drawn clothes and the face of a portrait in the public domain (README). */
export async function createPersonPicture(view: View, light: Light): Promise<PersonPicture> {
  const head = await loadHead(light);
  const gain = light.night ? 0.5 : 1;
  const color = (r: number, g: number, b: number): string => `rgb(${r * gain},${g * gain},${b * gain})`;
  const footAt = (zM: number): readonly [x: number, y: number, scale: number] | null => {
    const foot = view.project([walkwayX, 0, zM]);
    const crown = view.project([walkwayX, heightM, zM]);
    return foot && crown ? [crown[0], crown[1], (foot[1] - crown[1]) / heightM] : null;
  };
  return {
    facePx: (zM) => {
      const [x, , scale] = footAt(zM) ?? [0, 0, 0];
      const half = (scale * headM) / 2;
      return x - half > 0 && x + half < view.width ? (scale * headM * 155) / 204 : 0;
    },
    bounds: (zM) => {
      const at = footAt(zM);
      if (!at) return null;
      const [x, y, scale] = at;
      return [x - 0.45 * scale, y - 0.08 * scale, x + 0.45 * scale, y + (heightM + 0.1) * scale];
    },
    draw: (context, zM) => {
      const at = footAt(zM);
      if (!at) return;
      const [x, y, scale] = at;
      // One full step cycle every 1.4 m.
      const swing = Math.sin((zM / 1.4) * Math.PI * 2);
      context.save();
      context.translate(x, y - Math.abs(swing) * 0.015 * scale);
      context.scale(scale, scale);
      context.fillStyle = 'rgba(0,0,0,0.3)';
      context.beginPath();
      context.ellipse(0.05, heightM, 0.34, 0.06, 0, 0, Math.PI * 2);
      context.fill();
      for (const side of [-1, 1]) {
        // Legs: the one that swings forward is drawn longer, as seen from the front.
        const lift = side * swing * 0.05;
        context.fillStyle = color(38, 44, 62);
        context.beginPath();
        context.roundRect(side * 0.1 - 0.085, 0.82, 0.17, 0.82 + lift, 0.05);
        context.fill();
        context.fillStyle = color(24, 22, 22);
        context.beginPath();
        context.roundRect(side * 0.11 - 0.08, 1.6 + lift, 0.17, 0.09, 0.04);
        context.fill();
        // Arms.
        context.fillStyle = color(122, 44, 40);
        context.beginPath();
        context.roundRect(side * 0.27 - 0.065, 0.3, 0.13, 0.56 - side * swing * 0.03, 0.06);
        context.fill();
        context.fillStyle = color(214, 170, 146);
        context.beginPath();
        context.arc(side * 0.27, 0.9 - side * swing * 0.03, 0.055, 0, Math.PI * 2);
        context.fill();
      }
      context.fillStyle = color(206, 160, 138);
      context.fillRect(-0.055, 0.2, 0.11, 0.12);
      const jacket = context.createLinearGradient(-0.25, 0, 0.25, 0);
      jacket.addColorStop(0, color(120, 42, 38));
      jacket.addColorStop(0.45, color(158, 58, 50));
      jacket.addColorStop(1, color(112, 38, 36));
      context.fillStyle = jacket;
      context.beginPath();
      context.roundRect(-0.24, 0.27, 0.48, 0.66, [0.12, 0.12, 0.05, 0.05]);
      context.fill();
      context.fillStyle = color(70, 24, 24);
      context.fillRect(-0.008, 0.3, 0.016, 0.62);
      const width = (headM * head.width) / head.height;
      context.imageSmoothingEnabled = true;
      context.imageSmoothingQuality = 'medium';
      context.drawImage(head, -width / 2, -0.03, width, headM);
      context.restore();
    },
  };
}
