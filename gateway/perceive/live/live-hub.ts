import type { CameraId } from '../../domain/ids.ts';
import type { BoxPx } from '../../domain/plate.ts';
import type { EpochMs } from '../../lib/clock.ts';
import type { InitSegment } from '../camera/fragment.ts';
import type { LiveFragment } from '../camera/ring-outlet.ts';

/** What perception saw in one picture, for those who watch it. */
export interface SeenNow {
  readonly capturedAt: EpochMs;
  /** Of the picture that the boxes are measured in. */
  readonly widthPx: number;
  readonly heightPx: number;
  readonly plates: readonly { readonly box: BoxPx; readonly text: string; readonly accepted: boolean }[];
  readonly faces: readonly BoxPx[];
}

/** Somebody who watches one camera. Called in order; must return at once, and drops by itself what it cannot use. */
export interface LiveListener {
  begin(init: InitSegment): void;
  take(fragment: LiveFragment): void;
  /** The stream has broken off; the next call, if any, is `begin`. */
  end(): void;
  seen(now: SeenNow): void;
}

/** Cameras' streams on the main thread, while and only while somebody watches them. */
export interface LiveHub {
  /** Begins with the newest key frame that is known. Returns how to leave. */
  watch(camera: CameraId, listener: LiveListener): () => void;
  watchers(camera: CameraId): number;
}

/** A new viewer is served from memory up to this; what is longer (a "smart" codec) makes him wait for a key frame. */
const maxGopBytes = 8_000_000;

interface Watched {
  readonly listeners: Set<LiveListener>;
  init: InitSegment | null;
  /** The newest key frame and what came after it; null while it has not come or has become too long. */
  gop: LiveFragment[] | null;
  gopBytes: number;
}

/**
 * One pull, many viewers. `onWatched` is told when a camera's first viewer comes and when its last has left; its worker
 * sends nothing otherwise.
 */
export function createLiveHub(onWatched: (camera: CameraId, watched: boolean) => void) {
  const cameras = new Map<CameraId, Watched>();
  const forget = (watched: Watched): void => {
    watched.gop = null;
    watched.gopBytes = 0;
  };
  const hub: LiveHub = {
    watch: (camera, listener) => {
      const known = cameras.get(camera);
      const watched: Watched = known ?? { listeners: new Set(), init: null, gop: null, gopBytes: 0 };
      watched.listeners.add(listener);
      if (known) {
        if (watched.init) listener.begin(watched.init);
        for (const fragment of watched.gop ?? []) listener.take(fragment);
      } else {
        cameras.set(camera, watched);
        onWatched(camera, true);
      }
      return () => {
        if (!watched.listeners.delete(listener) || watched.listeners.size > 0) return;
        cameras.delete(camera);
        onWatched(camera, false);
      };
    },
    watchers: (camera) => cameras.get(camera)?.listeners.size ?? 0,
  };
  return {
    ...hub,
    /** Cameras that somebody watches: to be told to a worker that has started anew. */
    watched: (): CameraId[] => [...cameras.keys()],
    begin: (camera: CameraId, init: InitSegment): void => {
      const watched = cameras.get(camera);
      if (!watched) return;
      watched.init = init;
      forget(watched);
      for (const listener of watched.listeners) listener.begin(init);
    },
    take: (camera: CameraId, fragment: LiveFragment): void => {
      const watched = cameras.get(camera);
      // What was on its way when the last viewer left, or before the first key frame.
      if (!watched?.init) return;
      if (fragment.key) {
        watched.gop = [];
        watched.gopBytes = 0;
      }
      watched.gopBytes += fragment.bytes.length;
      if (watched.gopBytes > maxGopBytes) forget(watched);
      watched.gop?.push(fragment);
      for (const listener of watched.listeners) listener.take(fragment);
    },
    end: (camera: CameraId): void => {
      const watched = cameras.get(camera);
      if (!watched) return;
      watched.init = null;
      forget(watched);
      for (const listener of watched.listeners) listener.end();
    },
    seen: (camera: CameraId, now: SeenNow): void => {
      for (const listener of cameras.get(camera)?.listeners ?? []) listener.seen(now);
    },
  };
}
