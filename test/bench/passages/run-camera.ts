import { createCameraWatch } from '../../../gateway/perceive/camera-watch.ts';
import { cameraOptions, perceptionOptions } from '../../../gateway/perceive/options.ts';
import type { Perceiver } from '../../../gateway/perceive/perceive.ts';
import type { CameraCounters, PassageCandidate } from '../../../gateway/perceive/worker-protocol.ts';
import type { EpochMs } from '../../../gateway/lib/clock.ts';
import { ebikePlates } from '../../support/simulators/plate-text.ts';
import type { Random } from '../../support/simulators/random.ts';
import type { ExpectedVisit, Pattern, Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';

export interface Row {
  readonly text: string;
  readonly accepted: boolean;
  readonly color: string;
  readonly kind: string;
  readonly direction: string;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly readAtMs: number;
}

export interface Visit extends ExpectedVisit {
  readonly pattern: Pattern;
}

export interface CameraRun {
  readonly visits: readonly Visit[];
  readonly rows: readonly Row[];
  readonly counters: Omit<CameraCounters, 'stream'>;
}

const epoch = 1_800_000_000_000;
/** As many pictures a second as a live camera is looked at by default. */
const framesPerSecond = 3;

/** One camera over several scenarios, one after the other with nothing in between: the very watch that live cameras have. */
export async function runCamera(options: {
  readonly scenarios: readonly Scenario[];
  readonly stage: Stage;
  readonly perceiver: Perceiver;
  readonly random: Random;
}): Promise<CameraRun> {
  const { scenarios, stage, perceiver, random } = options;
  const rows: Row[] = [];
  const visits: Visit[] = [];
  const camera = cameraOptions.parse({
    id: 'gate',
    name: 'gate',
    url: 'rtsp://bench/1',
    faces: false,
    framesPerSecond,
  });
  const watch = createCameraWatch({
    camera,
    perception: perceptionOptions.parse({ ebikePlates: [ebikePlates] }),
    perceiver,
    onPassage: ({ plate, direction, startedAt, endedAt, readAt, subject }: PassageCandidate) => {
      if (subject === 'vehicle')
        rows.push({
          text: plate?.text ?? '',
          accepted: plate?.accepted ?? false,
          color: plate?.color ?? '',
          kind: plate?.kind ?? '',
          direction,
          startedMs: startedAt - epoch,
          endedMs: endedAt - epoch,
          readAtMs: readAt - epoch,
        });
      return Promise.resolve();
    },
  });
  let nowMs = 0;
  const look = async (scenario: Scenario | null, atMs: number): Promise<void> => {
    const picture = await stage.draw(scenario, atMs);
    await watch.look({ ...picture, capturedAt: (epoch + nowMs) as EpochMs, mediaMs: nowMs });
  };
  const stepMs = 1000 / framesPerSecond;
  /** Nothing is there: long enough for a visit to be over, at five looks and then one in two seconds. */
  const pause = async (forMs: number): Promise<void> => {
    const endMs = nowMs + forMs;
    for (let count = 0; nowMs < endMs; count += 1) {
      await look(null, 0);
      nowMs += count < 5 ? stepMs : 2000;
    }
  };
  await pause(2000);
  for (const scenario of scenarios) {
    const beginMs = nowMs;
    for (const visit of scenario.expected)
      visits.push({
        ...visit,
        pattern: scenario.pattern,
        fromMs: beginMs + visit.fromMs,
        toMs: beginMs + visit.toMs,
      });
    for (; nowMs - beginMs <= scenario.durationMs; nowMs += stepMs) await look(scenario, nowMs - beginMs);
    await pause(random.between(6000, 14_000));
  }
  await pause(30_000);
  await watch.finish();
  return { visits, rows, counters: watch.counters(0) };
}
