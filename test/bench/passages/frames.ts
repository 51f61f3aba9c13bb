import { createRandom } from '../../support/simulators/random.ts';
import { makeScenario, type Pattern } from './scenario.ts';
import { createStage } from './stage.ts';

export interface RenderedFrame {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly rgb: Uint8Array;
}

/** Pictures of vehicles that come and go, at `perSecond`, by day and by night: copies that may be kept. */
export async function renderFrames(
  seed: number,
  perSecond: number,
  patterns: readonly Pattern[],
): Promise<RenderedFrame[]> {
  const frames: RenderedFrame[] = [];
  for (const [index, pattern] of patterns.entries()) {
    const random = createRandom(seed).fork(`frames ${index}`);
    const scenario = makeScenario(pattern, random);
    const stage = createStage({ light: index % 2 === 0 ? 'day' : 'night', rain: index % 4 === 3 }, random);
    const take = async (atMs: number | null): Promise<void> => {
      const picture = await stage.draw(atMs === null ? null : scenario, atMs ?? 0);
      frames.push({ ...picture, rgb: picture.rgb.slice() });
    };
    for (let atMs = 0; atMs <= scenario.durationMs; atMs += 1000 / perSecond) await take(atMs);
    await take(null);
    await take(null);
  }
  return frames;
}
