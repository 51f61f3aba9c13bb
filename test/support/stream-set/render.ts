import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { approachTimes } from '../simulators/motion.ts';
import { walkMs } from '../simulators/person.ts';
import { createScene } from '../simulators/scene.ts';
import type { Manner, Scenario } from './scenario.ts';

/** A vehicle's visit as it was drawn; ms since the stream's beginning. */
export interface TruePassage {
  readonly text: string;
  readonly manner: Manner;
  /** In the picture, however small. */
  readonly visibleFromMs: number;
  /** The plate is whole in the picture and at least `readablePx` wide. */
  readonly readableFromMs: number;
  readonly readableUntilMs: number;
  readonly goneMs: number;
}

export interface Truth {
  readonly seconds: number;
  readonly passages: readonly TruePassage[];
  readonly persons: readonly { readonly fromMs: number; readonly untilMs: number }[];
}

export interface CleanStream {
  /** Lossless, 1280 × 720 where any stream needs it, else 640 × 360; without noise. */
  readonly path: string;
  readonly truth: Truth;
}

/** Width of a plate in the drawn picture of 1280 px; half of it in a stream of 640 px, where reading begins at 36. */
const readablePx = 80;
/** Any day: it is written into the picture. */
const stampMs = Date.UTC(2026, 10, 22, 1, 0, 0);

/** Draws a scenario once, or finds it in `dir`. */
export async function renderClean(scenario: Scenario, seed: number, dir: string, full: boolean): Promise<CleanStream> {
  mkdirSync(dir, { recursive: true });
  const name = `${scenario.id}${full ? '-full' : ''}`;
  const path = join(dir, `${name}.mkv`);
  const truthPath = join(dir, `${name}.json`);
  if (existsSync(path) && existsSync(truthPath))
    return { path, truth: JSON.parse(readFileSync(truthPath, 'utf8')) as Truth };
  const partial = join(dir, `${name}.part.mkv`);
  const plan = {
    id: scenario.id,
    name: '东门入口',
    direction: 'in',
    light: scenario.light,
    user: '',
    password: '',
    port: 0,
    vehicles: scenario.vehicles,
    persons: scenario.persons,
  } as const;
  const scene = await createScene(plan, seed, scenario.view);
  const scale = full ? [] : ['-vf', 'scale=640:360:flags=area'];
  const child = spawn(
    'ffmpeg',
    [
      ...`-nostdin -v error -y -f rawvideo -pix_fmt yuv420p -s ${scene.width}x${scene.height}`.split(' '),
      ...`-r ${scenario.fps} -i pipe:0`.split(' '),
      ...scale,
      ...'-c:v libx264 -preset ultrafast -qp 0 -g 100 -threads 1'.split(' '),
      partial,
    ],
    { stdio: ['pipe', 'inherit', 'inherit'] },
  );
  const spans = scenario.vehicles.map(() => ({ fromMs: -1, untilMs: -1 }));
  const frames = Math.floor(scenario.seconds * scenario.fps);
  for (let frame = 0; frame < frames; frame += 1) {
    const atMs = Math.round((frame * 1000) / scenario.fps);
    const picture = scene.draw(atMs, stampMs + atMs);
    scenario.vehicles.forEach((visit, index) => {
      const span = spans[index]!;
      if (atMs < visit.atMs || atMs > visit.atMs + approachTimes(visit.approach).goneMs) return;
      if (scene.plateWidthPx(visit, atMs) < readablePx) return;
      if (span.fromMs < 0) span.fromMs = atMs;
      span.untilMs = atMs;
    });
    if (!child.stdin.write(Buffer.from(picture))) await once(child.stdin, 'drain');
  }
  child.stdin.end();
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`ffmpeg ended with ${code} while drawing ${name}`);
  const truth: Truth = {
    seconds: frames / scenario.fps,
    passages: scenario.vehicles.flatMap((visit, index) => {
      const { fromMs, untilMs } = spans[index]!;
      if (fromMs < 0) return [];
      const goneMs = Math.round(visit.atMs + approachTimes(visit.approach).goneMs);
      const visibleFromMs = Math.max(0, Math.round(visit.atMs));
      const { plate, manner } = visit;
      return [{ text: plate.text, manner, visibleFromMs, readableFromMs: fromMs, readableUntilMs: untilMs, goneMs }];
    }),
    persons: scenario.persons.map(({ atMs }) => ({ fromMs: Math.round(atMs), untilMs: Math.round(atMs + walkMs) })),
  };
  renameSync(partial, path);
  writeFileSync(truthPath, JSON.stringify(truth));
  return { path, truth };
}
