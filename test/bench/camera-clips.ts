import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../support/kanmen-process.ts';
import { loadClip, type Clip } from '../support/simulators/clip-camera.ts';
import { createRandom } from '../support/simulators/random.ts';
import { randomVisit } from '../support/simulators/traffic.ts';
import { gateView } from '../support/simulators/view.ts';
import { renderClean, type TruePassage } from '../support/stream-set/render.ts';
import type { Scenario } from '../support/stream-set/scenario.ts';

/** A change here makes what lies in the cache worthless. */
const version = 'v1';
const cacheDir = join(projectRoot, '.cache/bench-clips');

export interface MadeClip {
  readonly path: string;
  readonly clip: Clip;
  readonly seconds: number;
  readonly passages: readonly TruePassage[];
}

/**
 * A clip of a drawn gate with sensor noise, coded as cameras do: H.264, no B pictures, a key frame every 2 s. Kept in the
 * cache of the working copy. `firstMs` and `everyMs`: when vehicles come; none when `vehicles` is 0.
 */
export async function makeClip(request: {
  readonly seed: number;
  readonly seconds: number;
  readonly fps: 12.5 | 25;
  readonly heightPx: 360 | 720 | 1080;
  readonly bitrateKbit: number;
  readonly vehicles: number;
  readonly firstMs?: number;
  readonly everyMs?: number;
  readonly waitMs?: number;
}): Promise<MadeClip> {
  const { seed, seconds, fps, heightPx, bitrateKbit, vehicles, firstMs = 0, everyMs = 0, waitMs = 1500 } = request;
  mkdirSync(cacheDir, { recursive: true });
  const random = createRandom(seed);
  const name = `${version}-s${seed}-${seconds}s-${fps}-${vehicles}x${everyMs}`;
  const scenario: Scenario = {
    id: name,
    light: 'day',
    fps,
    seconds,
    view: gateView,
    wide: false,
    vehicles: Array.from({ length: vehicles }, (_, index) => ({
      ...randomVisit(random, firstMs + index * everyMs, waitMs, 'small'),
      manner: 'ordinary' as const,
    })),
    persons: [],
  };
  const clean = await renderClean(scenario, seed, cacheDir, true);
  // Sent over and over, a clip must not begin with its encoder's first seconds: rate control that starts anew every 20 s is
  // no camera. Of a scene without vehicles, which can be drawn on for ever, the second turn is kept.
  const steady = vehicles === 0;
  const path = join(cacheDir, `${name}-${heightPx}p-${bitrateKbit}k${steady ? '-steady' : ''}.mp4`);
  if (!existsSync(path)) {
    const gop = fps * 2;
    const rate = `-b:v ${bitrateKbit}k -maxrate ${bitrateKbit}k -bufsize ${bitrateKbit}k`;
    const codec = `-c:v libx264 -preset superfast -profile:v main -bf 0 -g ${gop} -keyint_min ${gop} -sc_threshold 0`;
    const input = `-nostdin -v error -y -threads 1 ${steady ? '-stream_loop 1 ' : ''}-i ${clean.path} -vf scale=-2:${heightPx},noise=c0s=6:c0f=t+u`;
    await promisify(execFile)(
      'ffmpeg',
      `${input} -pix_fmt yuv420p ${codec} ${rate} -threads 2 ${path}.part.mp4`.split(' '),
    );
    if (steady) {
      const cut = `-nostdin -v error -y -ss ${seconds} -i ${path}.part.mp4 -map 0:v:0 -c copy ${path}.cut.mp4`;
      await promisify(execFile)('ffmpeg', cut.split(' '));
      rmSync(`${path}.part.mp4`);
    }
    renameSync(steady ? `${path}.cut.mp4` : `${path}.part.mp4`, path);
  }
  return { path, clip: await loadClip(path, fps), seconds, passages: clean.truth.passages };
}
