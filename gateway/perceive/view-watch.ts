import type { EpochMs } from '../lib/clock.ts';
import type { Picture } from './picture.ts';
import { readSmallView, type SmallView } from './small-view.ts';
import { createViewMemory, detailOf, edgesOf, type Edges, type ViewMemory } from './view-match.ts';

/** A camera sees nothing any more, or sees again. `at` is when that became certain. */
export interface ViewChange {
  readonly change: 'blind' | 'seeing';
  readonly at: EpochMs;
  /** What is wrong; null for `seeing`. */
  readonly kind: Blindness | null;
  /** The same in one line; null for `seeing`. */
  readonly reason: string | null;
}

/** What is wrong with a view. `turned`: another view, or something large stands before the camera. */
export type Blindness = 'dark' | 'covered' | 'blurred' | 'turned';

export interface ViewWatchOptions {
  /** Blind for this long counts; a lorry before the lens is gone by then. */
  readonly blindAfterMs: number;
  /** Whether it is day where the camera stands. A dark picture by day is a covered lens. */
  readonly isDay: (at: EpochMs) => boolean;
}

/** Fewer grey levels between neighbours than this and there is nothing to be seen: a wall of fog has 6. */
const leastContrast = 5;
/** Darker than this on average is "dark" and not "covered". */
const darkGrey = 40;
/** Below this a view is another one; the same one at night, in rain or under an infrared lamp has 0.4 and more. */
const otherView = 0.2;
/** A view less sharp than this may be fog, night or a cheap lens: whether it is in focus cannot be told. */
const leastSharpness = 0.3;
/** Of the sharpness that the view has had. */
const blurredShare = 0.5;
/** Of the detail that the view has had: less is a bag or paint, more is another place. */
const coveredDetail = 0.35;
/** Infrared pictures have no colour at all; a grey wall in daylight has more. */
const infraredChroma = 0.7;
/** Looks before a view is known. */
const looksToKnow = 4;
const learnWeight = 0.05;
const mostViews = 4;
/** A delivery van stands longer than a lorry at the barrier: another view must last this many times as long. */
const turnedFactor = 3;
/** A view that has stayed the same for so long is the camera's view now: somebody has set it anew. */
const newViewAfterMs = 2 * 3_600_000;
/** A lamp that goes off at night does so every night. */
const lampEpisodes = 3;
/** From one look to the next, to be sudden: dusk takes an hour. */
const suddenShare = 0.4;

interface KnownView {
  readonly memory: ViewMemory;
  readonly infrared: boolean;
  sharpness: number;
  detail: number;
}

const reasons: Readonly<Record<Blindness, string>> = {
  dark: 'the picture is black',
  covered: 'hardly anything can be seen: covered, sprayed or fogged',
  blurred: 'out of focus',
  turned: 'another view than before: turned away, or something stands before it',
};

/**
 * Judges from time to time whether a camera still sees what it saw. It learns the view by its edges, which dusk, lamps,
 * rain and the change to infrared leave where they are. Capture times only; looks may come at any distance.
 */
