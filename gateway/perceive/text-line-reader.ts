import { plateCharacters } from '../domain/plate-grammar.ts';
import { GatewayError } from '../lib/errors.ts';
import { decodeCtc, type Alphabet, type ReadCharacter } from './ctc.ts';
import type { LoadedModel } from './model-store.ts';
import type { Picture } from './picture.ts';
import { plateColor } from './plate-color.ts';
import type { PlateReader } from './plate-reader.ts';
import { rectify, sharpness } from './rectify.ts';
import { openSession } from './session.ts';

/** Size to which a plate, or one row of it, is stretched; real shapes differ little and the reader does not mind. */
const widthPx = 160;
const heightPx = 48;
/** The reader was trained on long lines: padded to 320 it reads 98.5 % of real crops, without the pad 95.9 %. */
const paddedWidthPx = 320;
/** Plates in one run at most; the rest waits for the next. */
const maxBatch = 4;

/** PP-OCRv4's recogniser behind a mask of plate characters: `x[N,3,48,320]`, BGR, x/127.5 − 1 → `[N,T,6625]`, CTC. */
export async function openTextLineReader(
  model: LoadedModel,
  threads: number,
  moreCharacters: readonly string[] = [],
): Promise<PlateReader> {
  const session = await openSession(model, threads);
  const alphabet = maskedAlphabet(model.labels, moreCharacters);
  const plane = heightPx * paddedWidthPx;
  const input = new Float32Array(maxBatch * 3 * plane);

  const load = (row: Picture, slot: number): void => {
    const start = slot * 3 * plane;
    input.fill(0, start, start + 3 * plane);
    for (let y = 0; y < heightPx; y += 1) {
      for (let x = 0; x < widthPx; x += 1) {
        const from = (y * widthPx + x) * 3;
        const to = start + y * paddedWidthPx + x;
        input[to] = (row.rgb[from + 2] as number) / 127.5 - 1;
        input[to + plane] = (row.rgb[from + 1] as number) / 127.5 - 1;
        input[to + 2 * plane] = (row.rgb[from] as number) / 127.5 - 1;
      }
    }
  };

  const readRows = async (rows: readonly Picture[]): Promise<(readonly ReadCharacter[])[]> => {
    const answers: (readonly ReadCharacter[])[] = [];
    for (let from = 0; from < rows.length; from += maxBatch) {
      const batch = rows.slice(from, from + maxBatch);
      batch.forEach(load);
      const shape = [batch.length, 3, heightPx, paddedWidthPx];
      const [output] = await session.run(input.subarray(0, batch.length * 3 * plane), shape);
      const [, steps = 0, width = 0] = output?.shape ?? [];
      if (!output || width !== model.labels.length + 2)
        throw new GatewayError('models.checksum', `${model.name} does not fit its labels`, { facts: { width } });
      batch.forEach((_row, index) => {
        const own = output.values.subarray(index * steps * width, (index + 1) * steps * width);
        answers.push(decodeCtc(own, steps, width, alphabet));
      });
    }
    return answers;
  };

  return {
    read: async (picture, plates) => {
      const rows = plates.map((own) => own.map((corners) => rectify(picture, corners, widthPx, heightPx)));
      const answers = await readRows(rows.flat());
      let at = 0;
      return rows.map((own) => {
        const characters = answers.slice(at, at + own.length).flat();
        at += own.length;
        // Of a double row, the lower row has the larger ground.
        const ground = own[own.length - 1];
        return {
          characters,
          color: ground ? plateColor(ground) : 'blue',
          sharpness: ground ? sharpness(ground) : 0,
        };
      });
    },
    knows: (character) => alphabet.characters.includes(character),
    release: () => session.release(),
  };
}

function maskedAlphabet(labels: readonly string[], more: readonly string[]): Alphabet {
  const wanted = new Set([...Array.from(plateCharacters), ...more]);
  const found = labels.flatMap((label, index) => (wanted.has(label) ? [{ label, column: index + 1 }] : []));
  return { characters: found.map((entry) => entry.label), columns: Int32Array.from(found, (entry) => entry.column) };
}
