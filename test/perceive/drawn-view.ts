import type { Picture } from '../../gateway/perceive/picture.ts';
import type { CameraPlan } from '../support/simulators/camera-plan.ts';
import { createRandom, type Random } from '../support/simulators/random.ts';
import { createScene } from '../support/simulators/scene.ts';

const [width, height] = [640, 360] as const;

/** A picture of a drawn gate, half of the camera's size. */
export interface DrawnView {
  at(storyMs: number): Promise<Picture>;
}

export async function drawView(
  seed: number,
  plan: Partial<Pick<CameraPlan, 'light' | 'vehicles' | 'persons' | 'name'>> = {},
): Promise<DrawnView> {
  const scene = await createScene(
    {
      ...{ id: `view-${seed}`, name: '东门入口', direction: 'in', light: 'day', user: '', password: '', port: 0 },
      ...{ vehicles: [], persons: [], ...plan },
    },
    seed,
  );
  return {
    at: (storyMs) => Promise.resolve(fromI420(scene.draw(storyMs, Date.UTC(2026, 10, 22, 4) + storyMs), scene)),
  };
}

function fromI420(frame: Uint8Array, size: { readonly width: number; readonly height: number }): Picture {
  const rgb = new Uint8Array(width * height * 3);
  const [wide, luma] = [size.width, size.width * size.height];
  const half = wide / 2;
  const limit = (value: number): number => Math.max(0, Math.min(255, Math.round(value)));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = 2 * y * wide + 2 * x;
      const mean = (frame[at]! + frame[at + 1]! + frame[at + wide]! + frame[at + wide + 1]!) / 4;
      const u = frame[luma + y * half + x]! - 128;
      const v = frame[luma + luma / 4 + y * half + x]! - 128;
      const grey = 1.164 * (mean - 16);
      rgb.set(
        [limit(grey + 1.596 * v), limit(grey - 0.392 * u - 0.813 * v), limit(grey + 2.017 * u)],
        (y * width + x) * 3,
      );
    }
  }
  return { widthPx: width, heightPx: height, rgb };
}

const mapped = (picture: Picture, value: (channel: number, at: number) => number): Picture => {
  const rgb = new Uint8Array(picture.rgb.length);
  for (let at = 0; at < rgb.length; at += 1)
    rgb[at] = Math.max(0, Math.min(255, Math.round(value(picture.rgb[at]!, at))));
  return { ...picture, rgb };
};

/** Noise of ±64, bell-shaped; begun anywhere it is another picture's. Made once: drawing numbers takes ten times as long. */
const noiseTable = (() => {
  const random = createRandom(1);
  return Int8Array.from({ length: width * height * 3 + 65_536 }, () => (random.next() + random.next() - 1) * 64);
})();

/** Sensor noise, as a camera has it in the dark: grey levels either way. */
export function noisy(picture: Picture, random: Random, strength: number): Picture {
  const from = random.integer(0, 65_535);
  const scaled = Math.round((strength * 2 * 1024) / 64);
  const rgb = new Uint8ClampedArray(picture.rgb.length);
  const { rgb: before } = picture;
  for (let at = 0; at < rgb.length; at += 1) rgb[at] = before[at]! + ((noiseTable[from + at]! * scaled) >> 10);
  return { ...picture, rgb: new Uint8Array(rgb.buffer) };
}

/** As under an infrared lamp: no colour, a bright middle and dark rims, leaves as bright as walls. */
export function infrared(picture: Picture): Picture {
  const rgb = new Uint8Array(picture.rgb.length);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 3;
      const [red, green, blue] = [picture.rgb[at]!, picture.rgb[at + 1]!, picture.rgb[at + 2]!];
      const lamp = Math.exp(-(((x - width / 2) / 260) ** 2 + ((y - height * 0.62) / 170) ** 2));
      rgb.fill(Math.min(255, (0.6 * red + 0.7 * green - 0.2 * blue) * (0.18 + 1.1 * lamp)), at, at + 3);
    }
  }
  return { ...picture, rgb };
}

