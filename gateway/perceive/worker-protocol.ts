import type { CameraId } from '../domain/ids.ts';
import type { BoxPx, PlateReading, RejectReason } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { DecodingReport } from './camera/decoding-way.ts';
import type { FileStart } from './camera/file-start.ts';
import type { InitSegment } from './camera/fragment.ts';
import type { LiveFragment } from './camera/ring-outlet.ts';
import type { Clip, RingOptions } from './camera/ring.ts';
import type { LiveSourceReport, SourceStatus } from './frame-source.ts';
import type { InspectLine } from './inspect-line.ts';
import type { SeenNow } from './live/live-hub.ts';
import type { CameraOptions, PerceptionOptions } from './options.ts';
import type { ViewChange } from './view-watch.ts';
import type { ZoneChange } from './zone-visits.ts';

/** One vehicle or person through one gate, as the camera's worker saw it: one for each visit. */
export interface PassageCandidate {
  readonly camera: CameraId;
  readonly subject: 'vehicle' | 'person';
  readonly direction: 'in' | 'out' | 'unknown';
  readonly startedAt: EpochMs;
  readonly endedAt: EpochMs;
  /** Capture time of the evidence frame: for a vehicle the very frame whose read speaks for it. */
  readonly readAt: EpochMs;
  readonly plate: PlateReading | null;
  /** Of the plate or face in the evidence frame. */
  readonly box: BoxPx;
  /** 0..1, of a person's face in the evidence frame: size, sharpness and pose. Null for a vehicle. */
  readonly faceQualityRatio: number | null;
}

/** Pictures that go with a passage. */
export interface PassageJpegs {
  /** The whole evidence frame, at most 200 kB. */
  readonly frame: Uint8Array;
  /** The plate, or the face of a person. */
  readonly crop: Uint8Array;
  /** Faces in the evidence frame, in its pixels: to be blurred for those who may not see them. */
  readonly faces: readonly BoxPx[];
  readonly widthPx: number;
  readonly heightPx: number;
}

/** The newest frame of a camera, for an alert's evidence. */
export interface Snapshot {
  readonly jpeg: Uint8Array;
  readonly capturedAt: EpochMs;
  readonly faces: readonly BoxPx[];
}

/** What a worker has counted of one camera since it started. */
export interface CameraCounters {
  readonly frames: number;
  readonly framesDropped: number;
  /** Frames in which something moved, so that detectors ran. */
  readonly framesLookedAt: number;
  readonly platesRead: number;
  readonly passages: number;
  readonly rejected: Readonly<Record<RejectReason, number>>;
  /** What stands in a watched zone now, and since when. */
  readonly standing: readonly { readonly zone: string; readonly since: EpochMs }[];
  /** Milliseconds the camera's worker waited for passages to be taken. */
  readonly waitedMs: number;
  readonly stream: StreamCounters;
}

/** What is known of a camera's stream before anything is decoded. */
export interface StreamCounters extends LiveSourceReport {
  /** Over the last 10 s. */
  readonly bitsPerSecond: number;
  readonly decodedWith: DecodingReport['with'];
}

export interface WorkerSettings {
  readonly modelsDir: string;
  readonly useModels: readonly string[];
  readonly threads: number;
  /** Decoders of this thread's cameras at work at once. */
  readonly decoders: number;
  readonly perception: PerceptionOptions;
  /** Of each camera's ring of fragments. */
  readonly ring: RingOptions;
  /** IANA zone of the site. */
  readonly timeZone: string;
  /** Unlike any other run's. */
  readonly runName: string;
  /** As whose pictures files are looked at that `inspect` is given. */
  readonly inspectAs: CameraOptions;
}

export type ToWorker =
  | { readonly kind: 'start-camera'; readonly camera: CameraOptions }
  | { readonly kind: 'snapshot'; readonly request: number; readonly camera: CameraId }
  | {
      readonly kind: 'clip';
      readonly request: number;
      readonly camera: CameraId;
      readonly fromAt: EpochMs;
      readonly toAt: EpochMs;
    }
  /** Somebody watches the camera, or nobody any more. */
  | { readonly kind: 'watch'; readonly camera: CameraId; readonly on: boolean }
  | { readonly kind: 'inspect'; readonly request: number; readonly file: string; readonly crop: boolean }
  /** The passage of that number is stored or refused: the camera may send the next. */
  | { readonly kind: 'passage-taken'; readonly number: number }
  | { readonly kind: 'stop' };

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'camera'; readonly camera: CameraId; readonly status: SourceStatus }
  /** The camera sees nothing any more, or sees again. */
  | { readonly kind: 'view'; readonly camera: CameraId; readonly change: ViewChange }
  /** Something came to stand in a zone, or left it. */
  | { readonly kind: 'zone'; readonly camera: CameraId; readonly change: ZoneChange }
  /** A file camera begins: when its first picture was taken. */
  | { readonly kind: 'file-start'; readonly camera: CameraId; readonly start: FileStart }
  /** What this thread decodes with; again when that changes. */
  | { readonly kind: 'decoding'; readonly report: DecodingReport }
  | { readonly kind: 'counted'; readonly camera: CameraId; readonly counters: CameraCounters }
  | {
      readonly kind: 'passage';
      readonly number: number;
      readonly passage: PassageCandidate;
      readonly jpegs: PassageJpegs;
    }
  | { readonly kind: 'snapshot'; readonly request: number; readonly snapshot: Snapshot | null }
  | { readonly kind: 'clip'; readonly request: number; readonly clip: Clip | null }
  | { readonly kind: 'live-begin'; readonly camera: CameraId; readonly init: InitSegment }
  | { readonly kind: 'live-fragment'; readonly camera: CameraId; readonly fragment: LiveFragment }
  | { readonly kind: 'live-end'; readonly camera: CameraId }
  | { readonly kind: 'live-seen'; readonly camera: CameraId; readonly seen: SeenNow }
  | { readonly kind: 'inspected'; readonly request: number; readonly line: InspectLine }
  | { readonly kind: 'stopped' };
