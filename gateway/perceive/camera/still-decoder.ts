import type { Clock, Timer } from '../../lib/clock.ts';
import type { Fragment, InitSegment } from './fragment.ts';
import { setsOfConfiguration } from './fragment-reader.ts';
import { boxAt, childBoxes } from './boxes.ts';
import { timescale, writeFragment, writeInitSegment } from './mp4-writer.ts';
import { nalKind, type Codec } from './nal-units.ts';
import type { ParameterSets } from './parameter-sets.ts';
import { fedInput, startPictureStream, type Picture, type PictureStream } from './picture-stream.ts';

/** Pictures are given out at this size, whatever the camera's. */
export const stillSize = { widthPx: 640, heightPx: 360 } as const;

/** Decodes single key frames of many cameras, one after the other, with one child for each codec. */
export interface StillDecoder {
  /**
   * The key frame as a small picture, which the receiver must `release`; null when it cannot be decoded, or too many wait.
   * H.264: the child is started with the first one and stays, as starting one costs 120 ms of CPU and a key frame of 1080p
   * 10 ms. H.265: a child for each.
   */
  decode(init: InitSegment, fragment: Fragment): Promise<Picture | null>;
  close(): Promise<void>;
}

/** Then it counts as undecodable. A child that starts on a busy machine has taken 2 s. */
const patienceMs = 6000;
/**
 * A picture not out by then waits for the next in its decoder (streams that may hold B pictures): it gets a copy. On a busy
 * machine it is only late, and copies cost as much as key frames: with 200 ms they were 6 to 10 % of a core for one camera.
 */
const nudgeMs = 1500;
/** So many key frames that came at once, and one copy less is tried. */
const goodLooks = 8;
const mostCopies = 6;
/** Our own time between pictures, by which an answer is known: it has nothing to do with the cameras'. */
const stepTicks = timescale / 10;
const mostWaiting = 32;

interface Job {
  readonly init: InitSegment;
  readonly fragment: Fragment;
  readonly settle: (picture: Picture | null) => void;
}

export function createStillDecoder(clock: Clock): StillDecoder {
  const lanes = new Map<Codec, ReturnType<typeof createLane>>();
  return {
    decode: (init, fragment) => {
      let lane = lanes.get(init.codec);
      if (!lane) lanes.set(init.codec, (lane = createLane(clock)));
      return lane.decode(init, fragment);
    },
    close: async () => {
      await Promise.all([...lanes.values()].map((lane) => lane.close()));
      lanes.clear();
    },
  };
}

/** An access unit delimiter alone: it makes ffmpeg's reader see that the picture before it is complete. */
const delimiter = Uint8Array.of(0x09, 0x10);

