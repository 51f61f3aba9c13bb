import type { EpochMs } from '../../lib/clock.ts';
import type { AudioUnit } from './audio-units.ts';
import type { FragmentHold } from './fragment-memory.ts';

/**
 * What a stream says once, before its fragments: an MP4 initialisation segment (`ftyp` + `moov`, ISO/IEC 14496-12 and
 * 14496-15). Init segment and fragments put together in order are a file that plays.
 */
export interface InitSegment {
  /** Counts the streams of one camera: every connection, and every change of resolution or codec, begins a new one. */
  readonly stream: number;
  readonly codec: 'h264' | 'hevc';
  /** RFC 6381 name as a browser is asked for it: `avc1.64001f`, `hvc1.1.6.L93.B0`. */
  readonly mimeCodec: string;
  /** Of the coded picture, before any scaling. */
  readonly widthPx: number;
  readonly heightPx: number;
  readonly bytes: Uint8Array;
}

/**
 * One coded picture on its own: `moof` + `mdat`. Everyone gets the same object; nobody writes into `bytes`. They are lent
 * until `take` returns: whoever needs them longer holds their `memory`, or copies them. The rest may be kept.
 */
export interface Fragment {
  /** The stream (`InitSegment.stream`) it belongs to. */
  readonly stream: number;
  /** 0, 1, 2, … within its stream, without gaps. */
  readonly sequence: number;
  /** Decoding may begin here. */
  readonly key: boolean;
  /** `moof` + `mdat` as they came. */
  readonly bytes: Uint8Array;
  /** Null: `bytes` are nobody else's and may be kept as they are. */
  readonly memory: FragmentHold | null;
  /** Length of `bytes`. */
  readonly sizeBytes: number;
  /** Length of each coded picture in it without any box around it: one number, as we ask for a fragment a picture. */
  readonly sampleSizesBytes: readonly number[];
  /** Decode time since the stream began. Cameras send no B pictures as a rule, so it is the time of display too. */
  readonly mediaTimeMs: number;
  readonly durationMs: number;
  /** Media time plus the camera's offset (design section 3): never goes back within a stream; rough in its first two seconds. */
  readonly capturedAtMs: EpochMs;
}

/**
 * A user of a camera's fragments: gate, decoder, evidence ring, live view. Called in order, on the worker's thread, and
 * must return at once: what it cannot use now it keeps or drops itself. An exception ends the camera's connection.
 */
export interface FragmentSink {
  /** A stream begins. What came of an earlier one cannot be continued. */
  begin(init: InitSegment): void;
  take(fragment: Fragment): void;
  /** What was heard, where somebody asked for it; comes before or after the pictures of its time. */
  audio?(unit: AudioUnit): void;
  /** The stream has broken off or is over; the next call, if any, is `begin`. */
  end(): void;
  /** Whether each picture is wanted as it comes. While nobody hurries, they may come several at once, a fifth of a second late. */
  hurries?(): boolean;
}

/** Where users put themselves down. One who comes late gets `begin` at once when a stream is running, and then what is new. */
export interface FragmentSource {
  /** Returns how to leave; leaving calls nothing. */
  attach(sink: FragmentSink): () => void;
}
