import { plateColors, type CornersPx, type PlateColor } from '../domain/plate.ts';
import { plateCharacters } from '../domain/plate-grammar.ts';
import { GatewayError } from '../lib/errors.ts';
import { decodeCtc, type Alphabet } from './ctc.ts';
import type { LoadedModel } from './model-store.ts';
import type { Picture, Pixels } from './picture.ts';
import type { PlateRead, PlateReader } from './plate-reader.ts';
import { rectifyInto, sharpness } from './rectify.ts';
import { openSession } from './session.ts';

/** Size to which a plate is stretched. Of a double row the upper one takes the left third, the lower one the rest. */
const widthPx = 168;
const heightPx = 48;
const upperRowPx = 56;
/** Plates in one run at most; the rest waits for the next. */
const maxBatch = 8;

/**
 * The project's own plate reader (`models/training`): `plate` uint8 [N,48,168,3] RGB gives `characters` [N,21,C], softmax,
 * CTC with blank 0, and `colors` [N,6], softmax in the order of `plateColors`.
 */
export async function openPlateLineReader(model: LoadedModel, threads: number): Promise<PlateReader> {
  const session = await openSession(model, threads, ['characters', 'colors']);
  const alphabet = alphabetOf(model.labels);
  const plateBytes = widthPx * heightPx * 3;
  const input = new Uint8Array(maxBatch * plateBytes);

  const load = (picture: Pixels, rows: readonly CornersPx[], slot: number): Picture => {
    const rgb = input.subarray(slot * plateBytes, (slot + 1) * plateBytes);
    const [first, second] = rows;
    const target = (leftPx: number, width: number) => ({ widthPx: width, heightPx, leftPx, rowPx: widthPx });
    if (first && second) {
      rectifyInto(picture, first, target(0, upperRowPx), rgb);
      rectifyInto(picture, second, target(upperRowPx, widthPx - upperRowPx), rgb);
    } else if (first) rectifyInto(picture, first, target(0, widthPx), rgb);
    return { widthPx, heightPx, rgb };
  };

  return {
    read: async (picture, plates) => {
      const answers: PlateRead[] = [];
      for (let from = 0; from < plates.length; from += maxBatch) {
        const batch = plates.slice(from, from + maxBatch).map((rows, slot) => load(picture, rows, slot));
        const shape = [batch.length, heightPx, widthPx, 3];
        const [characters, colors] = await session.run(input.subarray(0, batch.length * plateBytes), shape);
        const [, steps = 0, classes = 0] = characters?.shape ?? [];
        if (!characters || !colors || classes !== model.labels.length + 1)
          throw new GatewayError('models.checksum', `${model.name} does not fit its labels`, { facts: { classes } });
        batch.forEach((plate, slot) => {
          const own = characters.values.subarray(slot * steps * classes, (slot + 1) * steps * classes);
          answers.push({
            characters: decodeCtc(own, steps, classes, alphabet),
            color: likeliestColor(colors.values.subarray(slot * plateColors.length, (slot + 1) * plateColors.length)),
            sharpness: sharpness(plate),
          });
        });
      }
      return answers;
    },
    knows: (character) => alphabet.characters.includes(character),
    release: () => session.release(),
  };
}

function alphabetOf(labels: readonly string[]): Alphabet {
  const known = new Set(plateCharacters);
  const found = labels.flatMap((character, index) => (known.has(character) ? [{ character, column: index + 1 }] : []));
  return {
    characters: found.map(({ character }) => character),
    columns: Int32Array.from(found, ({ column }) => column),
  };
}

function likeliestColor(ratios: Float32Array): PlateColor {
  const best = ratios.indexOf(Math.max(...ratios));
  return plateColors[best] ?? 'blue';
}
