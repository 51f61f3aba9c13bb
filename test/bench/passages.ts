// Question: of vehicles that pass a gate, how many come out as exactly one row with the right plate?
import { availableParallelism } from 'node:os';
import { loadModel, shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { openPerceiver } from '../../gateway/perceive/perceive.ts';
import { ebikePlates } from '../support/simulators/plate-text.ts';
import { createRandom } from '../support/simulators/random.ts';
import { round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';
import { runCamera } from './passages/run-camera.ts';
import { makeScenario, patterns, randomPattern, type Pattern } from './passages/scenario.ts';
import { score, wilson, type Outcome } from './passages/score.ts';
import { createStage, type Weather } from './passages/stage.ts';

const weathers: readonly Weather[] = [
  { light: 'day', rain: false },
  { light: 'night', rain: false },
  { light: 'day', rain: true },
  { light: 'night', rain: true },
];
/** Scenarios that one camera sees in a row. */
const aCamera = 12;
/** The short form ends in under a minute, however busy the machine is. */
const shortBudgetMs = 40_000;

async function run({ full, seed, say, settings }: BenchmarkOptions): Promise<Finding> {
  const wanted = Number(settings['n'] ?? (full ? 1000 : 400));
  const only = patterns.find((pattern) => pattern === settings['pattern']);
  const modelsDir = settings['models'] ?? shippedModelsDir();
  const perceiver = await openPerceiver({
    modelsDir,
    useModels: [],
    threads: Math.max(Math.floor(availableParallelism() / 2), 1),
    minPlateWidthPx: 36,
    ebikePatterns: [new RegExp(ebikePlates, 'u')],
  });
  const outcomes: Outcome[] = [];
  const weatherOf = new Map<Outcome, string>();
  let ghosts = 0;
  const rejected = new Map<string, number>();
  const startedMs = performance.now();
  let frames = 0;
  try {
    for (let camera = 0; outcomes.length < wanted; camera += 1) {
      if (!full && outcomes.length > 0 && performance.now() - startedMs > shortBudgetMs) break;
      const random = createRandom(seed).fork(`camera ${camera}`);
      const weather = weathers[camera % weathers.length] as Weather;
      const count = full ? aCamera : 4;
      const scenarios = Array.from({ length: count }, (_, index) => {
        const own = random.fork(`scenario ${index}`);
        // Ten minutes of standing still take too long for the short form.
        let pattern = only ?? randomPattern(own);
        if (!full && !only && pattern === 'waits ten minutes') pattern = 'stops';
        return makeScenario(pattern, own);
      });
      const stage = createStage(weather, random.fork('stage'));
      const result = await runCamera({ scenarios, stage, perceiver, random: random.fork('pauses') });
      const scored = score(result);
      const sky = `${weather.light}${weather.rain ? ', rain' : ''}`;
      frames += result.counters.frames;
      ghosts += scored.ghosts.length;
      for (const [reason, times] of Object.entries(result.counters.rejected))
        rejected.set(reason, (rejected.get(reason) ?? 0) + times);
      for (const row of scored.ghosts) say(`  ghost: ${row.text} ${row.accepted ? 'accepted' : 'unsure'} (${sky})`);
      for (const outcome of scored.outcomes) {
        outcomes.push(outcome);
        weatherOf.set(outcome, sky);
        if (!outcome.right || !outcome.directionRight) say(`  ${describe(outcome)} (${sky})`);
      }
    }
  } finally {
    await perceiver.release();
  }
  const elapsedS = (performance.now() - startedMs) / 1000;
  const right = outcomes.filter((outcome) => outcome.right).length;
  const rows = outcomes.flatMap((outcome) => outcome.rows.map((row) => ({ row, text: outcome.visit.plate.text })));
  const accepted = rows.filter(({ row }) => row.accepted);
  const shareBy = (key: (outcome: Outcome) => string) =>
    Object.fromEntries(
      [...new Set(outcomes.map(key))].sort().map((name) => {
        const own = outcomes.filter((outcome) => key(outcome) === name);
        return [name, `${own.filter((outcome) => outcome.right).length}/${own.length}`];
      }),
    );
  const model = async (role: 'plate-finder' | 'plate-reader') => (await loadModel(modelsDir, role)).id;
  return {
    value: outcomes.length === 0 ? null : round(right / outcomes.length, 4),
    unit: 'share',
    baseline: null,
    n: outcomes.length,
    p50: null,
    p95: null,
    p99: null,
    extra: {
      interval95: wilson(right, outcomes.length).map((share) => round(share, 4)),
      missed: outcomes.filter((outcome) => outcome.rows.length === 0).length,
      duplicateRows: outcomes.reduce((sum, outcome) => sum + Math.max(outcome.rows.length - 1, 0), 0),
      rowsOfNothing: ghosts,
      rightAndAccepted: round(outcomes.filter(({ accepted: sure }) => sure).length / Math.max(outcomes.length, 1), 4),
      acceptedButWrong: accepted.filter(({ row, text }) => row.text !== text).length,
      accepted: accepted.length,
      directionRight: round(
        outcomes.filter((outcome) => outcome.directionRight).length / Math.max(outcomes.length, 1),
        4,
      ),
      byPattern: shareBy(({ visit }) => visit.pattern),
      byKind: shareBy(({ visit: { plate } }) => `${plate.kind}${plate.rows === 2 ? ', double row' : ''}`),
      byWeather: shareBy((outcome) => weatherOf.get(outcome) ?? ''),
      rejected: Object.fromEntries(rejected),
      models: { finder: await model('plate-finder'), reader: await model('plate-reader') },
      framesPerSecond: round(frames / elapsedS, 1),
    },
    ...(outcomes.length === 0 ? { void: 'nothing passed' } : {}),
  };
}

function describe({ visit, rows, right }: Outcome): string {
  const seen = rows.map(({ text, accepted, direction }) => `${text} ${accepted ? '' : 'unsure '}${direction}`);
  const what = `${visit.pattern}: ${visit.plate.kind} ${visit.plate.text} ${visit.direction}`;
  return `${right ? 'direction' : 'wrong'}: ${what}, seen ${seen.length === 0 ? 'nothing' : seen.join(' + ')}`;
}

export const passages: Benchmark = {
  name: 'passages',
  question: 'share of passages with exactly one row and the right plate (every kind, day, night, rain; --n, --pattern)',
  run,
};

export type { Pattern };
