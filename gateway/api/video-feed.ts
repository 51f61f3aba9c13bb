import { createWireMeter, type WireReport } from '../lib/wire.ts';
import type { VideoSource } from './collaborators.ts';

/** The wire "camera → viewer": pictures on their way to those who watch; what a slow one misses is counted. */
export interface VideoFeed extends VideoSource {
  count(pictures: { readonly sent: number; readonly dropped: number }): void;
  /** Its depth is how many watch. */
  report(): WireReport;
}

export function createVideoFeed(source: VideoSource): VideoFeed {
  const meter = createWireMeter('camera → viewer', null);
  let viewers = 0;
  const counted = (leave: () => void): (() => void) => {
    let left = false;
    viewers += 1;
    return () => {
      if (!left) viewers -= 1;
      left = true;
      leave();
    };
  };
  return {
    watch: (camera, listener) => counted(source.watch(camera, listener)),
    watchMpeg1: (camera, listener) => {
      const leave = source.watchMpeg1(camera, listener);
      return leave && counted(leave);
    },
    count: ({ sent, dropped }) => {
      meter.enter(sent);
      meter.leave(sent);
      meter.drop(dropped);
    },
    report: () => ({ ...meter.report(), depth: viewers }),
  };
}
