import { open } from 'node:fs/promises';
import type { BoxPx, CornersPx, PointPx } from '../domain/plate.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import type { InspectLine, InspectedVideo } from './inspect-line.ts';
import { stillLooks } from './looks.ts';
import type { Perceiver, SeenPlate } from './perceive.ts';
import { decodePicture } from './picture.ts';
import { createZones, type Zones } from './zones.ts';

/** What `inspect` asks of one file. */
export interface InspectRequest {
  readonly file: string;
  /** The picture is one plate and nothing else. */
  readonly crop: boolean;
}

/** Reads the passages of a video through the tracker that live cameras use. */
export type InspectVideo = (file: string, signal: AbortSignal) => Promise<InspectedVideo>;

/** One file's line. Never throws for what is in the file: that is the line's `error`. */
export async function inspectFile(
  request: InspectRequest,
  perceiver: Perceiver,
  inspectVideo: InspectVideo,
  signal: AbortSignal,
  zones: Zones = createZones([]),
): Promise<InspectLine> {
  const { file } = request;
  try {
    if (!request.crop && (await looksLikeVideo(file))) return { file, ...(await inspectVideo(file, signal)) };
    return await inspectPicture(request, perceiver, zones);
  } catch (error) {
    const code = error instanceof GatewayError ? error.code : 'picture.unreadable';
    return { file, error: { code, message: messageOf(error) } };
  }
}

async function inspectPicture(
  { file, crop }: InspectRequest,
  perceiver: Perceiver,
  zones: Zones,
): Promise<InspectLine> {
  const startedMs = performance.now();
  const picture = await decodePicture(file);
  const decodedMs = performance.now();
  const looks = stillLooks(picture, perceiver.stillSidesPx);
  const seen = await perceiver.perceive(picture, crop ? { plates: 'whole-plate', faces: [] } : looks);
  const plates = seen.plates.filter(({ box }) => crop || zones.counts(box, picture, 'vehicle'));
  const faces = seen.faces.filter(({ box }) => zones.counts(box, picture, 'person'));
  const outside = [...seen.plates, ...seen.faces]
    .filter((one) => !plates.some((kept) => kept === one) && !faces.some((kept) => kept === one))
    .map(({ box }) => ({ reason: 'outside-zone' as const, box: roundBox(box) }));
  return {
    file,
    plates: plates.map(inspectedPlate),
    faces: faces.map(({ box, confidence }) => ({ box: roundBox(box), confidence: thousandths(confidence) })),
    rejected: [...seen.rejected.map(({ reason, box }) => ({ reason, box: roundBox(box) })), ...outside],
    timings_ms: {
      decode: tenths(decodedMs - startedMs),
      detect: tenths(seen.timingsMs.detect),
      read: tenths(seen.timingsMs.read),
      total: tenths(performance.now() - startedMs),
    },
  };
}

const inspectedPlate = ({ reading, box, corners }: SeenPlate) => ({
  text: reading.text,
  accepted: reading.accepted,
  confidence: reading.confidenceRatio,
  characters: reading.characterConfidenceRatios,
  kind: reading.kind,
  color: reading.color,
  box: roundBox(box),
  corners: roundCorners(corners),
});

const thousandths = (value: number): number => Math.round(value * 1000) / 1000;
const tenths = (value: number): number => Math.round(value * 10) / 10;
export const roundBox = ([left, top, width, height]: BoxPx): BoxPx => [
  Math.round(left),
  Math.round(top),
  Math.round(width),
  Math.round(height),
];
const roundPoint = ([x, y]: PointPx): PointPx => [Math.round(x), Math.round(y)];
const roundCorners = ([a, b, c, d]: CornersPx): CornersPx => [
  roundPoint(a),
  roundPoint(b),
  roundPoint(c),
  roundPoint(d),
];

const ascii = (bytes: Uint8Array, from: number, length: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, length).toString('latin1');

/** By the file's first bytes, because names lie: MP4/MOV, Matroska/WebM, AVI, FLV, MPEG-TS, MPEG-PS. HEIF and AVIF stills are not video. */
async function looksLikeVideo(file: string): Promise<boolean> {
  const handle = await open(file).catch((error: unknown) => {
    throw new GatewayError('picture.unreadable', `cannot be opened: ${messageOf(error)}`, { cause: error });
  });
  try {
    const bytes = new Uint8Array(400);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    if (bytesRead < 16) return false;
    if (ascii(bytes, 4, 4) === 'ftyp') return !/^(heic|heix|heif|mif1|msf1|avif|avis)$/.test(ascii(bytes, 8, 4));
    if (bytes[0] === 0x1a && bytes[1] === 0x45 && bytes[2] === 0xdf && bytes[3] === 0xa3) return true;
    if (ascii(bytes, 0, 4) === 'RIFF') return ascii(bytes, 8, 4) === 'AVI ';
    if (ascii(bytes, 0, 3) === 'FLV') return true;
    if (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 1 && bytes[3] === 0xba) return true;
    return bytes[0] === 0x47 && bytes[188] === 0x47 && bytes[376] === 0x47;
  } finally {
    await handle.close();
  }
}
