import { exitCodes, formatJsonLines, formatTable, type Commands, type ExitCode } from '../cli/index.ts';
import { formatFault, loadConfiguration, type Fault } from '../config/index.ts';
import { createPerception, type InspectLine } from '../perceive/index.ts';
import {
  cameraOptions,
  modelsOptions,
  perceptionOptions,
  type CameraOptions,
  type ModelsOptions,
  type PerceptionOptions,
} from '../perceive/options.ts';
import { reported, type ToolContext } from './context.ts';

/** `kanmen inspect`: the same perception that live cameras use, on files. */
export function createInspectCommand(context: ToolContext): Pick<Commands, 'inspect'> {
  const { out, err, clock, random, logger } = context;
  return {
    inspect: (files, options) =>
      reported(context, async () => {
        const { crop, json } = options;
        const how = chooseCamera(options);
        if ('wrong' in how) {
          err(`${how.wrong}\n`);
          return how.code;
        }
        const perception = createPerception({
          cameras: [],
          models: options.models === undefined ? how.models : modelsOptions.parse({ dir: options.models }),
          perception: how.perception,
          timeZone: how.timeZone,
          inspectAs: how.camera,
          clock,
          logger,
          unit: () => random.unit(),
          onPassage: () => Promise.resolve(),
          onCamera: () => undefined,
        });
        await perception.start(new AbortController().signal);
        let code: ExitCode = exitCodes.fine;
        try {
          for await (const line of perception.inspect(files, { crop })) {
            if ('error' in line) {
              code = exitCodes.failed;
              if (!json) err(`${line.file}: ${line.error.message} (${line.error.code})\n`);
            }
            if (json) out(formatJsonLines([line]));
            else out(forPeople(line));
          }
        } finally {
          await perception.stop();
        }
        return code;
      }),
  };
}

type InspectOptions = Parameters<Commands['inspect']>[1];

interface How {
  readonly camera: CameraOptions;
  readonly perception: PerceptionOptions;
  readonly models: ModelsOptions;
  readonly timeZone: string;
}

/** As whose pictures the files are looked at: one camera's of a configuration, or nobody's. */
function chooseCamera(options: InspectOptions): How | { readonly wrong: string; readonly code: ExitCode } {
  const { camera: id, config, start } = options;
  if (start !== undefined && !cameraOptions.shape.startsAt.safeParse(start).success)
    return {
      wrong: `--start ${start}: a time with its offset, such as 2026-11-22T08:00:00+08:00`,
      code: exitCodes.wrongUse,
    };
  const startsAt = start === undefined ? {} : { startsAt: start };
  if (id === undefined) {
    // Twice a live camera's frames: nothing waits for the answer.
    const plain = { id: 'inspect', name: 'inspect', url: 'file:///inspect', framesPerSecond: 6, ...startsAt };
    const camera = cameraOptions.parse(plain);
    return { camera, perception: perceptionOptions.parse({}), models: modelsOptions.parse({}), timeZone: localZone };
  }
  const loaded = loadConfiguration(config);
  if (!loaded.ok)
    return {
      wrong: loaded.faults.map((fault: Fault) => formatFault(fault)).join('\n'),
      code: exitCodes.wrongConfiguration,
    };
  const { cameras, perception, models, alerts } = loaded.value;
  const camera = cameras.find((one) => one.id === id);
  if (!camera) {
    const known = cameras.map((one) => one.id).join(', ');
    return {
      wrong: `${config} has no camera ${id}; it has ${known === '' ? 'none' : known}`,
      code: exitCodes.wrongUse,
    };
  }
  return { camera: { ...camera, ...startsAt }, perception, models, timeZone: alerts.timeZone };
}

/** Where there is no configuration to say otherwise. */
const localZone = 'Asia/Shanghai';

const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)} %`;

/** How the beginning of a video is known, for people. */
const startsFrom = {
  option: 'as told',
  file: 'by its creation_time',
  modified: 'a guess: its last change less its length',
};

function forPeople(line: InspectLine): string {
  if ('error' in line) return '';
  if ('passages' in line) {
    const rows = line.passages.map(({ text, accepted, confidence, kind, color, direction, startMs, endMs }) => ({
      ...{ plate: text, sure: accepted ? 'yes' : 'no', confidence: percent(confidence), kind, color, direction },
      ...{ from: seconds(startMs), to: seconds(endMs) },
    }));
    const zones = line.zones.map(
      ({ zone, use, change, subject, text, atMs }) =>
        `  zone ${zone} (${use}): ${text ?? subject} ${change} at ${seconds(atMs)}\n`,
    );
    const views = line.views.map(
      ({ change, reason, atMs }) =>
        `  ${change === 'blind' ? `sees nothing (${reason ?? ''})` : 'sees again'} at ${seconds(atMs)}\n`,
    );
    const begins = `begins ${line.startsAt} (${startsFrom[line.startsFrom]})`;
    const head = `${line.file}: ${line.passages.length} vehicle(s), ${line.persons} person(s); ${begins}`;
    return `${head}\n${formatTable(rows)}${zones.join('')}${views.join('')}\n`;
  }
  const rows = line.plates.map(({ text, accepted, confidence, kind, color, box }) => ({
    ...{ plate: text, sure: accepted ? 'yes' : 'no', confidence: percent(confidence), kind, color },
    ...{ place: `${box[0]},${box[1]}`, size: `${box[2]}×${box[3]} px` },
  }));
  const rejected = line.rejected.map(
    ({ reason, box }) => `  rejected: ${reason} at ${box[0]},${box[1]} (${box[2]}×${box[3]} px)\n`,
  );
  const faces = `${line.faces.length} face(s), ${line.timings_ms.total} ms`;
  return `${line.file}: ${line.plates.length} plate(s), ${faces}\n${formatTable(rows)}${rejected.join('')}\n`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
