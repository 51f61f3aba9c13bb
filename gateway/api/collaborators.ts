import type {
  Alert,
  AlertTransition,
  Delivery,
  DeliveryState,
  EvidenceRef,
  Feedback,
  Notice,
} from '../domain/alert.ts';
import type { Commit } from '../domain/change.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { Device, DeviceStatus } from '../domain/device.ts';
import type { CameraCause, ChargingSession, PassageEvent } from '../domain/event.ts';
import type { AlertId, AreaId, CameraId, DeviceKey, EvidenceId } from '../domain/ids.ts';
import type { BoxPx } from '../domain/plate.ts';
import type { Places } from '../domain/place.ts';
import type { BacktestReport, RuleFault, RuleInfo, RulesReload } from '../domain/rule-report.ts';
import type { Tier } from '../domain/tier.ts';
import type { Role, User, WebSession } from '../domain/user.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { WireReport } from '../lib/wire.ts';
import type { ApiDeliveries } from './deliveries.ts';
import type { ApiFollowUp } from './follow-up.ts';
import type { LiveFeed } from './live-feed.ts';
import type { ApiOptions } from './options.ts';
import type { VideoFeed } from './video-feed.ts';

/** A read may answer at once or later. */
export type Awaitable<T> = T | Promise<T>;

/** Keyset position: rows that come strictly after this one in the list's order (newest first). */
export interface Cursor {
  readonly at: EpochMs;
  readonly id: string;
}

interface PageQuery {
  /** Null for the newest. */
  readonly before: Cursor | null;
  /** 1..201; the API asks for one more than it shows, to know whether there are more. */
  readonly limit: number;
}

/** Passages by (at, id), newest first. */
export interface PassageQuery extends PageQuery {
  readonly camera: CameraId | null;
  readonly subject: 'vehicle' | 'person' | null;
  readonly direction: 'in' | 'out' | 'unknown' | null;
  /** Part of a plate; the caller upper-cases it. */
  readonly plate: string | null;
  readonly from: EpochMs | null;
  readonly to: EpochMs | null;
}

/** Charging sessions by (startedAt, id), newest first. */
export interface SessionQuery extends PageQuery {
  readonly device: DeviceKey | null;
  readonly area: AreaId | null;
  readonly state: 'running' | 'ended' | null;
  readonly from: EpochMs | null;
  readonly to: EpochMs | null;
}

/** Alerts by (raisedAt, id), newest first. */
export interface AlertQuery extends PageQuery {
  readonly state: 'open' | 'ended' | null;
  readonly tier: Tier | null;
  readonly kind: string | null;
  readonly area: AreaId | null;
}

/** A message that could not be understood, by (at, id), newest first. */
export interface QuarantinedMessage {
  readonly id: string;
  readonly device: DeviceKey;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly reason: string;
  readonly at: EpochMs;
}
export interface QuarantineQuery extends PageQuery {
  readonly device: DeviceKey | null;
}

export interface DeliveryCounts {
  readonly byState: Readonly<Record<DeliveryState, number>>;
  /** When the oldest one that still waits was created; null where none waits. */
  readonly oldestPendingAt: EpochMs | null;
}

/** What the API reads of the store. */
export interface ApiReads {
  passages(query: PassageQuery): Awaitable<readonly PassageEvent[]>;
  sessions(query: SessionQuery): Awaitable<readonly ChargingSession[]>;
  alerts(query: AlertQuery): Awaitable<readonly Alert[]>;
  alert(id: AlertId): Awaitable<Alert | undefined>;
  transitions(id: AlertId): Awaitable<readonly AlertTransition[]>;
  feedback(id: AlertId): Awaitable<readonly (Feedback & { readonly receivedAt: EpochMs })[]>;
  notices(id: AlertId): Awaitable<readonly Notice[]>;
  deliveries(id: AlertId): Awaitable<readonly Delivery[]>;
  /** Clips that were kept for an alert; its pictures stand in the alert itself. */
  clipsOf(id: AlertId): Awaitable<readonly EvidenceRef[]>;
  deliveryCounts(): Awaitable<DeliveryCounts>;
  devices(): Awaitable<readonly Device[]>;
  deviceStatuses(): Awaitable<readonly DeviceStatus[]>;
  quarantine(query: QuarantineQuery): Awaitable<readonly QuarantinedMessage[]>;
  user(name: string): Awaitable<User | undefined>;
  webSession(tokenSha256: string): Awaitable<WebSession | undefined>;
}

