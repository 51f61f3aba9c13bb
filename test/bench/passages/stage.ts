import { createCanvas, type SKRSContext2D } from '@napi-rs/canvas';
import sharp from 'sharp';
import type { Picture } from '../../../gateway/perceive/picture.ts';
import { drawBackdrop, drawBarrier } from '../../support/simulators/gate-backdrop.ts';
import { lights } from '../../support/simulators/light.ts';
import { drawPlate, plateSizeMm } from '../../support/simulators/plate-picture.ts';
import type { Random } from '../../support/simulators/random.ts';
import { createVehiclePicture, type VehiclePicture } from '../../support/simulators/vehicle.ts';
import { createView, gateView, type Place, type View } from '../../support/simulators/view.ts';
import { placeAt, type Scenario, type Vehicle } from './scenario.ts';

export interface Weather {
  readonly light: 'day' | 'night';
  readonly rain: boolean;
}

/** Draws scenarios as one camera sees them: noise, motion blur, rain, JPEG as a camera's encoder would blur it. */
export interface Stage {
  /** The picture at a time of the scenario; null: nothing is there. Valid until the next call. */
  draw(scenario: Scenario | null, atMs: number): Promise<Picture>;
}

/** As many px of smear as need one more pose, and the most poses. */
const posePx = 3;
const mostPoses = 3;

export function createStage(weather: Weather, random: Random): Stage {
  const view = createView(gateView);
  const light = lights[weather.light];
  const { width, height } = view;
  const stage = createCanvas(width, height);
  const context = stage.getContext('2d');
  const blend = createCanvas(width, height);
  const blendContext = blend.getContext('2d');
  const backdrop = createCanvas(width, height);
  const backdropContext = backdrop.getContext('2d');
  backdropContext.drawImage(drawBackdrop(view, light, '门卫室', random.fork('backdrop')), 0, 0);
  drawBarrier(backdropContext, view, light, 1);
  const base = rgbOf(backdropContext, width, height);
  const noise = noiseTable(random.fork('noise'), weather.light === 'night' ? 9 : 5);
  const noiseRandom = random.fork('offsets');
  const rainRandom = random.fork('rain');
  const out = new Uint8ClampedArray(width * height * 3);
  const quality = random.integer(50, 80);
  let pictures = new Map<Vehicle, VehiclePicture>();
  let key = '';
  let still: Uint8Array = base;

  const pictureOf = (vehicle: Vehicle): VehiclePicture => {
    let picture = pictures.get(vehicle);
    if (!picture) {
      picture = createVehiclePicture({ ...vehicle, view, light });
      pictures.set(vehicle, picture);
    }
    return picture;
  };

  const paintPose = (scenario: Scenario, atMs: number): void => {
    context.drawImage(backdrop, 0, 0);
    const seen = scenario.vehicles
      .map((vehicle) => ({ vehicle, zM: placeAt(vehicle.path, atMs) }))
      .filter((one): one is { vehicle: Vehicle; zM: number } => one.zM !== null)
      .sort((a, b) => b.zM - a.zM);
    for (const { vehicle, zM } of seen) {
      pictureOf(vehicle).draw(context, zM);
      if (vehicle.towed && zM > 1) drawTowed(context, view, vehicle, vehicle.towed, zM, light.bodyGain);
    }
    const { crossing } = scenario;
    if (crossing && atMs >= crossing.fromMs && atMs <= crossing.toMs)
      drawMotorcycle(context, view, (atMs - crossing.fromMs) / (crossing.toMs - crossing.fromMs), light.bodyGain);
  };

  const paint = (scenario: Scenario, atMs: number): Uint8Array => {
    const smear = Math.max(
      0,
      ...scenario.vehicles.map(({ path, laneX }) => {
        const [now, before] = [placeAt(path, atMs), placeAt(path, atMs - light.exposureMs)];
        return now === null || before === null ? 0 : smearPx(view, laneX, before, now);
      }),
    );
    const count = Math.min(mostPoses, 1 + Math.floor(smear / posePx));
    for (let pose = 0; pose < count; pose += 1) {
      paintPose(scenario, atMs - (light.exposureMs * (count - 1 - pose)) / count);
      if (count > 1) {
        blendContext.globalAlpha = 1 / (pose + 1);
        blendContext.drawImage(stage, 0, 0);
      }
    }
    return rgbOf(count > 1 ? blendContext : context, width, height);
  };

  return {
    draw: async (scenario, atMs) => {
      const crossing = scenario?.crossing && atMs >= scenario.crossing.fromMs && atMs <= scenario.crossing.toMs;
      const now =
        scenario === null
          ? ''
          : scenario.vehicles.map(({ path }) => placeAt(path, atMs)?.toFixed(4)).join() +
            (crossing ? String(atMs) : '');
      const isNew = now !== key;
      if (isNew) still = scenario === null || /^,*$/.test(now) ? base : paint(scenario, atMs);
      if (scenario === null) pictures = new Map();
      key = now;
      addNoise(still, noise, noiseRandom, out);
      if (weather.rain) drawRain(out, width, height, rainRandom);
      const rgb = new Uint8Array(out.buffer);
      // What stands still is coded once by a real encoder, and then only its noise.
      if (!isNew) return { widthPx: width, heightPx: height, rgb };
      const raw = { width, height, channels: 3 as const };
      const jpeg = await sharp(rgb, { raw }).jpeg({ quality }).toBuffer();
      return { widthPx: width, heightPx: height, rgb: await sharp(jpeg).raw().toBuffer() };
    },
  };
}

