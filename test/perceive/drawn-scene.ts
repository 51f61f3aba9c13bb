import { createCanvas, type Canvas } from '@napi-rs/canvas';
import type { Picture } from '../../gateway/perceive/picture.ts';
import { cjkFamily, registerCjkFont } from '../support/simulators/fonts.ts';
import { drawPlate, plateSizeMm } from '../support/simulators/plate-picture.ts';
import type { SimulatedPlate } from '../support/simulators/plate-text.ts';

/** RGB24 of a canvas. */
export function pictureOf(canvas: Canvas): Picture {
  const { width, height } = canvas;
  const rgba = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const rgb = new Uint8Array(width * height * 3);
  for (let at = 0; at < width * height; at += 1) {
    rgb[at * 3] = rgba[at * 4]!;
    rgb[at * 3 + 1] = rgba[at * 4 + 1]!;
    rgb[at * 3 + 2] = rgba[at * 4 + 2]!;
  }
  return { widthPx: width, heightPx: height, rgb };
}

/** A plate and nothing else, as wide as asked. */
export function drawnPlate(plate: SimulatedPlate, widthPx: number): Picture {
  return pictureOf(drawPlate(plate, widthPx / plateSizeMm(plate)[0]));
}

/** A yellow double-row plate (440 × 220 mm): two characters above, five below. */
export function drawDoubleRow(text: string, widthPx: number): Canvas {
  registerCjkFont();
  const scale = widthPx / 440;
  const canvas = createCanvas(widthPx, Math.round(220 * scale));
  const context = canvas.getContext('2d');
  context.fillStyle = '#ecb020';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = '#14120c';
  const row = (
    characters: readonly string[],
    leftMm: number,
    topMm: number,
    stepMm: number,
    widthMm: number,
    heightMm: number,
  ): void => {
    characters.forEach((character, index) => {
      context.font = `700 100px ${cjkFamily}`;
      const ink = context.measureText(character);
      const inkWidth = ink.actualBoundingBoxRight + ink.actualBoundingBoxLeft;
      const inkHeight = ink.actualBoundingBoxAscent + ink.actualBoundingBoxDescent;
      context.save();
      context.translate((leftMm + index * stepMm) * scale, topMm * scale);
      context.scale((widthMm * scale) / inkWidth, (heightMm * scale) / inkHeight);
      context.fillText(character, ink.actualBoundingBoxLeft, ink.actualBoundingBoxAscent);
      context.restore();
    });
  };
  const characters = Array.from(text);
  row(characters.slice(0, 2), 110, 15, 140, 80, 60);
  row(characters.slice(2), 27, 92, 80, 65, 110);
  return canvas;
}

export interface Placed {
  readonly plate: Canvas;
  readonly centreX: number;
  readonly centreY: number;
  readonly widthPx: number;
  readonly degrees?: number;
}

/** A grey car front with plates on it, on a picture of the given size. */
export function drawnScene(
  widthPx: number,
  heightPx: number,
  placed: readonly Placed[],
  words: readonly string[] = [],
): Picture {
  registerCjkFont();
  const canvas = createCanvas(widthPx, heightPx);
  const context = canvas.getContext('2d');
  const ground = context.createLinearGradient(0, 0, 0, heightPx);
  ground.addColorStop(0, '#9fb0bd');
  ground.addColorStop(1, '#5b5f63');
  context.fillStyle = ground;
  context.fillRect(0, 0, widthPx, heightPx);
  words.forEach((word, index) => {
    context.font = `700 ${Math.round(heightPx / 18)}px ${cjkFamily}`;
    context.fillStyle = '#f4f4f4';
    context.fillText(word, widthPx * 0.04, heightPx * (0.08 + index * 0.09));
  });
  for (const { plate, centreX, centreY, widthPx: plateWidth, degrees = 0 } of placed) {
    const plateHeight = (plateWidth * plate.height) / plate.width;
    context.save();
    context.translate(centreX, centreY);
    context.rotate((degrees * Math.PI) / 180);
    context.fillStyle = '#33383d';
    context.fillRect(-plateWidth * 1.4, -plateHeight * 2.6, plateWidth * 2.8, plateHeight * 4.2);
    context.imageSmoothingQuality = 'high';
    context.drawImage(plate, -plateWidth / 2, -plateHeight / 2, plateWidth, plateHeight);
    context.restore();
  }
  return pictureOf(canvas);
}
