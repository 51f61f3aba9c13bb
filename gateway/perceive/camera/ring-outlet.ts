import type { Clock, EpochMs } from '../../lib/clock.ts';
import type { Fragment, FragmentSink, InitSegment } from './fragment.ts';
import { createFragmentRing, type Clip, type RingOptions, type RingReport } from './ring.ts';

/** A fragment on its way to those who watch: a copy, whose memory goes with the message. */
export interface LiveFragment {
  readonly key: boolean;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaTimeMs: number;
  readonly durationMs: number;
  readonly capturedAtMs: EpochMs;
}

/** Where a watched camera's stream goes. */
export interface LiveOutput {
  begin(init: InitSegment): void;
  take(fragment: LiveFragment): void;
  end(): void;
}

/** The two uses of a camera's fragments that leave its thread: clips, and the live view while somebody watches. */
export interface RingOutlet extends FragmentSink {
  clip(span: { readonly fromAt: EpochMs; readonly toAt: EpochMs }): Promise<Clip | null>;
  /** Turned on, the newest GOP goes out at once, so that the first picture waits for no key frame. */
  watch(on: boolean): void;
  watched(): boolean;
  report(): RingReport;
  close(): void;
}

export function createRingOutlet(options: RingOptions, clock: Clock, live: LiveOutput): RingOutlet {
  const ring = createFragmentRing(options, clock);
  let watched = false;
  let init: InitSegment | null = null;
  const send = ({ key, bytes, mediaTimeMs, durationMs, capturedAtMs }: Fragment): void =>
    // The ring keeps its bytes; what crosses the threads is given away.
    live.take({ key, bytes: new Uint8Array(bytes), mediaTimeMs, durationMs, capturedAtMs });
  return {
    begin: (given) => {
      init = given;
      ring.begin(given);
      if (watched) live.begin(given);
    },
    take: (fragment) => {
      ring.take(fragment);
      if (watched) send(fragment);
    },
    audio: (unit) => ring.audio?.(unit),
    end: () => {
      init = null;
      ring.end();
      if (watched) live.end();
    },
    hurries: () => watched,
    clip: (span) => ring.clip(span),
    watch: (on) => {
      if (on && !watched && init) {
        live.begin(init);
        for (const fragment of ring.newest()?.fragments ?? []) send(fragment);
      }
      watched = on;
    },
    watched: () => watched,
    report: () => ring.report(),
    close: () => ring.close(),
  };
}
