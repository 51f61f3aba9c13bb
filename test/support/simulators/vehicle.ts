import { createCanvas, type Canvas, type SKRSContext2D } from '@napi-rs/canvas';
import { applyHomography, solveHomography, warp, type Point, type Quad } from './homography.ts';
import { plateSizeMm } from './plate-picture.ts';
import type { SimulatedPlate } from './plate-text.ts';
import type { Light } from './light.ts';
import { drawFront, forms, frontBottom, plateY, shade, type VehicleShape } from './vehicle-front.ts';
import { laneX, type Place, type View } from './view.ts';

/** Distances at which the front is warped exactly; between them the nearest warp is fitted affinely. */
const referenceZ = [24, 13, 8.5, 6, 4.6, 3.6] as const;

interface Warped {
  readonly z: number;
  readonly canvas: Canvas;
  readonly left: number;
  readonly top: number;
  readonly quad: Quad;
}

export interface VehiclePicture {
  /** Draws the vehicle with its front at distance `zM`, px of the view. */
  draw(context: SKRSContext2D, zM: number): void;
  /** Box that `draw` and the glow of its lamps stay in: [left, top, right, bottom], px, unclipped. */
  bounds(zM: number): readonly [number, number, number, number] | null;
  /** The plate's corners, or null when it is behind the lens. */
  plateQuad(zM: number): Quad | null;
}

