import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../simulators/random.ts';
import { disturbances, type Disturbance } from './disturbance.ts';
import { encodeStream } from './encode.ts';
import { renderClean, type CleanStream, type Truth } from './render.ts';
import { makeScenario } from './scenario.ts';
import { encoderSettings } from './settings.ts';

/** A change here makes what lies in a cache worthless. */
const version = 'v1';
/** Scenarios that are drawn for each kind of light; streams share them, each with its own disturbance and encoder. */
const scenarioCount = { day: 12, night: 6 } as const;

export interface SetStream {
  readonly file: string;
  readonly setting: string;
  readonly disturbance: Disturbance;
  readonly truth: Truth;
}

export interface StreamSetRequest {
  readonly seed: number;
  /** Folder of the cache; streams lie in a folder of it named for version and seed. */
  readonly cacheDir: string;
  /** Which streams; absent: all. */
  readonly wanted?: (setting: string, disturbance: Disturbance) => boolean;
  /** Passages of each stream, at most five. */
  readonly passages: number;
  readonly say: (line: string) => void;
}

/** Draws and codes the set, or what is missing of it. Writes `passages.tsv`: file, startMs, endMs (readable), text. */
export async function makeStreamSet(request: StreamSetRequest): Promise<{ dir: string; streams: SetStream[] }> {
  const { seed, cacheDir, passages, say, wanted = () => true } = request;
  const dir = join(cacheDir, `${version}-seed${seed}-${passages}`);
  mkdirSync(dir, { recursive: true });
  const clean = new Map<string, Promise<CleanStream>>();
  const streams: SetStream[] = [];
  for (const [row, setting] of encoderSettings.entries()) {
    for (const [column, disturbance] of disturbances.entries()) {
      if (!wanted(setting.name, disturbance) || setting.only?.includes(disturbance) === false) continue;
      const light = disturbance === 'night' ? 'night' : 'day';
      // Large pictures are dear to draw: they share two scenarios.
      const full = setting.widthPx > 640;
      const index = full ? 1 : (row * 5 + column * 7) % scenarioCount[light];
      const scenario = makeScenario(seed, index, { light, fps: setting.fps, passages });
      const key = `${scenario.id}${full}`;
      if (!clean.has(key)) clean.set(key, renderClean(scenario, seed, join(dir, 'clean'), full));
      const drawn = await clean.get(key)!;
      const file = `${setting.name}-${disturbance}.mp4`;
      const random = createRandom(seed).fork(file);
      await encodeStream({ clean: drawn, setting, disturbance, random, path: join(dir, file) });
      say(`${file}: ${drawn.truth.passages.length} passages in ${Math.round(drawn.truth.seconds)} s`);
      streams.push({ file, setting: setting.name, disturbance, truth: drawn.truth });
    }
  }
  const rows = streams.flatMap(({ file, truth }) =>
    truth.passages.map(({ readableFromMs, readableUntilMs, text }) =>
      [file, readableFromMs, readableUntilMs, text].join('\t'),
    ),
  );
  writeFileSync(join(dir, 'passages.tsv'), `file\tstartMs\tendMs\ttext\n${rows.join('\n')}\n`);
  writeFileSync(join(dir, 'streams.json'), JSON.stringify(streams, null, 1));
  return { dir, streams };
}