/** Darker or brighter as a whole. */
export function lit(picture: Picture, gain: number): Picture {
  const to = Uint8ClampedArray.from({ length: 256 }, (_, value) => Math.round(value * gain));
  const rgb = new Uint8Array(picture.rgb.length);
  for (let at = 0; at < rgb.length; at += 1) rgb[at] = to[picture.rgb[at]!]!;
  return { ...picture, rgb };
}

/** Out of focus: the mean of a square of this many pixels, twice. */
export function blurred(picture: Picture, reachPx: number): Picture {
  const once = (from: Picture, step: number): Picture => {
    const rgb = new Uint8Array(from.rgb.length);
    const along = step === 3 ? width : height;
    for (let at = 0; at < rgb.length; at += 1) {
      const place = step === 3 ? Math.floor(at / 3) % width : Math.floor(at / (3 * width));
      let sum = 0;
      let count = 0;
      for (let k = -reachPx; k <= reachPx; k += 1) {
        if (place + k < 0 || place + k >= along) continue;
        sum += from.rgb[at + k * step]!;
        count += 1;
      }
      rgb[at] = sum / count;
    }
    return { ...from, rgb };
  };
  const twice = (from: Picture): Picture => once(once(from, 3), width * 3);
  return twice(twice(picture));
}

/** Streaks of rain, others in every picture, and less contrast. */
export function rainy(picture: Picture, random: Random): Picture {
  const out = mapped(picture, (channel) => channel * 0.75 + 35);
  for (let drop = 0; drop < 700; drop += 1) {
    const x = Math.floor(random.between(0, width));
    const y = Math.floor(random.between(0, height - 14));
    for (let k = 0; k < 12; k += 1) {
      const at = ((y + k) * width + x) * 3;
      for (let channel = 0; channel < 3; channel += 1)
        out.rgb[at + channel] = Math.min(255, out.rgb[at + channel]! + 45);
    }
  }
  return out;
}

/** Something flat over all of it but what the camera writes into its pictures. */
export function covered(picture: Picture, grey: number, random: Random): Picture {
  const writtenPx = Math.round(height * 0.1);
  const flat = mapped(picture, (channel, at) => {
    const row = Math.floor(at / (3 * width));
    // Cloth before a lens is brighter where light comes through.
    return row < writtenPx ? channel : grey + (20 * (at % (3 * width))) / (3 * width);
  });
  return noisy(flat, random, 3);
}

/** The side of a lorry: a wall of grey with seams and rivets, over this share of the picture from the left. */
export function behindLorry(picture: Picture, share: number): Picture {
  return mapped(picture, (channel, at) => {
    const x = Math.floor(at / 3) % width;
    const y = Math.floor(at / (3 * width));
    if (x > width * share || y < height * 0.1) return channel;
    return x % 80 < 3 ? 60 : y % 120 < 3 ? 90 : 150;
  });
}

/** A car's side on the ground, as a block with windows and wheels; middle and width as shares of the picture. */
export function withParked(picture: Picture, x: number, y: number, wide: number): Picture {
  const [w, h] = [wide * width, wide * width * 0.42];
  const [left, top] = [x * width - w / 2, y * height - h / 2];
  return mapped(picture, (channel, at) => {
    const column = (Math.floor(at / 3) % width) - left;
    const row = Math.floor(at / (3 * width)) - top;
    if (column < 0 || row < 0 || column >= w || row >= h) return channel;
    const isWindow = row > h * 0.12 && row < h * 0.45 && column % (w / 3) > w * 0.05;
    const isWheel = row > h * 0.75 && (Math.abs(column - w * 0.2) < h * 0.18 || Math.abs(column - w * 0.8) < h * 0.18);
    return isWindow ? 45 : isWheel ? 25 : row < h * 0.08 ? 90 : 190;
  });
}

export { createRandom };
