import type { Fragment, FragmentSink, FragmentSource, InitSegment } from './fragment.ts';

/** One camera's fragments for all who use them: whatever comes in goes out to each, in the order they came. */
export interface FragmentHub extends FragmentSink, FragmentSource {}

export function createFragmentHub(): FragmentHub {
  const sinks = new Set<FragmentSink>();
  let running: InitSegment | null = null;
  return {
    attach: (sink) => {
      sinks.add(sink);
      if (running) sink.begin(running);
      return () => {
        sinks.delete(sink);
      };
    },
    begin: (init) => {
      running = init;
      for (const sink of sinks) sink.begin(init);
    },
    take: (fragment: Fragment) => {
      for (const sink of sinks) sink.take(fragment);
    },
    audio: (unit) => {
      for (const sink of sinks) sink.audio?.(unit);
    },
    end: () => {
      if (!running) return;
      running = null;
      for (const sink of sinks) sink.end();
    },
    hurries: () => {
      for (const sink of sinks) if (sink.hurries?.() === true) return true;
      return false;
    },
  };
}
