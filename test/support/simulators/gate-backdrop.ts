import { createCanvas, type Canvas, type SKRSContext2D } from '@napi-rs/canvas';
import { cjkFamily, registerCjkFont } from './fonts.ts';
import type { Point } from './homography.ts';
import type { Light } from './light.ts';
import type { Random } from './random.ts';
import type { Place, View } from './view.ts';

/** Everything that does not move: sky, houses, trees, road, kerb, gatehouse, lamp. */
export function drawBackdrop(view: View, light: Light, name: string, random: Random): Canvas {
  registerCjkFont();
  const canvas = createCanvas(view.width, view.height);
  const context = canvas.getContext('2d');
  const gain = light.night ? 0.2 : 1;
  const color = (r: number, g: number, b: number, extra = 1): string =>
    `rgb(${[r, g, b].map((part) => Math.min(255, part * gain * extra)).join(',')})`;
  const polygon = (style: string, places: readonly Place[]): void => {
    const points = places.map((place) => view.project(place)).filter((point): point is Point => point !== null);
    context.fillStyle = style;
    context.beginPath();
    points.forEach(([x, y], index) => (index === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
    context.closePath();
    context.fill();
  };
  const wall = (style: string, x0: number, x1: number, y0: number, y1: number, z: number): void =>
    polygon(style, [
      [x0, y1, z],
      [x1, y1, z],
      [x1, y0, z],
      [x0, y0, z],
    ]);

  const sky = context.createLinearGradient(0, 0, 0, 140);
  sky.addColorStop(0, light.night ? 'rgb(14,18,30)' : 'rgb(176,192,206)');
  sky.addColorStop(1, light.night ? 'rgb(26,28,38)' : 'rgb(206,212,214)');
  context.fillStyle = sky;
  context.fillRect(0, 0, view.width, view.height);
  // Blocks of flats across the street with their windows.
  for (const [x0, x1, top] of [
    [-34, -16, 26],
    [-14, 2, 22],
    [5, 26, 28],
  ] as const) {
    wall(color(150, 142, 132, random.between(0.85, 1.05)), x0, x1, 0, top, 60);
    for (let y = 1.5; y < top - 2; y += 3) {
      for (let x = x0 + 1.2; x < x1 - 1.6; x += 2.6) {
        const lit = light.night && random.next() < 0.35;
        wall(lit ? 'rgb(214,182,118)' : color(78, 88, 98), x, x + 1.4, y, y + 1.5, 59.9);
      }
    }
  }
  // Far pavement, road of the compound, its worn markings, kerbs and the walkway.
  const horizon = view.project([0, 0, 200])?.[1] ?? 0;
  const pavement = context.createLinearGradient(0, horizon, 0, view.height);
  pavement.addColorStop(0, color(138, 138, 132));
  pavement.addColorStop(1, color(112, 112, 106));
  context.fillStyle = pavement;
  context.fillRect(0, horizon, view.width, view.height - horizon);
  polygon(color(86, 87, 88), [
    [-3.2, 0, 60],
    [0.3, 0, 60],
    [0.3, 0, 1],
    [-3.2, 0, 1],
  ]);
  for (let z = 6; z < 50; z += 4) {
    polygon(color(176, 174, 164, 0.9), [
      [-3.06, 0, z + 2],
      [-2.94, 0, z + 2],
      [-2.94, 0, z],
      [-3.06, 0, z],
    ]);
  }
  polygon(color(212, 170, 40, 0.85), [
    [-3.1, 0, 3.1],
    [0.2, 0, 3.1],
    [0.2, 0, 2.75],
    [-3.1, 0, 2.75],
  ]);
  polygon(color(158, 154, 146), [
    [0.3, 0.12, 60],
    [1.7, 0.12, 60],
    [1.7, 0.12, 1.2],
    [0.3, 0.12, 1.2],
  ]);
  polygon(color(112, 110, 104), [
    [0.3, 0.12, 60],
    [0.3, 0, 60],
    [0.3, 0, 1.2],
    [0.3, 0.12, 1.2],
  ]);
  // Hedge and trees on both sides.
  wall(color(62, 84, 48), -40, -4.2, 0, 1.1, 17);
  for (const [x, z, size] of [
    [-6.5, 19, 2.6],
    [-9.5, 24, 3.2],
    [3.6, 26, 3],
    [6.4, 21, 2.4],
  ] as const) {
    wall(color(70, 56, 42), x - 0.13, x + 0.13, 0, 2.6, z);
    const crown = view.project([x, 3.4, z]);
    for (let leaf = 0; crown && leaf < 90; leaf += 1) {
      const angle = random.between(0, Math.PI * 2);
      const away = Math.sqrt(random.next()) * size * 0.5 * view.pxPerMetre(z);
      context.fillStyle = color(48, 78, 38, random.between(0.75, 1.35));
      context.beginPath();
      context.arc(
        crown[0] + Math.cos(angle) * away,
        crown[1] + Math.sin(angle) * away * 0.8,
        random.between(4, 11),
        0,
        7,
      );
      context.fill();
    }
  }
  // Gatehouse with its window and name board.
  wall(color(196, 190, 178), 1.75, 4.6, 0, 3.1, 13);
  wall(light.night ? 'rgb(198,178,130)' : 'rgb(96,112,124)', 2.05, 3.4, 1, 2.1, 12.98);
  wall(color(126, 40, 36), 1.6, 4.8, 2.75, 3.3, 12.95);
  const board = view.project([1.9, 3.18, 12.9]);
  if (board) {
    context.font = `700 ${Math.round(view.pxPerMetre(12.9) * 0.3)}px ${cjkFamily}`;
    context.fillStyle = light.night ? 'rgb(210,190,120)' : 'rgb(240,220,160)';
    context.fillText(name, board[0], board[1] + view.pxPerMetre(12.9) * 0.32);
  }
  wall(color(110, 112, 116), -4.05, -3.95, 0, 4.6, 14);
  if (light.night) drawLampLight(context, view);
  roughen(context, view, random, light.night ? 5 : 9);
  return canvas;
}

/** The street lamp's cone and the pool of the camera's own lamp. */
function drawLampLight(context: SKRSContext2D, view: View): void {
  context.save();
  context.globalCompositeOperation = 'lighter';
  for (const [place, radius, squash, strength] of [
    [[-4, 4.6, 14], 120, 1, 0.8],
    [[-3.4, 0, 13], 420, 0.22, 0.28],
    [[-0.6, 0, 5], 620, 0.5, 0.2],
    [[1, 0, 6], 420, 0.6, 0.12],
  ] as const) {
    const point = view.project(place);
    if (!point) continue;
    context.save();
    context.translate(point[0], point[1]);
    context.scale(1, squash);
    const pool = context.createRadialGradient(0, 0, 0, 0, 0, radius);
    pool.addColorStop(0, `rgba(255,220,160,${strength})`);
    pool.addColorStop(0.3, `rgba(255,214,150,${strength * 0.45})`);
    pool.addColorStop(1, 'rgba(255,214,150,0)');
    context.fillStyle = pool;
    context.fillRect(-radius, -radius, radius * 2, radius * 2);
    context.restore();
  }
  context.restore();
}

/** Grain of asphalt, plaster and leaves: a flat surface would be too easy for the encoder and the detectors. */
function roughen(context: SKRSContext2D, view: View, random: Random, strength: number): void {
  const image = context.getImageData(0, 0, view.width, view.height);
  for (let y = 0; y < view.height; y += 1) {
    // Grain gets coarser towards the camera.
    const grain = 1 + Math.floor((y / view.height) * 2);
    for (let x = 0; x < view.width; x += grain) {
      const change = (random.next() + random.next() - 1) * strength * (y > 120 ? 2 : 0.5);
      for (let k = x; k < Math.min(x + grain, view.width); k += 1) {
        const at = (y * view.width + k) * 4;
        for (let channel = 0; channel < 3; channel += 1) image.data[at + channel]! += change;
      }
    }
  }
  context.putImageData(image, 0, 0);
}

const pivot: Place = [0.42, 0.8, 2.35];
const segments = 9;
const segmentM = 0.36;
const uprightDegrees = 84;

/** Box around the boom, px. */
export function boomBounds(view: View, open: number): readonly [number, number, number, number] {
  const angle = (open * uprightDegrees * Math.PI) / 180;
  const reach = segments * segmentM;
  const tip = view.project([pivot[0] - Math.cos(angle) * reach, pivot[1] + Math.sin(angle) * reach, pivot[2]]);
  const foot = view.project(pivot);
  if (!tip || !foot) return [0, 0, view.width, view.height];
  const margin = view.pxPerMetre(pivot[2]) * 0.12;
  return [
    Math.min(tip[0], foot[0]) - margin,
    Math.min(tip[1], foot[1]) - margin,
    Math.max(tip[0], foot[0]) + margin,
    Math.max(tip[1], foot[1]) + margin,
  ];
}

/** The barrier's post and boom. `open` runs from 0 (closed) to 1 (upright). */
export function drawBarrier(context: SKRSContext2D, view: View, light: Light, open: number): void {
  const gain = light.night ? 0.5 : 1;
  const angle = (open * uprightDegrees * Math.PI) / 180;
  for (let segment = 0; segment < segments; segment += 1) {
    const from = segment * segmentM;
    const to = from + segmentM;
    const along = (distance: number): readonly [number, number] => [
      pivot[0] - Math.cos(angle) * distance,
      pivot[1] + Math.sin(angle) * distance,
    ];
    const [x0, y0] = along(from);
    const [x1, y1] = along(to);
    const [nx, ny] = [Math.sin(angle) * 0.035, Math.cos(angle) * 0.035];
    const points = [
      view.project([x0 + nx, y0 + ny, pivot[2]]),
      view.project([x1 + nx, y1 + ny, pivot[2]]),
      view.project([x1 - nx, y1 - ny, pivot[2]]),
      view.project([x0 - nx, y0 - ny, pivot[2]]),
    ];
    if (points.includes(null)) continue;
    context.fillStyle =
      segment % 2 === 0
        ? `rgb(${196 * gain},${36 * gain},${30 * gain})`
        : `rgb(${232 * gain},${232 * gain},${228 * gain})`;
    context.beginPath();
    (points as Point[]).forEach(([x, y], index) => (index === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
    context.closePath();
    context.fill();
  }
  const top = view.project([pivot[0], 1.05, pivot[2]]);
  const foot = view.project([pivot[0], 0, pivot[2]]);
  if (!top || !foot) return;
  const half = view.pxPerMetre(pivot[2]) * 0.11;
  context.fillStyle = `rgb(${206 * gain},${120 * gain},${30 * gain})`;
  context.fillRect(top[0] - half, top[1], half * 2, foot[1] - top[1]);
  context.fillStyle = `rgb(${150 * gain},${86 * gain},${22 * gain})`;
  context.fillRect(top[0] + half * 0.4, top[1], half * 0.6, foot[1] - top[1]);
}
