import type { CornersPx, PlateColor } from '../domain/plate.ts';
import { GatewayError } from '../lib/errors.ts';
import type { ReadCharacter } from './ctc.ts';
import type { LoadedModel } from './model-store.ts';
import type { Pixels } from './picture.ts';
import { openPlateLineReader } from './plate-line-reader.ts';
import { openTextLineReader } from './text-line-reader.ts';

/** What a reader says of one plate. */
export interface PlateRead {
  /** As they stand; nothing is checked or mended. A double row is joined, the upper one first. */
  readonly characters: readonly ReadCharacter[];
  readonly color: PlateColor;
  /** Mean absolute Laplacian of the rectified plate, in grey levels. */
  readonly sharpness: number;
}

/** Reads plates. One call at a time: buffers are reused. */
export interface PlateReader {
  /** One answer for each plate, which is given by the quadrangles of its rows (one, or the upper and the lower). */
  read(picture: Pixels, plates: readonly (readonly CornersPx[])[]): Promise<readonly PlateRead[]>;
  /** Whether it was taught this character: on one that it never saw its word counts nothing. */
  knows(character: string): boolean;
  release(): Promise<void>;
}

/** The Chinese characters that a site's own forms ask for: the names of cities on e-bikes. */
export const hanCharactersOf = (patterns: readonly RegExp[]): string[] =>
  patterns.flatMap(({ source }) => source.match(/\p{Script=Han}/gu) ?? []);

/**
 * Opens the reader that a model's form asks for. `moreCharacters`: what may stand on plates of this site besides, such as a
 * city's name on e-bikes; a reader that was never taught them cannot read them.
 * Throws GatewayError `models.checksum` for a model of another form.
 */
export async function openPlateReader(
  model: LoadedModel,
  threads: number,
  moreCharacters: readonly string[] = [],
): Promise<PlateReader> {
  if (model.form === 'plate-line') return openPlateLineReader(model, threads);
  if (model.form === 'text-line') return openTextLineReader(model, threads, moreCharacters);
  throw new GatewayError('models.checksum', `${model.name} is of the form ${model.form}, which reads no plates`);
}
