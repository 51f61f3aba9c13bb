import type { BoxPx, CornersPx, PlateColor, PlateKind, RejectReason } from '../domain/plate.ts';
import type { ViewChange } from './view-watch.ts';
import type { ZoneChange } from './zone-visits.ts';

/** One plate as `kanmen inspect --json` prints it (interfaces.md). */
export interface InspectedPlate {
  readonly text: string;
  readonly accepted: boolean;
  readonly confidence: number;
  readonly characters: readonly number[];
  readonly kind: PlateKind;
  readonly color: PlateColor;
  readonly box: BoxPx;
  readonly corners: CornersPx;
}

/** One passage of a video. Times are milliseconds from the video's beginning. */
export interface InspectedPassage {
  readonly text: string | null;
  readonly accepted: boolean;
  readonly confidence: number;
  readonly kind: PlateKind | null;
  readonly color: PlateColor | null;
  readonly direction: 'in' | 'out' | 'unknown';
  readonly startMs: number;
  readonly endMs: number;
  readonly readAtMs: number;
  readonly box: BoxPx;
}

/** What was seen in a video. Times in ms are from its beginning. */
export interface InspectedVideo {
  /** When it began, RFC 3339. */
  readonly startsAt: string;
  /** How that is known: it was said, the file's creation_time, or the file's last change less its length. */
  readonly startsFrom: 'option' | 'file' | 'modified';
  readonly passages: readonly InspectedPassage[];
  readonly persons: number;
  /** What came to stand in the camera's watched zones, and left them. */
  readonly zones: readonly {
    readonly zone: string;
    readonly use: ZoneChange['use'];
    readonly change: ZoneChange['change'];
    readonly subject: ZoneChange['subject'];
    readonly text: string | null;
    readonly atMs: number;
    readonly seconds: number | null;
  }[];
  /** When the camera saw nothing, and saw again. */
  readonly views: readonly {
    readonly change: ViewChange['change'];
    readonly atMs: number;
    readonly reason: string | null;
  }[];
}

/** One line of `kanmen inspect --json`: a picture, a video, or what was wrong with the file. Printed as it is. */
export type InspectLine =
  | {
      readonly file: string;
      readonly plates: readonly InspectedPlate[];
      readonly faces: readonly { readonly box: BoxPx; readonly confidence: number }[];
      readonly rejected: readonly { readonly reason: RejectReason; readonly box: BoxPx }[];
      readonly timings_ms: {
        readonly decode: number;
        readonly detect: number;
        readonly read: number;
        readonly total: number;
      };
    }
  | ({ readonly file: string } & InspectedVideo)
  | { readonly file: string; readonly error: { readonly code: string; readonly message: string } };
