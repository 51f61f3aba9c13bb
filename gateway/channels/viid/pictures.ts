import sharp from 'sharp';
import type { EvidenceId } from '../../domain/ids.ts';
import type { PassageData } from '../../domain/notice.ts';
import type { BoxPx } from '../../domain/plate.ts';
import type { ObjectPicture } from './objects.ts';

/** What the pictures of an object are made from. */
export interface PictureSource {
  /** Faces blurred; null where there is none any more. */
  read(id: EvidenceId): Promise<{ readonly jpeg: Uint8Array } | null>;
  /** As the camera saw it, written into the audit log with `why`; null where there is none any more. */
  readOpen(id: EvidenceId, why: string): Promise<{ readonly jpeg: Uint8Array } | null>;
}

/** Room around a plate or a face, as a share of its size. */
const margins = { plate: 0.15, face: 0.4 };

/**
 * The pictures that go with a passage: of a vehicle the whole one with faces blurred (01) and its plate (02); of a person
 * the scene with faces blurred (14) and, under `legalBasis`, the face as seen (11). Empty where there is none, or where the
 * whole one is larger than `limitBytes`.
 */
export async function picturesOf(
  passage: PassageData,
  source: PictureSource,
  settings: { readonly limitBytes: number; readonly legalBasis: string | null },
): Promise<ObjectPicture[]> {
  const evidence = passage.evidence.find(({ kind }) => kind === 'picture');
  if (!evidence || settings.limitBytes === 0) return [];
  const id = evidence.id as EvidenceId;
  const shown = await source.read(id);
  if (!shown || shown.jpeg.byteLength > settings.limitBytes) return [];
  const isPerson = passage.subject === 'person';
  const whole = await measured(shown.jpeg, isPerson ? '14' : '01');
  if (!passage.boxPx) return [whole];
  if (!isPerson) return [whole, ...(await cropped(shown.jpeg, passage.boxPx, whole, '02', margins.plate))];
  if (settings.legalBasis === null) return [whole];
  const open = await source.readOpen(id, settings.legalBasis);
  return open ? [whole, ...(await cropped(open.jpeg, passage.boxPx, whole, '11', margins.face))] : [whole];
}

async function measured(jpeg: Uint8Array, type: ObjectPicture['type']): Promise<ObjectPicture> {
  const { width, height } = await sharp(jpeg).metadata();
  return { type, jpeg, widthPx: width, heightPx: height };
}

/** The part of a picture around a box; none where the box does not lie in it. */
async function cropped(
  jpeg: Uint8Array,
  [left, top, width, height]: BoxPx,
  whole: ObjectPicture,
  type: ObjectPicture['type'],
  margin: number,
): Promise<ObjectPicture[]> {
  const x = Math.max(0, Math.floor(left - width * margin));
  const y = Math.max(0, Math.floor(top - height * margin));
  const right = Math.min(whole.widthPx, Math.ceil(left + width * (1 + margin)));
  const bottom = Math.min(whole.heightPx, Math.ceil(top + height * (1 + margin)));
  if (right - x < 4 || bottom - y < 4) return [];
  const part = sharp(jpeg).extract({ left: x, top: y, width: right - x, height: bottom - y });
  const { data, info } = await part.jpeg({ quality: 90 }).toBuffer({ resolveWithObject: true });
  return [{ type, jpeg: data, widthPx: info.width, heightPx: info.height }];
}
