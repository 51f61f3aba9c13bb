import type { Clock, EpochMs, Timer } from '../../lib/clock.ts';
import type { AudioUnit } from './audio-units.ts';
import type { Fragment, FragmentSink, InitSegment } from './fragment.ts';
import { assembleClip } from './ring-clip.ts';

export interface RingOptions {
  /** How far back the ring reaches. */
  readonly keepMs: number;
  /** Most that it holds. A clip that waits for its end may hold twice as much, part of which the ring holds too. */
  readonly maxBytes: number;
}

/** A piece of a camera's stream as a file that plays: MP4, not encoded anew. */
export interface Clip {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Capture time of its first picture, which is a key frame. */
  readonly startsAt: EpochMs;
  /** Capture time of the end of its last picture. */
  readonly endsAt: EpochMs;
  readonly mimeCodec: string;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** A key frame with everything that needs it, up to the next key frame. Grows while it is the newest. */
interface Gop {
  readonly init: InitSegment;
  readonly fragments: Fragment[];
  sizeBytes: number;
  /** The ring, and clips that wait for their end: with the last of them the memory goes. */
  holders: number;
}

/** A clip whose end has not been captured yet. It holds on to its GOPs, whatever the ring lets go. */
interface OpenClip {
  readonly toAt: EpochMs;
  readonly fromAt: EpochMs;
  readonly gops: Gop[];
  readonly settle: () => void;
}

/** Clips of one camera that wait for their end at the same time; each may hold as much as the ring. */
const maxOpenClips = 4;
/** How long after its end a clip is waited for, when the camera has fallen silent and nobody has noticed yet. */
const graceMs = 15_000;

export interface RingReport {
  readonly sizeBytes: number;
  readonly fragments: number;
  /** Capture time of the oldest and the newest picture; null while it is empty. */
  readonly oldestAt: EpochMs | null;
  readonly newestAt: EpochMs | null;
  /** GOPs let go because they alone, or the wanted time, did not fit into `maxBytes`. */
  readonly dropped: number;
}

/** The last moments of a camera's stream, in memory, as they came. */
export interface FragmentRing extends FragmentSink {
  /**
   * What was captured from `fromAt` to `toAt`, beginning with the last key frame before it. Waits until `toAt` has been
   * captured or the stream ends; answers less than asked where there is no more, and null where there is nothing.
   */
  clip(span: { readonly fromAt: EpochMs; readonly toAt: EpochMs }): Promise<Clip | null>;
  /** The newest key frame and all that came after it, lent: what somebody needs who looks in now. Null while there is none. */
  newest(): { readonly init: InitSegment; readonly fragments: readonly Fragment[] } | null;
  report(): RingReport;
  /** Settles every clip that is waited for with what there is. */
  close(): void;
}

/**
 * Whole GOPs only: half of one decodes to nothing. The oldest is let go when the next one reaches back far enough, or when
 * all of them are more than `maxBytes`; a GOP that alone is more is let go too, and the ring begins again with the next
 * key frame. A broken stream's GOPs stay until their time is over, but a clip never joins two streams.
 */
export function createFragmentRing({ keepMs, maxBytes }: RingOptions, clock: Clock): FragmentRing {
  const gops: Gop[] = [];
  const open = new Set<OpenClip>();
  let init: InitSegment | null = null;
  /** Set while the newest GOP can still grow. */
  let growing: Gop | null = null;
  let sizeBytes = 0;
  let dropped = 0;
  const heard: AudioUnit[] = [];

  const drop = (): void => {
    const gop = gops.shift();
    if (!gop) return;
    sizeBytes -= gop.sizeBytes;
    if (gop === growing) growing = null;
    letGo(gop);
    letGoUnheard();
  };
  const audioOf = (fromAt: EpochMs, toAt: EpochMs): readonly AudioUnit[] =>
    heard.filter(({ capturedAtMs }) => capturedAtMs >= fromAt && capturedAtMs < toAt);
  const letGoUnheard = (): void => {
    const oldestAt = gops[0] ? startOf(gops[0]) : Infinity;
    const first = heard.findIndex(({ capturedAtMs }) => capturedAtMs >= oldestAt);
    const gone = heard.splice(0, first < 0 ? heard.length : first);
    for (const { bytes } of gone) sizeBytes -= bytes.length;
  };
  const trim = (newestAt: EpochMs): void => {
    for (;;) {
      const [, second] = gops;
      if (sizeBytes > maxBytes) dropped += 1;
      else if (second === undefined || startOf(second) > newestAt - keepMs) return;
      drop();
    }
  };

  return {
    begin: (given) => {
      init = given;
      growing = null;
    },
    take: (fragment) => {
      if (!init) return;
      if (fragment.key) {
        growing = { init, fragments: [], sizeBytes: 0, holders: 1 };
        gops.push(growing);
        for (const clip of open) if (clip.gops.at(-1)?.init === init) clip.gops.push(hold(growing));
      }
      if (!growing) return;
      growing.fragments.push(fragment);
      fragment.memory?.hold();
      growing.sizeBytes += fragment.sizeBytes;
      sizeBytes += fragment.sizeBytes;
      for (const clip of open) {
        if (fragment.capturedAtMs + fragment.durationMs >= clip.toAt || sizeOf(clip.gops) > 2 * maxBytes) clip.settle();
      }
      trim(fragment.capturedAtMs);
    },
    audio: (unit) => {
      // Without a picture of its time nobody asks for it.
      if (gops.length === 0) return;
      heard.push(unit);
      sizeBytes += unit.bytes.length;
      trim(unit.capturedAtMs);
    },
    end: () => {
      init = null;
      growing = null;
      for (const clip of open) clip.settle();
    },
    clip: ({ fromAt, toAt }) => {
      const chosen = choose(gops, fromAt, toAt);
      const last = chosen.at(-1);
      const made = (): Clip | null => make(chosen, fromAt, toAt, audioOf);
      // Nothing more will come of it: it has its end, its stream is over, or there are too many that wait.
      if (!last || last !== growing || endOf(last) >= toAt || open.size >= maxOpenClips) return Promise.resolve(made());
      return new Promise((resolve) => {
        let timer: Timer = { cancel: () => undefined };
        const clip: OpenClip = {
          ...{ fromAt, toAt, gops: chosen },
          settle: () => {
            timer.cancel();
            if (!open.delete(clip)) return;
            resolve(made());
            for (const gop of chosen) letGo(gop);
          },
        };
        open.add(clip);
        for (const gop of chosen) hold(gop);
        timer = clock.after(Math.max(toAt - endOf(last), 0) + graceMs, clip.settle);
      });
    },
    newest: () => (growing ? { init: growing.init, fragments: growing.fragments } : null),
    report: () => ({
      sizeBytes,
      fragments: gops.reduce((sum, gop) => sum + gop.fragments.length, 0),
      oldestAt: gops[0] ? startOf(gops[0]) : null,
      newestAt: gops.at(-1)?.fragments.at(-1)?.capturedAtMs ?? null,
      dropped,
    }),
    close: () => {
      for (const clip of open) clip.settle();
    },
  };
}

const hold = (gop: Gop): Gop => {
  gop.holders += 1;
  return gop;
};
const letGo = (gop: Gop): void => {
  gop.holders -= 1;
  if (gop.holders === 0) for (const { memory } of gop.fragments) memory?.release();
};
const sizeOf = (gops: readonly Gop[]): number => gops.reduce((sum, gop) => sum + gop.sizeBytes, 0);
const startOf = (gop: Gop): EpochMs => gop.fragments[0]?.capturedAtMs ?? (0 as EpochMs);
const endOf = (gop: Gop): EpochMs => {
  const last = gop.fragments.at(-1);
  return (last ? last.capturedAtMs + last.durationMs : 0) as EpochMs;
};

/** The GOPs of one stream that hold the span; of several streams the one that holds most of it. */
function choose(gops: readonly Gop[], fromAt: EpochMs, toAt: EpochMs): Gop[] {
  const touching = gops.filter((gop) => endOf(gop) > fromAt && startOf(gop) < toAt);
  const coveredMs = new Map<InitSegment, number>();
  for (const gop of touching) {
    const within = Math.min(endOf(gop), toAt) - Math.max(startOf(gop), fromAt);
    coveredMs.set(gop.init, (coveredMs.get(gop.init) ?? 0) + within);
  }
  const best = [...coveredMs].sort(([, a], [, b]) => b - a)[0]?.[0];
  const chosen = touching.filter((gop) => gop.init === best);
  if (chosen.length > 0) return chosen;
  // Asked for what is only about to be captured.
  const newest = gops.at(-1);
  return newest && startOf(newest) < toAt ? [newest] : [];
}

function make(
  gops: readonly Gop[],
  fromAt: EpochMs,
  toAt: EpochMs,
  audioOf: (fromAt: EpochMs, toAt: EpochMs) => readonly AudioUnit[],
): Clip | null {
  // Several key frames may have gone by since it was asked for; begin with the last one that is early enough.
  const first = Math.max(
    gops.findLastIndex((gop) => startOf(gop) <= fromAt),
    0,
  );
  const fragments = gops
    .slice(first)
    .flatMap((gop) => gop.fragments)
    .filter((fragment) => fragment.capturedAtMs < toAt);
  const [head] = fragments;
  const last = fragments.at(-1);
  const init = gops[0]?.init;
  if (!head || !last || !init) return null;
  const endsAt = (last.capturedAtMs + last.durationMs) as EpochMs;
  return {
    bytes: assembleClip(init.bytes, fragments, audioOf(head.capturedAtMs, endsAt)),
    startsAt: head.capturedAtMs,
    endsAt,
    mimeCodec: init.mimeCodec,
    widthPx: init.widthPx,
    heightPx: init.heightPx,
  };
}