function createLane(clock: Clock) {
  let child: PictureStream | null = null;
  let jobs: Job[] = [];
  let current: {
    readonly job: Job;
    readonly fromMs: number;
    timer: Timer;
    copies: number;
    readonly sinceMs: number;
  } | null = null;
  let ticks = 0;
  let fed = 0;
  let closed = false;
  /** How often a stream's key frames must be sent until one comes out, as far as is known. */
  const learned = new WeakMap<InitSegment, { readonly copies: number; readonly good: number }>();
  const learn = (init: InitSegment, sent: number): void => {
    const { copies, good } = learned.get(init) ?? { copies: 1, good: 0 };
    if (sent > copies) learned.set(init, { copies: sent, good: 0 });
    else if (good + 1 < goodLooks) learned.set(init, { copies, good: good + 1 });
    else learned.set(init, { copies: Math.max(copies - 1, 1), good: 0 });
  };

  const send = (nals: readonly Uint8Array[]): void => {
    ticks += stepTicks;
    child?.feed(
      writeFragment({ nals, key: true, decodeTicks: ticks, durationTicks: stepTicks, offsetTicks: 0 }, fed).bytes,
    );
    fed += 1;
  };

  const done = (picture: Picture | null): void => {
    const settled = current;
    current = null;
    settled?.timer.cancel();
    settled?.job.settle(picture);
    next();
  };

  const start = (init: InitSegment): void => {
    const own = startPictureStream({
      // Blocks that are not smoothed are not seen at a third of the size: a quarter of the time.
      input: ['-skip_loop_filter', 'all', ...fedInput],
      framesPerSecond: 100,
      maxWidthPx: stillSize.widthPx,
      exactSize: stillSize,
      onPicture: (picture) => {
        // What still came of an earlier one, or a second copy of this one, is not wanted.
        if (child !== own || !current || picture.mediaMs < current.fromMs) picture.release();
        else {
          if (init.codec === 'hevc') child = null;
          else learn(current.job.init, current.copies);
          done(picture);
        }
        return null;
      },
    });
    child = own;
    ticks = 0;
    fed = 0;
    own.feed(init.bytes);
    void own.ended.then(() => {
      if (child !== own) return;
      child = null;
      if (current) done(null);
    });
  };

  const push = (nals: readonly Uint8Array[], codec: Codec): void => {
    if (!current) return;
    current.copies += 1;
    current.timer.cancel();
    send(nals);
    if (codec === 'hevc') {
      // ffmpeg's H.265 decoder holds back a key frame that follows another; it gives all out when its input ends.
      child?.finish();
      current.copies = mostCopies;
    } else send([delimiter]);
    const check = (): void => {
      if (!current) return;
      if (clock.monotonic() - current.sinceMs < patienceMs) {
        if (current.copies < mostCopies) push(nals, codec);
        else current.timer = clock.after(nudgeMs, check);
        return;
      }
      // It cannot be decoded, or the child hangs: the next one gets a fresh child.
      const broken = child;
      child = null;
      broken?.stop();
      done(null);
    };
    current.timer = clock.after(nudgeMs, check);
  };

  const next = (): void => {
    if (current || closed) return;
    const job = jobs.shift();
    if (!job) return;
    let nals: readonly Uint8Array[];
    let sets: ParameterSets;
    try {
      sets = setsOf(job.init);
      nals = nalsOf(sets, job.fragment);
      // Our own head, for its time scale: a file's may be any.
      if (!child) start(writeInitSegment(sets, 0));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      job.settle(null);
      next();
      return;
    }
    const fromMs = Math.round((ticks + stepTicks) / (timescale / 1000));
    current = { job, fromMs, timer: { cancel: () => undefined }, copies: 0, sinceMs: clock.monotonic() };
    const wanted = job.init.codec === 'h264' ? (learned.get(job.init)?.copies ?? 1) : 1;
    for (let copy = 0; copy < wanted; copy += 1) push(nals, job.init.codec);
  };

  return {
    decode: (init: InitSegment, fragment: Fragment): Promise<Picture | null> =>
      new Promise((settle) => {
        if (closed || jobs.length >= mostWaiting) {
          settle(null);
          return;
        }
        // It may have to wait, and its memory is only lent.
        jobs.push({ init, fragment: { ...fragment, bytes: fragment.bytes.slice(), memory: null }, settle });
        next();
      }),
    close: async (): Promise<void> => {
      closed = true;
      const owed = jobs;
      jobs = [];
      for (const job of owed) job.settle(null);
      const running = child;
      child = null;
      if (current) done(null);
      running?.stop();
      await running?.ended;
    },
  };
}

/** The key frame's NAL units behind the parameter sets of its stream: cameras share a child, so each brings its own. */
function nalsOf({ codec, vps, sps, pps }: ParameterSets, fragment: Fragment): Uint8Array[] {
  const bytes = Buffer.from(fragment.bytes.buffer, fragment.bytes.byteOffset, fragment.bytes.length);
  const mdat = childBoxes(bytes, 0).get('mdat');
  if (!mdat) throw new RangeError('no picture');
  const nals: Uint8Array[] = [...(vps ? [vps] : []), sps, ...pps];
  for (let at = 8; at + 4 <= mdat.length;) {
    const length = mdat.readUInt32BE(at);
    if (length === 0 || at + 4 + length > mdat.length) break;
    const nal = mdat.subarray(at + 4, at + 4 + length);
    if (nalKind(codec, nal).endsWith('slice')) nals.push(nal);
    at += 4 + length;
  }
  return nals;
}

function setsOf(init: InitSegment): ParameterSets {
  const moov = childBoxes(Buffer.from(init.bytes.buffer, init.bytes.byteOffset, init.bytes.length), 0).get('moov');
  const description = moov ? boxAt(moov, 'trak', 'mdia', 'minf', 'stbl', 'stsd') : null;
  const entry = description ? [...childBoxes(description, 16).values()][0] : null;
  const configuration = entry ? childBoxes(entry, 86).get(init.codec === 'h264' ? 'avcC' : 'hvcC') : null;
  if (!configuration) throw new RangeError('no decoder configuration');
  return setsOfConfiguration(init.codec, configuration.subarray(8));
}