export function createViewWatch({ blindAfterMs, isDay }: ViewWatchOptions) {
  let views: KnownView[] = [];
  /** A view that may be the camera's new one. */
  let candidate: { view: KnownView; since: EpochMs } | null = null;
  let bad: { kind: Blindness; since: EpochMs; looks: number } | null = null;
  let blind = false;
  let clearInARow = 0;
  /** Contrast of the look before. */
  let before = 0;
  let lampEpisode = false;
  let lampsOut = 0;

  const learn = (known: KnownView, view: SmallView, edges: Edges): void => {
    known.memory.learn(edges, learnWeight);
    const share = Math.max(learnWeight, 1 / known.memory.looks);
    known.sharpness += (view.sharpness - known.sharpness) * share;
    known.detail += (detailOf(edges) - known.detail) * share;
  };
  const begin = (view: SmallView, edges: Edges): KnownView => {
    const known = { memory: createViewMemory(), infrared: view.chroma < infraredChroma, sharpness: 0, detail: 0 };
    learn(known, view, edges);
    return known;
  };
  const best = (from: readonly KnownView[], edges: Edges): { known: KnownView; match: number } | null =>
    from.map((known) => ({ known, match: known.memory.match(edges) })).sort((a, b) => b.match - a.match)[0] ?? null;

  /** What is wrong with this look; null: nothing; `unsure`: it says neither. */
  const judge = (view: SmallView, at: EpochMs): Blindness | 'unsure' | null => {
    if (view.contrast < leastContrast) {
      if (view.meanGrey >= darkGrey) return 'covered';
      if (isDay(at)) return 'dark';
      // By night it is dark; but not from one look to the next, unless a lamp goes off here every night.
      const sudden = before >= leastContrast * 2 && view.contrast < before * suddenShare;
      lampEpisode ||= bad === null && sudden;
      return (bad?.kind === 'dark' || sudden) && lampsOut < lampEpisodes ? 'dark' : 'unsure';
    }
    const edges = edgesOf(view);
    const nearest = best(views, edges);
    if (!nearest) {
      views = [begin(view, edges)];
      return null;
    }
    const { known, match } = nearest;
    if (match >= otherView) {
      candidate = null;
      const wasSharp = known.memory.looks >= looksToKnow && known.sharpness >= leastSharpness;
      if (wasSharp && view.sharpness < known.sharpness * blurredShare) return 'blurred';
      learn(known, view, edges);
      return null;
    }
    const infrared = view.chroma < infraredChroma;
    // The lamp behind the lens comes on and half of what was to be seen is dark: that is a view of its own.
    if (infrared && !known.infrared && detailOf(edges) >= known.detail * coveredDetail) {
      remember(begin(view, edges));
      return 'unsure';
    }
    return settleCandidate(view, edges, at)
      ? null
      : detailOf(edges) < known.detail * coveredDetail
        ? 'covered'
        : 'turned';
  };

  const remember = (known: KnownView): void => {
    views = [...views.slice(-mostViews + 1), known];
  };

  /** Whether the strange view has been the same for so long that it is the camera's own now. */
  const settleCandidate = (view: SmallView, edges: Edges, at: EpochMs): boolean => {
    if (candidate && candidate.view.memory.match(edges) >= otherView) learn(candidate.view, view, edges);
    else candidate = { view: begin(view, edges), since: at };
    if (at - candidate.since < newViewAfterMs) return false;
    remember(candidate.view);
    candidate = null;
    return true;
  };

  const clear = (at: EpochMs): ViewChange | null => {
    if (lampEpisode && bad !== null) lampsOut += 1;
    lampEpisode = false;
    bad = null;
    clearInARow += 1;
    if (!blind || clearInARow < 2) return null;
    blind = false;
    return { change: 'seeing', at, kind: null, reason: null };
  };

  const worse = (kind: Blindness, at: EpochMs): ViewChange | null => {
    clearInARow = 0;
    bad = { kind, since: bad?.since ?? at, looks: (bad?.looks ?? 0) + 1 };
    const needMs = kind === 'turned' ? blindAfterMs * turnedFactor : blindAfterMs;
    if (blind || bad.looks < 3 || at - bad.since < needMs) return null;
    blind = true;
    return { change: 'blind', at, kind, reason: reasons[kind] };
  };

  return {
    /** One look, in order of capture. Answers what has changed, if anything. */
    look: (picture: Picture | SmallView, at: EpochMs): ViewChange | null => {
      const view = 'grey' in picture ? picture : readSmallView(picture);
      const wrong = judge(view, at);
      before = view.contrast;
      if (wrong === 'unsure') return null;
      return wrong === null ? clear(at) : worse(wrong, at);
    },
    blind: (): boolean => blind,
    /** Whether the last looks saw little of the view; it may pass. */
    suspects: (): boolean => bad !== null,
    /** What is wrong is told once more with the next look, should it still be. */
    tellAgain: (): void => {
      blind = false;
    },
  };
}

export type ViewWatch = ReturnType<typeof createViewWatch>;
