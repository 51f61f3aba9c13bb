import type { Seen } from './live-player.ts';

/** Boxes older than this are of a car that has moved on. */
const freshMs = 1500;

export interface OverlayColours {
  readonly plate: string;
  readonly unsure: string;
  readonly face: string;
}

/**
 * Draws what perception has just seen over a picture that fills its element with the shape kept (`object-fit: contain`).
 * Returns true while there is something to take away again later.
 */
export function drawOverlay(
  canvas: HTMLCanvasElement,
  seen: { readonly at: number; readonly what: Seen } | null,
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
  if (!seen || nowMs - seen.at > freshMs) return false;
  const { what } = seen;
  const scale = Math.min(width / what.widthPx, height / what.heightPx);
  const left = (width - what.widthPx * scale) / 2;
  const top = (height - what.heightPx * scale) / 2;
  const size = Math.max(13 * ratio, height / 32);
  pen.lineWidth = Math.max(2 * ratio, height / 240);
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.textBaseline = 'bottom';
  const box = ([x, y, w, h]: readonly [number, number, number, number], colour: string, label: string): void => {
    const at = [left + x * scale, top + y * scale, w * scale, h * scale] as const;
    pen.strokeStyle = colour;
    pen.strokeRect(...at);
    if (label === '') return;
    const wide = pen.measureText(label).width + size * 0.6;
    pen.fillStyle = colour;
    pen.fillRect(at[0], at[1] - size * 1.35, wide, size * 1.3);
    pen.fillStyle = '#fff';
    pen.fillText(label, at[0] + size * 0.3, at[1] - size * 0.1);
  };
  for (const plate of what.plates) {
    box(plate.box, plate.accepted ? colours.plate : colours.unsure, plate.text);
  }
  for (const face of what.faces) box(face, colours.face, '');
  return true;
}
