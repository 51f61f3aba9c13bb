import type { CameraCause } from '../domain/event.ts';
import type { CameraId } from '../domain/ids.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import type { EyeReport } from './camera/eye-report.ts';
import type { FileStart } from './camera/file-start.ts';
import type { FragmentSource } from './camera/fragment.ts';
import type { OnStill } from './camera/key-frame-net.ts';
import type { MotionGate } from './camera/motion-gate.ts';
import type { PullCounts } from './camera/pull.ts';
import type { CameraShared } from './camera/shared.ts';
import type { Pixels, YuvPicture } from './picture.ts';

/**
 * One decoded picture. Its pixels belong to the source and are used again for the next frame: whoever keeps them beyond
 * the current turn of the `for await` loop copies them.
 */
export type Frame = Pixels & FrameTimes;

/** A frame as cameras and video files give it. */
export type VideoFrame = YuvPicture & FrameTimes;

export interface FrameTimes {
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
  frames(signal: AbortSignal): AsyncIterable<VideoFrame>;
  /** Frames that were replaced in the slot before anyone took them. */
  dropped(): number;
  /** The stream as it came, for the evidence ring and the live view; absent where there are only pictures. */
  readonly fragments?: FragmentSource;
}

/** A live camera: frames while there is something to see, and its stream all the time. */
export interface LiveSource extends FrameSource {
  readonly fragments: FragmentSource;
  /** Capture time up to which the camera was watched and nothing moved; null while it does, or while there is no stream. */
  quietAt(): EpochMs | null;
  /** Gives frames for at least so long although nothing moves, the newest key frame first. */
  wake(forMs: number): void;
  report(): LiveSourceReport;
}

/** A video file: frames as fast as they are taken, and its stream. */
export interface FileSource extends FrameSource {
  readonly fragments: FragmentSource;
  /** Capture time up to which it has been read; null before its first picture. */
  seenUntil(): EpochMs | null;
  report(): LiveSourceReport;
}

/** What a live source has counted since it was opened. */
export interface LiveSourceReport extends PullCounts, EyeReport {
  readonly connections: number;
  /** How much faster the camera's clock runs than ours, in parts per million; null while it is not known. */
  readonly driftPpm: number | null;
}

/** What a live source tells about its link while `frames` runs. `reason` is one line without secrets. */
export type SourceStatus =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly widthPx: number; readonly heightPx: number }
  /** The camera has changed the size of its pictures, and goes on. */
  | { readonly kind: 'resized'; readonly widthPx: number; readonly heightPx: number }
  /** Connected, but no frame for a while. */
  | { readonly kind: 'silent'; readonly cause: CameraCause; readonly reason: string }
  | { readonly kind: 'failed'; readonly cause: CameraCause; readonly reason: string }
  /** A file that has been played to its end. */
  | { readonly kind: 'ended'; readonly reason: string };

/** What a worker asks of a live camera's source. */
export interface LiveSourceRequest {
  readonly id: CameraId;
  /** `rtsp://…`, `rtsps://…` or `http(s)://…`. May hold credentials: never logged, never in a child's argument list. */
  readonly url: string;
  /** Frames a second wanted; the decoder may be told to skip the rest. */
  readonly framesPerSecond: number;
  /** Frames wider than this are scaled down by the decoder, keeping the shape. */
  readonly maxWidthPx: number;
  /** No frame for this long: `silent`. */
  readonly silentAfterMs: number;
  /** TCP unless the address says `?transport=udp`. */
  readonly transport: 'tcp' | 'udp';
  /** Whether the camera's audio is taken too, for clips. Default: no. */
  readonly audio?: boolean;
  readonly gate: MotionGate;
  /** How often a key frame is looked at while the gate is closed. */
  readonly lookEveryMs: number;
  readonly shared: CameraShared;
  readonly clock: Clock;
  readonly onStatus: (status: SourceStatus) => void;
  /** Told of every key frame looked at while nothing moves. */
  readonly onStill?: OnStill;
}

/** What a worker asks of a video file: every frame at this rate, as fast as the reader takes them. */
export interface FileSourceRequest {
  readonly path: string;
  readonly framesPerSecond: number;
  readonly maxWidthPx: number;
  readonly gate: MotionGate;
  readonly lookEveryMs: number;
  /** When its first picture was taken; absent: as `readFileStart` finds out. */
  readonly startsAt?: EpochMs | null;
  /** Told once, before the first frame. */
  readonly onStart?: (start: FileStart) => void;
  readonly onSize?: (size: { readonly widthPx: number; readonly heightPx: number }) => void;
  readonly onStill?: OnStill;
}

/** The camera folder's door, as the worker calls it: `camera/index.ts` exports both. */
export type OpenLiveSource = (request: LiveSourceRequest) => LiveSource;
export type OpenFileSource = (request: FileSourceRequest) => FileSource;
