import { existsSync } from 'node:fs';
import { hardwareKinds, type HardwareDecoding, type HardwareKind } from './decoding-kinds.ts';
import type { Codec } from './nal-units.ts';

/** Device files without which there is no use in trying. */
const devices: Readonly<Record<HardwareKind, readonly string[]>> = {
  vaapi: ['/dev/dri/renderD128'],
  qsv: ['/dev/dri/renderD128'],
  v4l2m2m: ['/dev/video10', '/dev/video0'],
  rkmpp: ['/dev/mpp_service'],
};

/** ffmpeg's input arguments; frames come back into ordinary memory, where our filters work. */
function argumentsOf(kind: HardwareKind, codec: Codec): string[] {
  switch (kind) {
    case 'vaapi':
      return ['-hwaccel', 'vaapi', '-hwaccel_device', '/dev/dri/renderD128'];
    case 'qsv':
      return ['-hwaccel', 'qsv', '-c:v', `${codec}_qsv`];
    case 'v4l2m2m':
      return ['-c:v', `${codec}_v4l2m2m`];
    case 'rkmpp':
      return ['-c:v', `${codec}_rkmpp`];
  }
}

/** Hardware that has worked may fail with a damaged stream; so often in a row, it is the hardware (a driver that hangs, a device that is gone). */
const mostFailures = 5;

/** What decoding is done with now, for the log and the dashboard. */
export interface DecodingReport {
  readonly with: 'software' | HardwareKind;
  /** Why it is not what was asked for; null when it is. */
  readonly reason: string | null;
}

/** Which decoder to start next. Shared by the cameras of one thread. */
export interface DecodingWay {
  /** Arguments before ffmpeg's input. */
  inputArguments(codec: Codec): string[];
  current(): DecodingReport;
  /** A decoder has given its first picture: the way works. */
  worked(): void;
  /** A decoder ended before it gave a picture. True if another way takes its place. */
  failed(reason: string): boolean;
}

/**
 * Falls back by itself: a kind of hardware that gives no picture is not tried again until the next start, and software
 * always remains.
 * `tell` is called once for the way that is taken, and again whenever that changes.
 */
export function createDecodingWay(
  wanted: HardwareDecoding,
  tell: (report: DecodingReport) => void,
  exists: (path: string) => boolean = existsSync,
): DecodingWay {
  let left: HardwareKind[] =
    wanted === 'off'
      ? []
      : wanted === 'auto'
        ? hardwareKinds.filter((kind) => devices[kind].some((path) => exists(path)))
        : [wanted];
  let reason: string | null = wanted === 'auto' && left.length === 0 ? 'no decoding hardware found' : null;
  let told: string | null = null;
  let proven = false;
  let failures = 0;
  const current = (): DecodingReport => ({ with: left[0] ?? 'software', reason });
  const tellOnce = (): void => {
    const report = current();
    if (told === report.with) return;
    told = report.with;
    tell(report);
  };
  return {
    inputArguments: (codec) => (left[0] ? argumentsOf(left[0], codec) : []),
    current,
    worked: () => {
      proven = true;
      failures = 0;
      tellOnce();
    },
    failed: (why) => {
      const kind = left[0];
      failures += 1;
      if (!kind || (proven && failures < mostFailures)) return false;
      left = left.slice(1);
      proven = false;
      failures = 0;
      reason = `${kind} does not work here: ${why}`;
      return true;
    },
  };
}
