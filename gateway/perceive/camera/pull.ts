import type { FragmentSink } from './fragment.ts';

/** Why a pull has ended. */
export interface PullEnd {
  readonly kind:
    | 'stopped'
    /** A file is over, or the other side has closed. */
    | 'ended'
    | 'wrong-password'
    | 'unreachable'
    /** The camera works, but not like this: no track that can be copied, or an answer that we cannot use. */
    | 'unsupported'
    | 'failed';
  /** One line without secrets. */
  readonly reason: string;
}

/** What a pull has counted since it began. */
export interface PullCounts {
  /** Bytes of fragments. */
  readonly bytes: number;
  readonly fragments: number;
  readonly keyFrames: number;
  /** RTP packets that never came. */
  readonly packetsLost: number;
  /** Pictures let go because something before or in them was missing. */
  readonly picturesLost: number;
}

export const noPullCounts: PullCounts = { bytes: 0, fragments: 0, keyFrames: 0, packetsLost: 0, picturesLost: 0 };

/** One connection to a camera, or one reading of a file, from its beginning to its end. */
export interface Pull {
  /** Settles when everything of it has ended. */
  readonly ended: Promise<PullEnd>;
  stop(): void;
  counts(): PullCounts;
  /** How much faster the camera's clock runs than ours; null while it is not known. */
  driftPpm(): number | null;
  /** Reads no more until `resume`. A live camera is never held up: what it sends now is lost otherwise. */
  pause(): void;
  resume(): void;
}

export interface PullRequest {
  readonly sink: FragmentSink;
  /** Number for the camera's next stream. */
  readonly nextStream: () => number;
}

/** Counts what goes to a sink. */
export function countFragments(sink: FragmentSink): {
  readonly sink: FragmentSink;
  counts(): Pick<PullCounts, 'bytes' | 'fragments' | 'keyFrames'>;
} {
  let bytes = 0;
  let fragments = 0;
  let keyFrames = 0;
  return {
    sink: {
      begin: (init) => sink.begin(init),
      take: (fragment) => {
        bytes += fragment.sizeBytes;
        fragments += 1;
        if (fragment.key) keyFrames += 1;
        sink.take(fragment);
      },
      audio: (unit) => sink.audio?.(unit),
      end: () => sink.end(),
    },
    counts: () => ({ bytes, fragments, keyFrames }),
  };
}
