import type { PersonVisit, VehicleVisit } from '../simulators/camera-plan.ts';
import { approachTimes, type Approach } from '../simulators/motion.ts';
import { walkMs } from '../simulators/person.ts';
import { randomKind } from '../simulators/plate-text.ts';
import { createRandom, type Random } from '../simulators/random.ts';
import { randomVisit } from '../simulators/traffic.ts';
import { gateView, type ViewOptions } from '../simulators/view.ts';

/** Seen from a higher post with a wider lens: vehicles and plates take half the room. */
const wideView: ViewOptions = { ...gateView, focalPx: 950, heightM: 2.6, pitchDegrees: 17 };

export type Manner = 'ordinary' | 'slow' | 'through' | 'long-wait' | 'stands-at-first';

/** What one camera sees, before any encoder. */
export interface Scenario {
  readonly id: string;
  readonly light: 'day' | 'night';
  readonly fps: 12.5 | 25;
  readonly seconds: number;
  readonly view: ViewOptions;
  readonly wide: boolean;
  readonly vehicles: readonly (VehicleVisit & { readonly manner: Manner })[];
  readonly persons: readonly PersonVisit[];
}

function approachFor(manner: Manner, random: Random): Approach {
  const stopM = random.between(3.9, 4.15);
  switch (manner) {
    case 'ordinary':
      return { startM: 45, stopM, speedMps: random.between(4.2, 6), waitMs: random.between(800, 4000) };
    case 'slow':
      return { startM: 45, stopM, speedMps: random.between(2.2, 2.8), waitMs: random.between(500, 2000) };
    case 'through':
      // Past the camera before it would stand.
      return { startM: 45, stopM: -4.4, speedMps: random.between(6.5, 8), waitMs: 0 };
    case 'long-wait':
      return { startM: 45, stopM, speedMps: random.between(4.2, 6), waitMs: random.between(14_000, 20_000) };
    case 'stands-at-first':
      return { startM: 45, stopM, speedMps: 5, waitMs: random.between(10_000, 16_000) };
  }
}

/** Passages one after the other, with quiet between them of 5 to 14 s; the first may stand there already. */
export function makeScenario(
  seed: number,
  index: number,
  options: { readonly light: 'day' | 'night'; readonly fps: 12.5 | 25; readonly passages: number },
): Scenario {
  const random = createRandom(seed).fork(`scenario ${options.light} ${index}`);
  const manners: Manner[] = random.shuffle(['ordinary', 'slow', 'through', 'long-wait']);
  if (index % 3 === 0) manners.unshift('stands-at-first');
  else if (index % 3 === 1) manners.splice(2, 0, 'ordinary');
  const vehicles: Scenario['vehicles'][number][] = [];
  const persons: PersonVisit[] = [];
  let atMs = random.between(4000, 14_000);
  for (const manner of manners.slice(0, options.passages)) {
    const approach = approachFor(manner, random);
    const { standsMs, goneMs } = approachTimes(approach);
    const startMs = manner === 'stands-at-first' ? -standsMs - 2000 : atMs;
    const visit = randomVisit(random, startMs, approach.waitMs, randomKind(random));
    vehicles.push({ ...visit, approach, manner });
    const over = startMs + goneMs + random.between(5000, 14_000);
    // Somebody on foot in a gap that is long enough.
    if (random.next() < 0.35) {
      persons.push({ atMs: over });
      atMs = over + walkMs + random.between(5000, 9000);
    } else atMs = over;
  }
  const wide = index % 4 === 3;
  return {
    id: `${options.light}${index}-${options.fps === 25 ? 'f25-' : ''}s${seed}`,
    light: options.light,
    fps: options.fps,
    seconds: Math.ceil(atMs / 1000),
    view: wide ? wideView : gateView,
    wide,
    vehicles,
    persons,
  };
}
