import type { Seen } from './live-player.ts';

/** Boxes older than this are of a car that has moved on. */
const freshMs = 1500;

export interface OverlayColours {
  readonly plate: string;
  readonly unsure: string;
  readonly face: string;
  readonly zone: string;
  readonly ignored: string;
  readonly occupied: string;
}

/** A zone in the camera's picture. */
export interface DrawnZone {
  readonly name: string;
  readonly use: string;
  /** Corners as shares of the picture from its top left. */
  readonly points: readonly (readonly [number, number])[];
  readonly occupied: boolean;
}

/** Where in the canvas the picture is, and how large one of its pixels. */
interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Draws zones, and what perception has just seen, over a picture that fills its element with the shape kept
 * (`object-fit: contain`). Returns true while there is something to take away again later.
 */
export function drawOverlay(
  canvas: HTMLCanvasElement,
  given: {
    readonly seen: { readonly at: number; readonly what: Seen } | null;
    readonly zones: readonly DrawnZone[];
    /** Of the picture as it is shown; null before there is one. */
    readonly size: { readonly widthPx: number; readonly heightPx: number } | null;
  },
  nowMs: number,
  colours: OverlayColours,
): boolean {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext('2d');
  if (!pen) return false;
  pen.clearRect(0, 0, width, height);
  const placeOf = (picture: { readonly widthPx: number; readonly heightPx: number }): Place => {
    const scale = Math.min(width / picture.widthPx, height / picture.heightPx);
    const [wide, high] = [picture.widthPx * scale, picture.heightPx * scale];
    return { left: (width - wide) / 2, top: (height - high) / 2, width: wide, height: high };
  };
  pen.lineWidth = Math.max(2 * ratio, height / 240);
  const size = Math.max(13 * ratio, height / 32);
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.textBaseline = 'bottom';
  const label = (text: string, x: number, y: number, colour: string): void => {
    const wide = pen.measureText(text).width + size * 0.6;
    pen.fillStyle = colour;
    pen.fillRect(x, y - size * 1.35, wide, size * 1.3);
    pen.fillStyle = '#fff';
    pen.fillText(text, x + size * 0.3, y - size * 0.1);
  };
  if (given.size) for (const zone of given.zones) drawZone(pen, zone, placeOf(given.size), { colours, label, size });
  const { seen } = given;
  if (!seen || nowMs - seen.at > freshMs) return false;
  const { what } = seen;
  const at = placeOf(what);
  const scale = at.width / what.widthPx;
  const box = ([x, y, w, h]: readonly [number, number, number, number], colour: string, text: string): void => {
    const [left, top] = [at.left + x * scale, at.top + y * scale];
    pen.strokeStyle = colour;
    pen.strokeRect(left, top, w * scale, h * scale);
    if (text !== '') label(text, left, top, colour);
  };
  for (const plate of what.plates) {
    box(plate.box, plate.accepted ? colours.plate : colours.unsure, plate.text);
  }
  for (const face of what.faces) box(face, colours.face, '');
  return true;
}

function drawZone(
  pen: CanvasRenderingContext2D,
  zone: DrawnZone,
  at: Place,
  how: {
    readonly colours: OverlayColours;
    readonly label: (text: string, x: number, y: number, colour: string) => void;
    readonly size: number;
  },
): void {
  const { colours, label, size } = how;
  const colour = zone.occupied ? colours.occupied : zone.use === 'ignore' ? colours.ignored : colours.zone;
  const points = zone.points.map(([x, y]) => [at.left + x * at.width, at.top + y * at.height] as const);
  pen.beginPath();
  points.forEach(([x, y], index) => (index === 0 ? pen.moveTo(x, y) : pen.lineTo(x, y)));
  pen.closePath();
  pen.globalAlpha = zone.occupied ? 0.3 : 0.14;
  pen.fillStyle = colour;
  pen.fill();
  pen.globalAlpha = 1;
  pen.strokeStyle = colour;
  pen.setLineDash(zone.use === 'ignore' ? [size * 0.5, size * 0.4] : []);
  pen.stroke();
  pen.setLineDash([]);
  // At its highest corner, inside the picture.
  const [x, y] = points.reduce((high, point) => (point[1] < high[1] ? point : high), points[0] ?? [0, 0]);
  label(zone.name, x, Math.max(y, at.top + size * 1.4), colour);
}
