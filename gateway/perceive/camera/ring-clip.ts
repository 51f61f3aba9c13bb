import type { AudioUnit } from './audio-units.ts';
import type { Fragment } from './fragment.ts';
import { withAudioTrack, writeAudioFragment } from './mp4-audio.ts';

/*
 * ISO/IEC 14496-12, the few boxes that a cut changes: `tfdt` (8.8.12) counts from the clip's beginning instead of the
 * camera's, `mfhd` (8.8.5) is numbered anew, `tfhd` (8.8.7) may name its fragment's place in the file. A `sidx` (8.16.3)
 * tells players how long the clip is and where they may jump to; nothing else in a fragmented file does. It has an entry for
 * each fragment: with one for each GOP, ffmpeg and with it Chromium give out some pictures twice after every jump, even to
 * the beginning, and what is decoded from them is broken.
 */
const containers = new Set(['moov', 'trak', 'mdia', 'moof', 'traf']);
const boxHeaderBytes = 8;

interface Box {
  readonly type: string;
  /** Of its contents, behind size and type. */
  readonly begin: number;
  readonly end: number;
}

function* boxesIn(view: DataView, from: number, to: number): Generator<Box> {
  for (let at = from; at + boxHeaderBytes <= to;) {
    const size = view.getUint32(at);
    const type = String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i)));
    // 1 (64-bit size) and 0 (up to the end) stand only on mdat, which nobody looks into; smaller ones are no boxes.
    const end = size === 1 ? at + Number(view.getBigUint64(at + 8)) : size === 0 ? to : at + size;
    if (end < at + boxHeaderBytes || end > to) throw new Error(`a box ${type} of ${size} bytes does not fit`);
    yield { type, begin: at + boxHeaderBytes, end };
    at = end;
  }
}

