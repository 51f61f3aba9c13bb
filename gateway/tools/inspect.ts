import { exitCodes, formatJsonLines, formatTable, type Commands, type ExitCode } from '../cli/index.ts';
import { createPerception, type InspectLine } from '../perceive/index.ts';
import { modelsOptions, perceptionOptions } from '../perceive/options.ts';
import { reported, type ToolContext } from './context.ts';

/** `kanmen inspect`: the same perception that live cameras use, on files. */
export function createInspectCommand(context: ToolContext): Pick<Commands, 'inspect'> {
  const { out, err, clock, random, logger } = context;
  return {
    inspect: (files, { crop, json, models }) =>
      reported(context, async () => {
        const perception = createPerception({
          cameras: [],
          models: modelsOptions.parse(models === undefined ? {} : { dir: models }),
          perception: perceptionOptions.parse({}),
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

const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)} %`;

function forPeople(line: InspectLine): string {
  if ('error' in line) return '';
  if ('passages' in line) {
    const rows = line.passages.map(({ text, accepted, confidence, kind, color, direction, startMs, endMs }) => ({
      ...{ plate: text, sure: accepted ? 'yes' : 'no', confidence: percent(confidence), kind, color, direction },
      ...{ from: `${(startMs / 1000).toFixed(1)} s`, to: `${(endMs / 1000).toFixed(1)} s` },
    }));
    return `${line.file}: ${line.passages.length} vehicle(s), ${line.persons} person(s)\n${formatTable(rows)}\n`;
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