function rgbOf(context: SKRSContext2D, width: number, height: number): Uint8Array {
  const rgba = context.getImageData(0, 0, width, height).data;
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return rgb;
}

const noiseLength = 1 << 20;

/** Sums of three uniform values: near enough to what a sensor adds. */
function noiseTable(random: Random, deviation: number): Int8Array {
  return new Int8Array(noiseLength).map(() =>
    Math.round((random.next() + random.next() + random.next() - 1.5) * 2 * deviation),
  );
}

function addNoise(from: Uint8Array, noise: Int8Array, random: Random, out: Uint8ClampedArray): void {
  for (let start = 0; start < from.length; start += 30_000) {
    let at = random.integer(0, noiseLength - 30_001);
    const end = Math.min(start + 30_000, from.length);
    for (let index = start; index < end; index += 1) {
      out[index] = from[index]! + noise[at]!;
      at += 1;
    }
  }
}

/** Streaks of falling drops, new in every frame. */
function drawRain(rgb: Uint8ClampedArray, width: number, height: number, random: Random): void {
  for (let drop = 0; drop < 500; drop += 1) {
    const length = random.integer(10, 34);
    const x = random.integer(0, width - 12);
    const y = random.integer(0, height - length - 1);
    const bright = random.integer(14, 46);
    for (let step = 0; step < length; step += 1) {
      const at = ((y + step) * width + x + (step >> 3)) * 3;
      for (let channel = 0; channel < 3; channel += 1) rgb[at + channel] = rgb[at + channel]! + bright;
    }
  }
}

function smearPx(view: View, laneX: number, fromZ: number, toZ: number): number {
  const a = view.project([laneX, 0.5, Math.max(fromZ, 0.9)]);
  const b = view.project([laneX, 0.5, Math.max(toZ, 0.9)]);
  return a && b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0;
}

function fill(context: SKRSContext2D, view: View, style: string, places: readonly Place[]): void {
  const points = places.map((place) => view.project(place));
  context.fillStyle = style;
  context.beginPath();
  points.forEach((point, index) => {
    if (!point) return;
    if (index === 0) context.moveTo(point[0], point[1]);
    else context.lineTo(point[0], point[1]);
  });
  context.closePath();
  context.fill();
}

/** The nose of a car on a tow truck's bed, above its cab, with the car's own plate. */
function drawTowed(
  context: SKRSContext2D,
  view: View,
  { laneX }: Vehicle,
  { plate, heightM }: NonNullable<Vehicle['towed']>,
  zM: number,
  gain: number,
): void {
  const z = zM + 0.1;
  const at = (x: number, y: number): Place => [laneX + x, y, z];
  const grey = (level: number): string =>
    `rgb(${[level, level, level + 4].map((part) => Math.round(part * gain)).join()})`;
  fill(context, view, grey(96), [
    at(-0.8, heightM + 0.3),
    at(0.8, heightM + 0.3),
    at(0.8, heightM - 0.25),
    at(-0.8, heightM - 0.25),
  ]);
  const [widthMm, heightMm] = plateSizeMm(plate);
  const [w, h] = [widthMm / 2000, heightMm / 2000];
  const [a, b, , d] = [at(-w, heightM + h), at(w, heightM + h), at(w, heightM - h), at(-w, heightM - h)].map((place) =>
    view.project(place),
  );
  if (!a || !b || !d) return;
  const picture = drawPlate(plate, 1);
  context.save();
  context.imageSmoothingQuality = 'high';
  context.transform(
    (b[0] - a[0]) / picture.width,
    (b[1] - a[1]) / picture.width,
    (d[0] - a[0]) / picture.height,
    (d[1] - a[1]) / picture.height,
    a[0],
    a[1],
  );
  context.drawImage(picture, 0, 0);
  context.restore();
}

/** From left to right, near the camera, so that it hides the plate behind it for a moment. It shows no plate of its own. */
function drawMotorcycle(context: SKRSContext2D, view: View, share: number, gain: number): void {
  const z = 3;
  const x = -3.2 + 5.6 * share;
  const dark = (level: number): string => `rgb(${[level, level, level].map((part) => Math.round(part * gain)).join()})`;
  const ring = (centerX: number, radius: number): Place[] =>
    Array.from({ length: 18 }, (_, step) => {
      const angle = (step / 18) * Math.PI * 2;
      return [x + centerX + radius * Math.cos(angle), 0.32 + radius * Math.sin(angle), z];
    });
  for (const wheel of [-0.62, 0.62]) fill(context, view, dark(24), ring(wheel, 0.32));
  fill(context, view, dark(70), [
    [x - 0.6, 0.4, z],
    [x - 0.1, 0.95, z],
    [x + 0.5, 0.9, z],
    [x + 0.65, 0.4, z],
  ]);
  fill(context, view, dark(110), [
    [x - 0.3, 0.8, z],
    [x - 0.25, 1.4, z],
    [x + 0.1, 1.45, z],
    [x + 0.35, 0.85, z],
  ]);
}