/** One camera as configured, and how it does. */
export interface CameraReport {
  readonly id: CameraId;
  readonly name: string;
  readonly area: AreaId | null;
  readonly direction: 'in' | 'out' | 'both' | null;
  /** `ended`: a video file that has been played. */
  readonly state: 'connecting' | 'connected' | 'silent' | 'failed' | 'ended';
  /** Why it is not connected; words for it are the page's. */
  readonly cause: CameraCause | null;
  /** More of it, in one line of English without secrets. */
  readonly reason: string | null;
  readonly lastFrameAt: EpochMs | null;
  readonly passages: number;
  /** Reads that did not become a plate, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  readonly stream: {
    readonly bitsPerSecond: number;
    readonly pictures: number;
    readonly packetsLost: number;
    readonly picturesLost: number;
    readonly lastKeyAt: EpochMs | null;
    readonly gate: 'open' | 'closed';
    /** Null before anything was seen. */
    readonly gateOpenRatio: number | null;
    readonly decodingMs: number;
    readonly decodedWith: string;
    readonly framesDropped: number;
    readonly gopsDropped: number;
    readonly reconnects: number;
    /** Parts per million that its clock runs faster than ours; null for the first two minutes. */
    readonly driftPpm: number | null;
  };
  /** Since when its pictures show nothing any more, and why; null or absent while it sees. */
  readonly blind?: {
    readonly since: EpochMs;
    readonly kind: 'dark' | 'covered' | 'blurred' | 'turned' | null;
    readonly reason: string | null;
  } | null;
  /** Drawn in its picture; absent: none. */
  readonly zones?: readonly CameraZone[];
}

/** A zone in a camera's picture. */
export interface CameraZone {
  readonly id: string;
  readonly name: string;
  /** `reading`, `ignore`, or what it is watched for. */
  readonly use: string;
  /** Corners as shares of the picture from its top left. */
  readonly points: readonly (readonly [number, number])[];
  /** Since when something stands in it; null where nothing does. */
  readonly occupiedSince: EpochMs | null;
}

export interface HealthReport {
  /** `unhealthy`: alarms may not get through (answers 503). `degraded`: something is wrong, alarms get through. */
  readonly status: 'ok' | 'degraded' | 'unhealthy';
  readonly wires: readonly WireReport[];
  readonly parts: readonly HealthPart[];
  /** Ways to recipients that are tried end to end; absent: none are. */
  readonly canary?: { readonly working: number; readonly broken: number; readonly unknown: number };
}
export interface HealthPart {
  readonly name: string;
  readonly status: 'ok' | 'degraded' | 'unhealthy';
  /** What a person should know, in one line without secrets; null where all is well. */
  readonly note: string | null;
}

/** How full the disk is. */
export interface DiskReport {
  readonly freeBytes: number | null;
  readonly totalBytes: number | null;
  readonly state: 'ok' | 'low' | 'full';
  /** What is not taken any more, the least worth first. */
  readonly refused: readonly ('clips' | 'pictures' | 'passages' | 'readings')[];
}

export type Verification =
  | { readonly kind: 'ok'; readonly user: { readonly name: string; readonly role: Role } }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'too-many-tries'; readonly retryAfterMs: number };

/** Checks passwords, and slows down those who guess. */
export interface UserVerifier {
  verify(name: string, password: string, address: string): Promise<Verification>;
}

/** A clip, to be given out whole or in part. */
export interface OpenedClip {
  readonly contentType: string;
  readonly sizeBytes: number;
  /** Bytes `first` to `last`, both included. */
  read(range: { readonly first: number; readonly last: number }): AsyncIterable<Uint8Array>;
}

/** Opens a piece of evidence. Throws `evidence.missing` or `evidence.damaged`. */
export interface EvidenceReader {
  /** What kind of thing it is; undefined where there is none. */
  kindOf(id: EvidenceId): Awaitable<'picture' | 'clip' | undefined>;
  open(
    id: EvidenceId,
    options: { readonly unblurred: boolean },
  ): Promise<{ readonly contentType: string; readonly bytes: Uint8Array }>;
  openClip(id: EvidenceId): Promise<OpenedClip>;
}

export type SharedLinkFault = 'forged' | 'expired' | 'other-recipient' | 'unknown-recipient' | 'no-legal-basis';

