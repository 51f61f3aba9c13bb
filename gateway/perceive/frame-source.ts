import type { CameraId } from '../domain/ids.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import type { FragmentSource } from './camera/fragment.ts';

/**
 * One decoded picture. `rgb` belongs to the source and is used again for the next frame: whoever keeps pixels beyond
 * the current turn of the `for await` loop copies them.
 */
export interface Frame {
  readonly widthPx: number;
  readonly heightPx: number;
  /** RGB24, row by row, 3 × widthPx × heightPx bytes. */
  readonly rgb: Uint8Array;
  /** Capture time: media time plus the camera's offset (design section 3). For a file: start of the file plus media time. */
  readonly capturedAt: EpochMs;
  /** Milliseconds since the stream's or file's first frame. */
  readonly mediaMs: number;
}

/**
 * Where frames come from. Newest wins: a live source holds at most one undelivered frame and counts what it replaced;
 * a file source waits for its reader and drops nothing.
 */
export interface FrameSource {
  /** Yields until the signal aborts or a file ends. A live source reconnects by itself and never ends otherwise. Throws GatewayError `video.unreadable` for a file that cannot be decoded. */
  frames(signal: AbortSignal): AsyncIterable<Frame>;
  /** Frames that were replaced in the slot before anyone took them. */
  dropped(): number;
  /** The stream as it came, for the evidence ring and the live view; absent where there are only pictures. */
  readonly fragments?: FragmentSource;
}

/** What a live source tells about its link while `frames` runs. `reason` is one line without secrets. */
export type SourceStatus =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly widthPx: number; readonly heightPx: number }
  /** Connected, but no frame for a while. */
  | { readonly kind: 'silent'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** What a worker asks of a live camera's source. */
export interface LiveSourceRequest {
  readonly id: CameraId;
  /** `rtsp://…`, `rtsps://…`, `http(s)://…`, or `file:///…` played once in real time. May hold credentials: never logged, never in a child's argument list. */
  readonly url: string;
  /** Frames a second wanted; the decoder may be told to skip the rest. */
  readonly framesPerSecond: number;
  /** Frames wider than this are scaled down by the decoder, keeping the shape. */
  readonly maxWidthPx: number;
  /** No frame for this long: `silent`. */
  readonly silentAfterMs: number;
  readonly clock: Clock;
  readonly onStatus: (status: SourceStatus) => void;
}

/** What a worker asks of a video file: every frame at this rate, as fast as the reader takes them. */
export interface FileSourceRequest {
  readonly path: string;
  readonly framesPerSecond: number;
  readonly maxWidthPx: number;
}

/** The camera folder's door, as the worker calls it: `camera/index.ts` exports both. */
export type OpenLiveSource = (request: LiveSourceRequest) => FrameSource;
export type OpenFileSource = (request: FileSourceRequest) => FrameSource;
