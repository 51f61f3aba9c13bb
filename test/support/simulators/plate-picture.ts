import { createCanvas, type Canvas, type SKRSContext2D } from '@napi-rs/canvas';
import { cjkFamily, registerCjkFont } from './fonts.ts';
import type { SimulatedColor, SimulatedPlate } from './plate-text.ts';

interface Look {
  readonly ground: readonly [top: string, bottom: string];
  readonly ink: string;
  readonly line: string;
}

const looks: Readonly<Record<SimulatedColor, Look>> = {
  blue: { ground: ['#1546b8', '#123fa8'], ink: '#f4f6fa', line: '#e8ecf4' },
  yellow: { ground: ['#f2b624', '#e8a917'], ink: '#14120c', line: '#1d1a10' },
  green: { ground: ['#f2f8f2', '#3fae63'], ink: '#0c1210', line: '#1a3a24' },
  'yellow-green': { ground: ['#48b268', '#3fa85f'], ink: '#0c1210', line: '#1a3a24' },
  white: { ground: ['#f3f3ef', '#e9e9e4'], ink: '#121212', line: '#202020' },
  black: { ground: ['#17181b', '#101114'], ink: '#f2f2f0', line: '#e4e4e0' },
};

const hasEight = ({ text }: SimulatedPlate): boolean => Array.from(text).length > 7;

/** Width and height of a plate in mm (GA 36-2018: 440 × 140, new-energy 480 × 140, double row 440 × 220; an e-bike's has no standard). */
export function plateSizeMm(plate: SimulatedPlate): readonly [number, number] {
  if (plate.kind === 'ebike') return [220, 140];
  if (plate.rows === 2) return [440, 220];
  return hasEight(plate) ? [480, 140] : [440, 140];
}

interface Place {
  readonly character: string;
  readonly leftMm: number;
  readonly widthMm: number;
  readonly topMm: number;
  readonly heightMm: number;
}

/** Where each character stands, in mm from the plate's top left, and the dot's centre; a double row has no dot. */
function layOut(plate: SimulatedPlate): { places: readonly Place[]; dotMm: number | null } {
  const characters = Array.from(plate.text);
  if (plate.kind === 'ebike') {
    const places = characters.map((character, index): Place =>
      index < 2
        ? { character, leftMm: 62 + index * 56, widthMm: 40, topMm: 13, heightMm: 38 }
        : { character, leftMm: 13 + (index - 2) * 33, widthMm: 28, topMm: 62, heightMm: 64 },
    );
    return { places, dotMm: null };
  }
  if (plate.rows === 2) {
    const places = characters.map((character, index): Place =>
      index < 2
        ? { character, leftMm: 110 + index * 140, widthMm: 80, topMm: 15, heightMm: 60 }
        : { character, leftMm: 27 + (index - 2) * 80, widthMm: 65, topMm: 92, heightMm: 110 },
    );
    return { places, dotMm: null };
  }
  const dotAfter = plate.kind === 'embassy' ? 4 : 2;
  const [gapMm, dotGapMm] = hasEight(plate) ? [9, 49] : [12, 34];
  const places: Place[] = [];
  let leftMm = 15.5;
  let dotMm = 0;
  characters.forEach((character, index) => {
    const widthMm = hasEight(plate) && index > 0 ? 43 : 45;
    if (index === dotAfter) {
      dotMm = leftMm - gapMm + dotGapMm / 2;
      leftMm += dotGapMm - gapMm;
    }
    places.push({ character, leftMm, widthMm, topMm: 25, heightMm: 90 });
    leftMm += widthMm + gapMm;
  });
  return { places, dotMm };
}

/** Fills the box with the glyph's ink, as the plates' narrow typeface does; a thin glyph such as 1 keeps its shape. */
function drawGlyph(context: SKRSContext2D, place: Place, scale: number): void {
  context.font = `700 100px ${cjkFamily}`;
  const ink = context.measureText(place.character);
  const inkWidth = ink.actualBoundingBoxRight + ink.actualBoundingBoxLeft;
  const inkHeight = ink.actualBoundingBoxAscent + ink.actualBoundingBoxDescent;
  const yScale = (place.heightMm * scale) / inkHeight;
  // Han glyphs are square and get squeezed to half their width; latin ones to fit, but never stretched.
  const xScale = Math.min((place.widthMm * scale) / inkWidth, yScale * 1.02);
  const left = (place.leftMm + place.widthMm / 2) * scale - (inkWidth * xScale) / 2;
  context.save();
  context.translate(left, place.topMm * scale);
  context.scale(xScale, yScale);
  context.fillText(place.character, ink.actualBoundingBoxLeft, ink.actualBoundingBoxAscent);
  context.restore();
}

function roundedRectangle(context: SKRSContext2D, inset: number, width: number, height: number, radius: number): void {
  context.beginPath();
  context.roundRect(inset, inset, width - 2 * inset, height - 2 * inset, radius);
}

/** 警, and what stands first on the plates of the forces, is red. */
const isRed = ({ kind }: SimulatedPlate, index: number, character: string): boolean =>
  character === '警' || ((kind === 'armed-police' || kind === 'military') && index < 2);

/** A plate, flat and clean, `pxPerMm` px for each millimetre. */
export function drawPlate(plate: SimulatedPlate, pxPerMm: number): Canvas {
  registerCjkFont();
  const [widthMm, heightMm] = plateSizeMm(plate);
  const width = Math.round(widthMm * pxPerMm);
  const height = Math.round(heightMm * pxPerMm);
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  const look = looks[plate.color];
  const ground = context.createLinearGradient(0, 0, 0, height);
  ground.addColorStop(0, look.ground[0]);
  ground.addColorStop(1, look.ground[1]);
  context.fillStyle = ground;
  roundedRectangle(context, 0, width, height, 10 * pxPerMm);
  context.fill();
  if (plate.color === 'yellow-green') {
    // Yellow behind the first two characters.
    context.save();
    context.clip();
    context.fillStyle = '#eeb424';
    context.fillRect(0, 0, width * 0.235, height);
    context.restore();
  }
  context.strokeStyle = look.line;
  context.lineWidth = 2.6 * pxPerMm;
  roundedRectangle(context, 4.5 * pxPerMm, width, height, 8 * pxPerMm);
  context.stroke();
  const { places, dotMm } = layOut(plate);
  for (const [index, place] of places.entries()) {
    context.fillStyle = isRed(plate, index, place.character) ? '#c8202a' : look.ink;
    drawGlyph(context, place, pxPerMm);
  }
  if (dotMm !== null) {
    context.fillStyle = look.ink;
    context.beginPath();
    context.arc(dotMm * pxPerMm, 70 * pxPerMm, 5 * pxPerMm, 0, Math.PI * 2);
    context.fill();
  }
  // The four screws of every mounted plate.
  context.fillStyle = 'rgba(150,150,150,0.9)';
  for (const x of [0.22, 0.78]) {
    for (const y of [11, heightMm - 11]) {
      context.beginPath();
      context.arc(x * width, y * pxPerMm, 4 * pxPerMm, 0, Math.PI * 2);
      context.fill();
    }
  }
  return canvas;
}
