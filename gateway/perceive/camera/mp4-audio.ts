import type { AudioFormat, AudioUnit } from './audio-units.ts';
import { childBoxes } from './boxes.ts';
import { box, emptySampleTable, fields, fullBox, unityMatrix, zeros } from './mp4-writer.ts';

/** Of the audio in a clip; the video's is 1. */
const trackId = 2;

/**
 * A copy of an initialisation segment with one video track that has an audio track too: ISO/IEC 14496-12, AAC as
 * 14496-14 has it, G.711 under QuickTime's names. Throws RangeError for what is no initialisation segment.
 */
export function withAudioTrack(init: Uint8Array, format: AudioFormat): Uint8Array {
  const parts = [...childBoxes(Buffer.from(init.buffer, init.byteOffset, init.length), 0)];
  return Buffer.concat(parts.map(([type, bytes]) => (type === 'moov' ? withTrack(bytes, format) : bytes)));
}

function withTrack(moov: Buffer, format: AudioFormat): Buffer {
  const children = [...childBoxes(moov, 8)];
  const trex = fullBox('trex', 0, 0, fields([4, trackId], [4, 1], [4, 0], [4, 0], [4, 0]));
  return box(
    'moov',
    ...children.flatMap(([type, bytes]) => {
      if (type === 'trak') return [bytes, audioTrack(format)];
      return type === 'mvex' ? [box('mvex', bytes.subarray(8), trex)] : [bytes];
    }),
  );
}

function audioTrack(format: AudioFormat): Buffer {
  const { codec, clockRateHz, channels, config } = format;
  const none = fields([4, 0]);
  const name = codec === 'aac' ? 'mp4a' : codec === 'pcma' ? 'alaw' : 'ulaw';
  const sampleEntry = box(
    name,
    zeros(6),
    fields([2, 1]),
    zeros(8),
    // 16 bits a sample once decoded; the rate as 16.16, 0 where it does not fit.
    fields([2, channels], [2, 16], [4, 0], [2, clockRateHz < 0x10000 ? clockRateHz : 0], [2, 0]),
    ...(codec === 'aac' ? [elementaryStream(config)] : []),
  );
  return box(
    'trak',
    fullBox(
      'tkhd',
      0,
      3,
      fields([4, 0], [4, 0], [4, trackId], [4, 0], [4, 0]),
      zeros(8),
      // Layer 0, alternate group 0, full volume.
      fields([2, 0], [2, 0], [2, 0x100], [2, 0]),
      unityMatrix,
      zeros(8),
    ),
    box(
      'mdia',
      fullBox('mdhd', 0, 0, fields([4, 0], [4, 0], [4, clockRateHz], [4, 0], [2, 0x55c4], [2, 0])),
      fullBox('hdlr', 0, 0, none, Buffer.from('soun', 'latin1'), zeros(12), Buffer.from('camera\0', 'latin1')),
      box(
        'minf',
        fullBox('smhd', 0, 0, fields([2, 0], [2, 0])),
        box('dinf', fullBox('dref', 0, 0, fields([4, 1]), fullBox('url ', 0, 1))),
        emptySampleTable(sampleEntry),
      ),
    ),
  );
}

/** `esds`: descriptors of ISO/IEC 14496-1, 7.2.6. */
function elementaryStream(config: Uint8Array): Buffer {
  const descriptor = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
    const content = Buffer.concat(parts);
    return Buffer.concat([Buffer.of(tag, content.length), content]);
  };
  // Object type 0x40 (AAC), stream type 5 (audio); sizes and rates are not known.
  const decoder = descriptor(4, Buffer.of(0x40, 0x15), zeros(11), descriptor(5, config));
  return fullBox('esds', 0, 0, descriptor(3, fields([2, trackId], [1, 0]), decoder, descriptor(6, Buffer.of(2))));
}

/** Units that follow each other as `moof` + `mdat`. `decodeTicks`: when the first begins, in samples. */
export function writeAudioFragment(units: readonly AudioUnit[], decodeTicks: number, number: number): Buffer {
  const fragment = (dataOffset: number): Buffer =>
    box(
      'moof',
      fullBox('mfhd', 0, 0, fields([4, number])),
      box(
        'traf',
        // default-base-is-moof
        fullBox('tfhd', 0, 0x020000, fields([4, trackId])),
        fullBox('tfdt', 1, 0, fields([4, Math.floor(decodeTicks / 0x100000000)], [4, decodeTicks % 0x100000000])),
        // data offset, and for each sample its duration and size
        fullBox('trun', 0, 0x301, fields([4, units.length], [4, dataOffset]), ...units.map(sampleOf(units))),
      ),
    );
  const head = fragment(fragment(0).length + 8);
  return Buffer.concat([head, box('mdat', ...units.map(({ bytes }) => bytes))]);
}

/** A unit lasts until the next one begins; one that was lost makes the one before it longer. */
const sampleOf =
  (units: readonly AudioUnit[]) =>
  ({ ticks, durationTicks, bytes }: AudioUnit, index: number): Buffer => {
    const next = units[index + 1];
    return fields([4, next ? Math.max(next.ticks - ticks, 0) : durationTicks], [4, bytes.length]);
  };