/** Links to evidence that were signed for recipients. */
export interface SharedLinks {
  check(
    asked: {
      readonly id: string;
      readonly to: string;
      readonly until: number;
      readonly form: 'blurred' | 'as-seen';
      readonly sig: string;
    },
    nowMs: number,
  ):
    | {
        readonly kind: 'good';
        readonly link: { readonly recipient: string; readonly form: 'blurred' | 'as-seen' };
        readonly legalBasis: string | null;
      }
    | { readonly kind: 'refused'; readonly fault: SharedLinkFault };
  /** Counts and audits what was refused. */
  refused(fault: SharedLinkFault, from: string, subject: string): void;
}

/** A camera's stream begins: what a browser needs before the first picture. */
export interface VideoInit {
  /** RFC 6381, as `MediaSource.isTypeSupported` is asked. */
  readonly mimeCodec: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly bytes: Uint8Array;
}
export interface VideoFragment {
  readonly key: boolean;
  readonly bytes: Uint8Array;
  readonly mediaTimeMs: number;
  readonly capturedAtMs: EpochMs;
}
/** Where plates and faces stand in a picture of this size. */
export interface VideoSeen {
  readonly capturedAt: EpochMs;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly plates: readonly { readonly box: BoxPx; readonly text: string; readonly accepted: boolean }[];
  readonly faces: readonly BoxPx[];
}
export interface VideoListener {
  begin(init: VideoInit): void;
  take(fragment: VideoFragment): void;
  end(): void;
  seen(now: VideoSeen): void;
}
export interface Mpeg1Listener {
  take(chunk: { readonly key: boolean; readonly bytes: Uint8Array }): void;
  seen(now: VideoSeen): void;
}

/** Cameras' streams while somebody watches them. */
export interface VideoSource {
  /** Begins with the newest key frame; returns how to leave. */
  watch(camera: CameraId, listener: VideoListener): () => void;
  /** Transcoded for JSMpeg; null when too many cameras are being transcoded already. */
  watchMpeg1(camera: CameraId, listener: Mpeg1Listener): (() => void) | null;
}

/** The rules of the running gateway. */
export interface ApiRules {
  list(): readonly RuleInfo[];
  status(): {
    readonly version: string;
    readonly loadedAt: EpochMs;
    readonly refused: readonly RuleFault[];
  };
  /** Whole or not at all. */
  reload(): RulesReload;
  /** Throws `rules.invalid`, `rules.backtest-failed`. */
  backtest(request: {
    readonly since: string;
    readonly rule?: string | undefined;
    readonly only?: readonly string[] | undefined;
  }): Promise<BacktestReport>;
}

/** The ways out, taken from the configuration anew. */
export interface ApiWaysOut {
  /**
   * Whole or not at all; `newKeys`: channels whose secret has changed. Throws `config.invalid`, `config.secret-missing`.
   * Answers ids of channels.
   */
  reload(newKeys: readonly string[]): Promise<{
    readonly added: readonly string[];
    readonly renewed: readonly string[];
    readonly removed: readonly string[];
  }>;
}

export interface ApiCollaborators {
  readonly options: ApiOptions;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly version: string;
  readonly places: Places;
  readonly recipients: readonly Recipient[];
  readonly reads: ApiReads;
  readonly commit: Commit;
  readonly users: UserVerifier;
  /** Takes an answer; resolves when it is stored. Throws `alert.unknown` or `alert.not-allowed`. */
  readonly answer: (feedback: Feedback) => Promise<void>;
  /** Figures, people and what alerts wait for; absent in tests that look at none of it. */
  readonly followUp?: ApiFollowUp;
  /** Absent in tests that look at none of it. */
  readonly deliveries?: ApiDeliveries;
  readonly evidence: EvidenceReader;
  /** Absent: no link is good. */
  readonly shared?: SharedLinks;
  /** Absent where the configuration cannot be read anew (tests). */
  readonly waysOut?: ApiWaysOut;
  /** Absent where no rules run (tests). */
  readonly rules?: ApiRules;
  readonly cameras: () => readonly CameraReport[];
  readonly health: () => HealthReport;
  /** Free space, and what is refused for want of it; absent where nobody looks (tests). */
  readonly disk?: () => DiskReport;
  readonly live: LiveFeed;
  readonly video: VideoFeed;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Lets the CLI of the same machine in; null turns that off. At least 32 characters. */
  readonly controlToken: string | null;
  /** Contents of `metricsTokenFile`, read by the composition; null where not configured. */
  readonly metricsToken: string | null;
  /** Folder of the built dashboard; null serves the API alone. */
  readonly dashboardDir: string | null;
}