/** The first box of this name, however deep. */
function find(view: DataView, wanted: string, from = 0, to = view.byteLength): Box | null {
  for (const box of boxesIn(view, from, to)) {
    if (box.type === wanted) return box;
    const inside = containers.has(box.type) ? find(view, wanted, box.begin, box.end) : null;
    if (inside) return inside;
  }
  return null;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function decodeTime(view: DataView): bigint {
  const tfdt = find(view, 'tfdt');
  if (!tfdt) throw new Error('a fragment without decode time');
  return view.getUint8(tfdt.begin) === 1 ? view.getBigUint64(tfdt.begin + 4) : BigInt(view.getUint32(tfdt.begin + 4));
}

/** Ticks a second of the stream's only track. */
function timescaleOf(init: Uint8Array): { readonly timescale: number; readonly track: number } {
  const view = viewOf(init);
  const mdhd = find(view, 'mdhd');
  const tkhd = find(view, 'tkhd');
  if (!mdhd || !tkhd) throw new Error('an init segment without a track');
  // Version 1 has 64-bit times before it.
  const timescale = view.getUint32(mdhd.begin + (view.getUint8(mdhd.begin) === 1 ? 20 : 12));
  const track = view.getUint32(tkhd.begin + (view.getUint8(tkhd.begin) === 1 ? 20 : 12));
  return { timescale, track };
}

/** Audio stands before the pictures of its time, in pieces of so long. */
const audioPieceMs = 1000;

/**
 * One MP4 of an init segment and fragments of its stream in order, the first a key frame: nothing is encoded anew, and
 * its time begins at 0. `audio`: what was heard meanwhile, in order. Throws on what is no fragment.
 */
export function assembleClip(
  init: Uint8Array,
  fragments: readonly Fragment[],
  audio: readonly AudioUnit[] = [],
): Uint8Array<ArrayBuffer> {
  const { timescale, track } = timescaleOf(init);
  const times = fragments.map(({ bytes }) => decodeTime(viewOf(bytes)));
  const first = times[0] ?? 0n;
  const last = fragments.at(-1);
  const endTime = (times.at(-1) ?? 0n) + BigInt(Math.round(((last?.durationMs ?? 0) * timescale) / 1000));
  const heard = sameRun(audio);
  const head = heard[0] ? withAudioTrack(init, heard[0].format) : init;
  const pieces = audioPieces(fragments, heard);
  const index = segmentIndex(
    { timescale, track },
    fragments.map(({ sizeBytes, key }, i) => ({
      ...{ sizeBytes: sizeBytes + (pieces.get(i)?.length ?? 0), key },
      duration: Number((times[i + 1] ?? endTime) - (times[i] ?? first)),
    })),
  );
  const media = fragments.reduce((sum, { sizeBytes }, i) => sum + sizeBytes + (pieces.get(i)?.length ?? 0), 0);
  const out = new Uint8Array(head.length + index.length + media);
  out.set(head, 0);
  out.set(index, head.length);
  let at = head.length + index.length;
  fragments.forEach(({ bytes }, number) => {
    const piece = pieces.get(number);
    if (piece) out.set(piece, at);
    at += piece?.length ?? 0;
    out.set(bytes, at);
    rebase(viewOf(out.subarray(at, at + bytes.length)), { number: number + 1, first, offset: at });
    at += bytes.length;
  });
  return out;
}

/** The longest stretch of audio whose times belong together: after a camera's clock was set there is another. */
function sameRun(audio: readonly AudioUnit[]): readonly AudioUnit[] {
  const runs = new Map<object, AudioUnit[]>();
  for (const unit of audio) {
    const own = runs.get(unit.run);
    if (own) own.push(unit);
    else runs.set(unit.run, [unit]);
  }
  return [...runs.values()].sort((a, b) => b.length - a.length)[0] ?? [];
}

/** Audio as `moof` + `mdat` by the place of the fragment that it stands before. */
function audioPieces(fragments: readonly Fragment[], heard: readonly AudioUnit[]): ReadonlyMap<number, Uint8Array> {
  const pieces = new Map<number, Uint8Array>();
  const [start, from] = [fragments[0], heard[0]];
  if (!start || !from) return pieces;
  // Its own time stamps from the first unit on, whose place in the clip its time of capture tells.
  const { clockRateHz } = from.format;
  const shift = Math.round(((from.capturedAtMs - start.capturedAtMs) * clockRateHz) / 1000) - from.ticks;
  const beginsMs = (unit: AudioUnit): number => ((unit.ticks + shift) / clockRateHz) * 1000;
  let next = 0;
  for (let place = 0, pieceMs = 0; place < fragments.length; place += 1) {
    const atMs = (fragments[place]?.capturedAtMs ?? 0) - start.capturedAtMs;
    if (place > 0 && atMs < pieceMs) continue;
    pieceMs = atMs + audioPieceMs;
    const units: AudioUnit[] = [];
    for (let unit = heard[next]; unit && beginsMs(unit) < pieceMs; unit = heard[next]) {
      units.push(unit);
      next += 1;
    }
    if (units[0])
      pieces.set(place, writeAudioFragment(units, units[0].ticks + shift, fragments.length + pieces.size + 1));
  }
  return pieces;
}

function rebase(
  view: DataView,
  to: { readonly number: number; readonly first: bigint; readonly offset: number },
): void {
  const mfhd = find(view, 'mfhd');
  if (mfhd) view.setUint32(mfhd.begin + 4, to.number);
  const tfhd = find(view, 'tfhd');
  // base-data-offset-present: counted from the beginning of the file that this fragment came from.
  if (tfhd && (view.getUint32(tfhd.begin) & 1) === 1) view.setBigUint64(tfhd.begin + 8, BigInt(to.offset));
  const tfdt = find(view, 'tfdt');
  if (!tfdt) return;
  const time = decodeTime(view) - to.first;
  if (view.getUint8(tfdt.begin) === 1) view.setBigUint64(tfdt.begin + 4, time);
  else view.setUint32(tfdt.begin + 4, Number(time));
}

function segmentIndex(
  { timescale, track }: { readonly timescale: number; readonly track: number },
  references: readonly { readonly sizeBytes: number; readonly duration: number; readonly key: boolean }[],
): Uint8Array {
  const sizeBytes = 8 + 24 + references.length * 12;
  const box = Buffer.alloc(sizeBytes);
  box.writeUInt32BE(sizeBytes, 0);
  box.write('sidx', 4, 'latin1');
  // Version 0, earliest presentation time 0, the first fragment right behind this box.
  box.writeUInt32BE(track, 12);
  box.writeUInt32BE(timescale, 16);
  box.writeUInt16BE(references.length, 30);
  references.forEach((reference, index) => {
    const at = 32 + index * 12;
    box.writeUInt32BE(reference.sizeBytes, at);
    box.writeUInt32BE(reference.duration, at + 4);
    // starts_with_SAP, type 1: a closed key frame.
    box.writeUInt32BE(reference.key ? 0x90000000 : 0, at + 8);
  });
  return box;
}
