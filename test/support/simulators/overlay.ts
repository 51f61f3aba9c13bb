import { createCanvas } from '@napi-rs/canvas';
import { cjkFamily, registerCjkFont } from './fonts.ts';
import type { I420, Rectangle } from './i420.ts';

const weekdays = ['星期日', '星期一', '星期二', '星期三', '星期四', '星期五', '星期六'];
const two = (value: number): string => String(value).padStart(2, '0');

/** Time as cameras of the trade stamp it, in China's time. */
function stampOf(epochMs: number): string {
  const china = new Date(epochMs + 8 * 3_600_000);
  const day = `${china.getUTCFullYear()}-${two(china.getUTCMonth() + 1)}-${two(china.getUTCDate())}`;
  const time = `${two(china.getUTCHours())}:${two(china.getUTCMinutes())}:${two(china.getUTCSeconds())}`;
  return `${day} ${weekdays[china.getUTCDay()]} ${time}`;
}

export interface Overlay {
  readonly areas: readonly Rectangle[];
  /** Writes the time and the camera's name into the picture. */
  draw(picture: I420, epochMs: number): void;
}

interface Stencil {
  readonly at: Rectangle;
  /** Share of ink, and brightness of the ink, for each px. */
  readonly alpha: Uint8Array;
  readonly luma: Uint8Array;
}

function stencil(text: string, at: Rectangle): Stencil {
  registerCjkFont();
  const canvas = createCanvas(at.width, at.height);
  const context = canvas.getContext('2d');
  context.font = `700 ${Math.round(at.height * 0.66)}px ${cjkFamily}`;
  context.textBaseline = 'middle';
  context.lineWidth = 4;
  context.lineJoin = 'round';
  context.strokeStyle = '#101010';
  context.strokeText(text, 6, at.height / 2);
  context.fillStyle = '#f4f4f4';
  context.fillText(text, 6, at.height / 2);
  const { data } = context.getImageData(0, 0, at.width, at.height);
  const alpha = new Uint8Array(at.width * at.height);
  const luma = new Uint8Array(at.width * at.height);
  for (let px = 0; px < alpha.length; px += 1) {
    alpha[px] = data[px * 4 + 3]!;
    luma[px] = 16 + (data[px * 4]! * 219) / 255;
  }
  return { at, alpha, luma };
}

function press(picture: I420, ink: Stencil): void {
  const chromaSize = (picture.width * picture.height) / 4;
  for (let y = 0; y < ink.at.height; y += 1) {
    const row = (ink.at.top + y) * picture.width + ink.at.left;
    for (let x = 0; x < ink.at.width; x += 1) {
      const px = y * ink.at.width + x;
      const alpha = ink.alpha[px]!;
      if (alpha === 0) continue;
      picture.data[row + x] = (picture.data[row + x]! * (255 - alpha) + ink.luma[px]! * alpha) / 255;
      if ((x & 1) === 0 && (y & 1) === 0) {
        // White and black carry no colour.
        const chroma =
          picture.width * picture.height + ((ink.at.top + y) >> 1) * (picture.width >> 1) + ((ink.at.left + x) >> 1);
        for (const plane of [chroma, chroma + chromaSize]) {
          picture.data[plane] = (picture.data[plane]! * (255 - alpha) + 128 * alpha) / 255;
        }
      }
    }
  }
}

export function createOverlay(width: number, height: number, name: string): Overlay {
  const timeArea = { left: 16, top: 10, width: 470, height: 40 };
  const nameArea = { left: width - 306, top: height - 52, width: 290, height: 40 };
  const nameInk = stencil(name, nameArea);
  let shown = '';
  let timeInk = nameInk;
  return {
    areas: [timeArea, nameArea],
    draw: (picture, epochMs) => {
      const stamp = stampOf(epochMs);
      if (stamp !== shown) {
        timeInk = stencil(stamp, timeArea);
        shown = stamp;
      }
      press(picture, timeInk);
      press(picture, nameInk);
    },
  };
}
