import type { Screen } from './screen.ts';

/** Further behind than this the picture jumps to the newest; the box sends a frame every 40 ms as a rule. */
const lateS = 2;
/** So much is left to play after a jump, against the next hiccup of the network. */
const headS = 0.3;
/** What has been shown is let go beyond this. */
const keepS = 30;
const lookMs = 250;
/** A page in the background does not decode; what it cannot take is not kept. */
const maxQueue = 500;

/** Plays fragments through Media Source Extensions, always near the newest picture. */
export function createMseScreen(video: HTMLVideoElement, mime: string, onPlaying: () => void): Screen {
  const source = new MediaSource();
  const url = URL.createObjectURL(source);
  let buffer: SourceBuffer | null = null;
  let queue: ArrayBuffer[] = [];
  let closed = false;

  const pump = (): void => {
    if (closed || !buffer || buffer.updating || source.readyState !== 'open') return;
    const next = queue.shift();
    if (!next) return;
    try {
      buffer.appendBuffer(next);
    } catch (error) {
      // Full: let go of the past and try once more.
      if (!(error instanceof DOMException) || error.name !== 'QuotaExceededError') throw error;
      queue.unshift(next);
      buffer.remove(0, Math.max(video.currentTime - 1, 0.1));
    }
  };
  const follow = (): void => {
    const ranges = video.buffered;
    if (ranges.length === 0) return;
    const begin = ranges.start(ranges.length - 1);
    const end = ranges.end(ranges.length - 1);
    // Before the newest range (a gap lies between, or nothing has played yet) or too far behind its end.
    if (video.currentTime < begin) video.currentTime = begin;
    else if (end - video.currentTime > lateS) video.currentTime = end - headS;
    if (video.paused) void video.play().catch(() => undefined);
    if (buffer && !buffer.updating && begin < video.currentTime - keepS * 2) {
      buffer.remove(0, video.currentTime - keepS);
    }
  };
  const timer = setInterval(follow, lookMs);
  const onTime = (): void => onPlaying();
  video.addEventListener('timeupdate', onTime);
  source.addEventListener(
    'sourceopen',
    () => {
      if (closed) return;
      buffer = source.addSourceBuffer(mime);
      buffer.addEventListener('updateend', pump);
      pump();
    },
    { once: true },
  );
  video.src = url;
  return {
    feed: (data) => {
      if (queue.length >= maxQueue) queue = [];
      queue.push(data);
      pump();
    },
    close: () => {
      closed = true;
      clearInterval(timer);
      video.removeEventListener('timeupdate', onTime);
      video.removeAttribute('src');
      video.load();
      URL.revokeObjectURL(url);
    },
  };
}