export function createVehiclePicture(options: {
  readonly plate: SimulatedPlate;
  readonly shape: VehicleShape;
  readonly paint: readonly [number, number, number];
  readonly view: View;
  readonly light: Light;
  /** Middle of the lane it drives on, metres; default: the gate's own lane. */
  readonly laneX?: number;
}): VehiclePicture {
  const { view, light } = options;
  const form = forms[options.shape];
  const paint = options.paint;
  const middleX = options.laneX ?? laneX;
  const at = (x: number, y: number, zM: number): Place => [middleX + x, y, zM];

  const frontCorners = (zM: number): Quad | null =>
    projectAll(view, [
      at(-form.halfWidth, form.frontTop, zM),
      at(form.halfWidth, form.frontTop, zM),
      at(form.halfWidth, frontBottom, zM),
      at(-form.halfWidth, frontBottom, zM),
    ]);

  const texture = drawFront(form, paint, options.plate, light);
  // A copy: px by px access to the canvas library's own buffer is 30 times slower (measured: 400 ms a warp, not 12).
  const texturePixels = {
    width: texture.width,
    height: texture.height,
    data: new Uint8ClampedArray(texture.getContext('2d').getImageData(0, 0, texture.width, texture.height).data),
  };
  const warps: Warped[] = [];
  /** Warps are made when first needed: half a vehicle's cost is then spread over its approach. */
  const warpFor = (zM: number): Warped | null => {
    const z = referenceZ.reduce((best, one) =>
      Math.abs(Math.log(one / zM)) < Math.abs(Math.log(best / zM)) ? one : best,
    );
    const known = warps.find((one) => one.z === z);
    if (known) return known;
    const quad = frontCorners(z);
    if (!quad) return null;
    const xs = quad.map(([x]) => x);
    const ys = quad.map(([, y]) => y);
    const left = Math.floor(Math.min(...xs)) - 1;
    const top = Math.floor(Math.min(...ys)) - 1;
    const width = Math.ceil(Math.max(...xs)) + 1 - left;
    const height = Math.ceil(Math.max(...ys)) + 1 - top;
    const local = quad.map(([x, y]) => [x - left, y - top]) as unknown as Quad;
    const samples = Math.min(4, Math.max(1, Math.round(texture.width / width)));
    const pixels = warp(texturePixels, local, width, height, samples);
    const canvas = createCanvas(width, height);
    const context = canvas.getContext('2d');
    const image = context.createImageData(width, height);
    image.data.set(pixels.data);
    context.putImageData(image, 0, 0);
    const made = { z, canvas, left, top, quad };
    warps.push(made);
    return made;
  };

  const plateQuad = (zM: number): Quad | null => {
    const [widthMm, heightMm] = plateSizeMm(options.plate);
    const [w, h] = [widthMm / 2000, heightMm / 2000];
    return projectAll(view, [
      at(-w, plateY + h, zM),
      at(w, plateY + h, zM),
      at(w, plateY - h, zM),
      at(-w, plateY - h, zM),
    ]);
  };

  const bounds = (zM: number): readonly [number, number, number, number] | null => {
    const points: Point[] = [];
    const nearZ = Math.max(zM, 0.8);
    for (const x of [-form.halfWidth - 0.25, form.halfWidth + 0.25]) {
      for (const y of [0, form.roof + 0.05]) {
        for (const z of [nearZ, zM + form.length]) {
          const point = view.project(at(x, y, z));
          if (point) points.push(point);
        }
      }
    }
    if (points.length === 0) return null;
    const glow = light.night ? view.pxPerMetre(nearZ) * 0.55 + 6 : 4;
    return [
      Math.min(...points.map(([x]) => x)) - glow,
      Math.min(...points.map(([, y]) => y)) - glow,
      Math.max(...points.map(([x]) => x)) + glow,
      Math.max(...points.map(([, y]) => y)) + (light.night ? glow * 1.6 : glow),
    ];
  };

  const fill = (context: SKRSContext2D, style: string, places: readonly Place[]): void => {
    const points = places.map((place) => view.project(place));
    if (points.some((point) => point === null)) return;
    context.fillStyle = style;
    context.beginPath();
    (points as Point[]).forEach(([x, y], index) => (index === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
    context.closePath();
    context.fill();
  };

  const drawBody = (context: SKRSContext2D, zM: number): void => {
    const { halfWidth: w, roofHalf: r, length } = form;
    const gain = light.bodyGain;
    // What is behind the lens is cut off: the sides start where the camera can still see them.
    const near = Math.max(zM, 0.7);
    const far = Math.max(zM + length, near + 0.1);
    const clip = (z: number): number => Math.min(far, Math.max(near, zM + z));
    const screenAt = form.bonnetLength + form.screenLength;
    fill(context, `rgba(0,0,0,${light.night ? 0.55 : 0.42})`, [
      at(-w - 0.12, 0, near),
      at(w + 0.12, 0, near),
      at(w + 0.12, 0, far),
      at(-w - 0.12, 0, far),
    ]);
    // Front tyres under the bumper.
    for (const x of [-w + 0.04, w - 0.26]) {
      fill(context, shade([20, 20, 22], gain), [
        at(x, frontBottom + 0.05, Math.max(zM + 0.55, near)),
        at(x + 0.22, frontBottom + 0.05, Math.max(zM + 0.55, near)),
        at(x + 0.22, 0, Math.max(zM + 0.55, near)),
        at(x, 0, Math.max(zM + 0.55, near)),
      ]);
    }
    // Side towards the camera, wheels, side windows.
    fill(context, shade(paint, 0.62 * gain), [
      at(w, frontBottom, near),
      at(w, form.frontTop + 0.02, near),
      at(w, form.bonnetTop, clip(form.bonnetLength)),
      at(w, form.bonnetTop + 0.03, far),
      at(w, frontBottom, far),
    ]);
    for (const wheelZ of [0.85, length - 0.8]) {
      if (zM + wheelZ - 0.36 < 0.7) continue;
      const ring = (radius: number): Place[] =>
        Array.from({ length: 14 }, (_, step) => {
          const angle = (step / 14) * Math.PI * 2;
          return at(w + 0.01, 0.33 + radius * Math.sin(angle), zM + wheelZ + radius * Math.cos(angle));
        });
      fill(context, shade([26, 26, 28], gain), ring(0.35));
      fill(context, shade([120, 122, 126], gain), ring(0.2));
    }
    fill(context, shade([38, 46, 54], gain), [
      at(w - 0.03, form.bonnetTop + 0.02, clip(form.bonnetLength + 0.25)),
      at(r, form.roof - 0.06, clip(screenAt + 0.1)),
      at(r, form.roof - 0.06, clip(length - 1)),
      at(w - 0.03, form.bonnetTop + 0.02, clip(length - 0.3)),
    ]);
    // Roof, windscreen, bonnet.
    fill(context, shade(paint, 0.9 * gain), [
      at(-r, form.roof, clip(screenAt)),
      at(r, form.roof, clip(screenAt)),
      at(r, form.roof + 0.02, clip(length - 0.8)),
      at(-r, form.roof + 0.02, clip(length - 0.8)),
    ]);
    fill(context, shade([52, 64, 76], gain), [
      at(-w + 0.08, form.bonnetTop, clip(form.bonnetLength)),
      at(w - 0.08, form.bonnetTop, clip(form.bonnetLength)),
      at(r, form.roof, clip(screenAt)),
      at(-r, form.roof, clip(screenAt)),
    ]);
    fill(context, shade([126, 146, 166], gain * 0.8), [
      at(-w + 0.25, form.bonnetTop + 0.03, clip(form.bonnetLength + 0.05)),
      at(-w + 0.6, form.bonnetTop + 0.03, clip(form.bonnetLength + 0.05)),
      at(0.15, form.roof - 0.03, clip(screenAt - 0.03)),
      at(-0.25, form.roof - 0.03, clip(screenAt - 0.03)),
    ]);
    fill(context, shade(paint, 1.06 * gain), [
      at(-w, form.frontTop, near),
      at(w, form.frontTop, near),
      at(w - 0.06, form.bonnetTop, clip(form.bonnetLength)),
      at(-w + 0.06, form.bonnetTop, clip(form.bonnetLength)),
    ]);
  };

  const drawLamps = (context: SKRSContext2D, zM: number): void => {
    const beams: readonly number[] = [-form.halfWidth + 0.22, form.halfWidth - 0.22];
    context.save();
    context.globalCompositeOperation = 'lighter';
    for (const x of beams) {
      const lamp = view.project(at(x, form.frontTop - 0.12, zM));
      const ground = view.project(at(x * 0.9, 0, Math.max(zM - 1.4, 0.9)));
      if (!lamp) continue;
      const radius = view.pxPerMetre(zM) * 0.5;
      glow(context, lamp, radius, 0.95);
      if (ground && zM > 2.5) {
        context.save();
        context.translate(ground[0], ground[1]);
        context.scale(1, 0.35);
        glow(context, [0, 0], radius * 1.5, 0.3);
        context.restore();
      }
    }
    context.restore();
  };

  return {
    bounds,
    plateQuad,
    draw: (context, zM) => {
      drawBody(context, zM);
      const quad = zM > 0.9 ? frontCorners(zM) : null;
      const warped = quad && warpFor(zM);
      if (quad && warped) {
        // Affine fit: the middle and two edges of the warped front onto those of the front as it stands now.
        const from = midpoints(warped.quad);
        const to = midpoints(quad);
        context.save();
        context.transform(...affineBetween(from, to));
        context.imageSmoothingEnabled = true;
        context.imageSmoothingQuality = 'medium';
        context.drawImage(warped.canvas, warped.left, warped.top);
        context.restore();
        if (light.night) drawLamps(context, zM);
      }
    },
  };
}

function projectAll(view: View, places: readonly [Place, Place, Place, Place]): Quad | null {
  const points = places.map((place) => view.project(place));
  return points.includes(null) ? null : (points as unknown as Quad);
}

/** Centre, centre + half width, centre + half height, as the homography sees them. */
function midpoints(quad: Quad): readonly [Point, Point, Point] {
  const unit: Quad = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ];
  const h = solveHomography(unit, quad);
  return [applyHomography(h, [0.5, 0.5]), applyHomography(h, [0.75, 0.5]), applyHomography(h, [0.5, 0.75])];
}

type Affine = [a: number, b: number, c: number, d: number, e: number, f: number];

/** The affine map that takes three points to three others, in the order of canvas `transform`. */
function affineBetween(from: readonly [Point, Point, Point], to: readonly [Point, Point, Point]): Affine {
  const [[x0, y0], [x1, y1], [x2, y2]] = from;
  const [[u0, v0], [u1, v1], [u2, v2]] = to;
  const determinant = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
  const solve = (p0: number, p1: number, p2: number): readonly [number, number, number] => {
    const kx = ((p1 - p0) * (y2 - y0) - (p2 - p0) * (y1 - y0)) / determinant;
    const ky = ((p2 - p0) * (x1 - x0) - (p1 - p0) * (x2 - x0)) / determinant;
    return [kx, ky, p0 - kx * x0 - ky * y0];
  };
  const [a, c, e] = solve(u0, u1, u2);
  const [b, d, f] = solve(v0, v1, v2);
  return [a, b, c, d, e, f];
}

function glow(context: SKRSContext2D, [x, y]: Point, radius: number, strength: number): void {
  const gradient = context.createRadialGradient(x, y, 0, x, y, radius);
  gradient.addColorStop(0, `rgba(255,250,235,${strength})`);
  gradient.addColorStop(0.18, `rgba(255,244,220,${strength * 0.6})`);
  gradient.addColorStop(0.5, `rgba(255,236,200,${strength * 0.14})`);
  gradient.addColorStop(1, 'rgba(255,236,200,0)');
  context.fillStyle = gradient;
  context.fillRect(x - radius, y - radius, radius * 2, radius * 2);
}
