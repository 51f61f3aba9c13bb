import type { Random } from '../simulators/random.ts';

/** What the weather, the hour or the camera itself does to the picture. */
export const disturbances = ['day', 'night', 'rain', 'shadow', 'infrared', 'clouds'] as const;
export type Disturbance = (typeof disturbances)[number];

/** Planar 4:2:0 picture that is changed in place, and when it is shown. */
export type Disturb = (picture: Uint8Array, atMs: number) => void;

export interface DisturbanceRequest {
  readonly kind: Disturbance;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly seconds: number;
  readonly random: Random;
}

/** Ends of the time in which an infrared camera sees by its own lamp, in seconds. */
export function infraredTimes(seconds: number): readonly [fromS: number, untilS: number] {
  return [seconds * 0.38, seconds * 0.78];
}

/** Strength of the sensor's noise in 8-bit steps, outside and inside the infrared time. */
export function noiseOf(kind: Disturbance): { readonly usual: number; readonly infrared: number } {
  const usual = { day: 5, night: 13, rain: 7, shadow: 5, infrared: 5, clouds: 5 }[kind];
  return { usual, infrared: kind === 'infrared' ? 12 : usual };
}

export function createDisturbance(request: DisturbanceRequest): Disturb {
  switch (request.kind) {
    case 'day':
    case 'night':
      return () => undefined;
    case 'rain':
      return createRain(request);
    case 'shadow':
      return createTreeShadow(request);
    case 'infrared':
      return createInfrared(request);
    case 'clouds':
      return createClouds(request);
  }
}

/** Streaks, new in every picture; squalls make them three times as many for some seconds. */
function createRain({ widthPx, heightPx, random }: DisturbanceRequest): Disturb {
  const phase = random.between(0, 6);
  return (picture, atMs) => {
    const s = atMs / 1000;
    const squall = 1 + Math.max(0, Math.sin(s / 4 + phase)) + Math.max(0, Math.sin(s / 11 + phase * 2));
    const count = Math.round(110 * squall);
    for (let streak = 0; streak < count; streak += 1) {
      const near = random.next();
      const length = Math.round(heightPx * (0.02 + 0.07 * near));
      const width = near > 0.8 ? Math.max(1, Math.round(widthPx / 500)) : 1;
      const left = random.integer(0, widthPx - 1);
      const top = random.integer(-length, heightPx - 1);
      const bright = 12 + 30 * near;
      for (let y = Math.max(0, top); y < Math.min(heightPx, top + length); y += 1) {
        const x = left + Math.round((y - top) * 0.12);
        for (let across = x; across < Math.min(widthPx, x + width); across += 1) {
          const at = y * widthPx + across;
          picture[at] = Math.min(235, picture[at]! + bright);
        }
      }
    }
  };
}

/** Shadow of leaves on road and walls; it sways with gusts, each column of it a little differently. */
function createTreeShadow({ widthPx, heightPx, random }: DisturbanceRequest): Disturb {
  const scale = widthPx / 640;
  const margin = Math.ceil(20 * scale);
  const wide = Math.round(widthPx * 0.45) + margin * 2;
  const tall = Math.round(heightPx * 0.6) + margin * 2;
  const dark = new Uint8Array(wide * tall);
  for (let leaf = 0; leaf < 700; leaf += 1) {
    const radius = random.between(3, 11) * scale;
    const [cx, cy] = [random.between(0, wide), random.between(0, tall)];
    const depth = random.between(20, 60);
    for (let y = Math.max(0, Math.floor(cy - radius)); y < Math.min(tall, cy + radius); y += 1) {
      for (let x = Math.max(0, Math.floor(cx - radius)); x < Math.min(wide, cx + radius); x += 1) {
        const inside = 1 - ((x - cx) ** 2 + (y - cy) ** 2) / radius ** 2;
        if (inside > 0) dark[y * wide + x] = Math.min(95, dark[y * wide + x]! + depth * Math.min(1, inside * 2));
      }
    }
  }
  const left = Math.round(widthPx * random.between(0.05, 0.5));
  const top = Math.round(heightPx * 0.36);
  const phases = [random.between(0, 6), random.between(0, 6), random.between(0, 6)] as const;
  return (picture, atMs) => {
    const s = atMs / 1000;
    const gust = 1.2 + Math.sin(s / 5 + phases[0]) + 0.6 * Math.sin(s / 13 + phases[1]);
    const bottom = Math.min(heightPx, top + tall - margin * 2);
    for (let y = top; y < bottom; y += 1) {
      const sway = Math.round(3.5 * scale * gust * Math.sin(s * 2.1 + phases[2] + y / (60 * scale)));
      const rise = Math.round(1.5 * scale * gust * Math.sin(s * 3.3));
      const row = (y - top + margin + rise) * wide + margin + sway;
      const right = Math.min(widthPx - left, wide - margin * 2);
      for (let x = 0; x < right; x += 1) {
        const at = y * widthPx + left + x;
        picture[at] = (picture[at]! * (256 - dark[row + x]!)) >> 8;
      }
    }
  };
}

/** The filter in front of the sensor moves: black for a moment, then grey, too bright, settling within two seconds; and back. */
function createInfrared({ widthPx, heightPx, seconds }: DisturbanceRequest): Disturb {
  const [fromS, untilS] = infraredTimes(seconds);
  const luma = widthPx * heightPx;
  const table = new Uint8Array(256);
  return (picture, atMs) => {
    const s = atMs / 1000;
    const since = Math.min(...[s - fromS, s - untilS].filter((gone) => gone >= 0));
    const inside = s >= fromS && s < untilS;
    if (!inside && since > 3) return;
    const settling = since < 0.25 ? 0.25 : 1 + 0.5 * Math.exp(-(since - 0.25) / 0.6);
    const gain = (inside ? 0.55 : 1) * settling;
    for (let value = 0; value < 256; value += 1) table[value] = Math.max(16, Math.min(235, 16 + (value - 16) * gain));
    for (let at = 0; at < luma; at += 1) picture[at] = table[picture[at]!]!;
    if (inside) picture.fill(128, luma, (luma * 3) / 2);
  };
}

/** Sun and clouds, and the camera's exposure that follows in steps. */
function createClouds({ widthPx, heightPx, random }: DisturbanceRequest): Disturb {
  const phases = [random.between(0, 6), random.between(0, 6)] as const;
  const luma = widthPx * heightPx;
  const table = new Uint8Array(256);
  return (picture, atMs) => {
    const s = atMs / 1000;
    const sun = 0.12 * Math.sin(s / 6 + phases[0]) + 0.1 * Math.sin(s / 2.3 + phases[1]) ** 3;
    // Exposure moves in thirds of a stop's tenth, as automatic exposure does.
    const gain = 0.9 + Math.round(sun * 40) / 40;
    for (let value = 0; value < 256; value += 1) table[value] = Math.max(16, Math.min(235, 16 + (value - 16) * gain));
    for (let at = 0; at < luma; at += 1) picture[at] = table[picture[at]!]!;
  };
}
