/** One browser that watches one camera: what it is sent, and what is left out when it cannot keep up. */
import type { VideoFragment, VideoInit, VideoSeen } from './collaborators.ts';

/** A WebSocket, as far as a viewer needs it. */
export interface ViewerSocket {
  send(data: string | Uint8Array): void;
  /** Bytes accepted by `send` that have not left yet. */
  readonly bufferedAmount: number;
}

/** What is said in text between the binary messages (gateway/api/video.md). */
export type VideoMessage =
  | { readonly kind: 'offer'; readonly mime: string; readonly widthPx: number; readonly heightPx: number }
  | { readonly kind: 'start'; readonly form: VideoForm; readonly mime: string }
  | { readonly kind: 'time'; readonly mediaMs: number; readonly capturedAt: number }
  | ({ readonly kind: 'seen' } & VideoSeen)
  | { readonly kind: 'end' }
  | { readonly kind: 'refused'; readonly reason: 'busy' };

export const videoForms = ['mp4', 'mpeg1'] as const;
/** `mp4`: the camera's own pictures, for Media Source Extensions. `mpeg1`: transcoded, for JSMpeg. */
export type VideoForm = (typeof videoForms)[number];

/** What a viewer may owe: 4 s at 4 Mbit/s. Beyond it is too slow, and gets nothing more until the next key frame. */
const maxBufferedBytes = 2_000_000;
/** At the beginning a whole GOP comes at once, and that of a "smart" codec is long. */
const firstBurstBytes = 12_000_000;

export interface ViewerCounts {
  readonly sent: number;
  readonly dropped: number;
}

export interface VideoViewer {
  /** A stream begins: in the form that was asked for if it is that stream's still, else it is offered. */
  readonly begin: (init: VideoInit) => void;
  /** The viewer has told what it can play; for `mp4` the next `begin` starts it. */
  readonly play: (form: VideoForm) => void;
  readonly fragment: (fragment: VideoFragment) => void;
  readonly chunk: (chunk: { readonly key: boolean; readonly bytes: Uint8Array }) => void;
  readonly seen: (now: VideoSeen) => void;
  readonly end: () => void;
  readonly refuse: () => void;
  /** Pictures (or pieces) since the last time. */
  readonly takeCounts: () => ViewerCounts;
}

export function createVideoViewer(socket: ViewerSocket): VideoViewer {
  let init: VideoInit | null = null;
  let form: VideoForm | null = null;
  /** Nothing is sent before the next key frame. */
  let waiting = true;
  let caughtUp = false;
  let sent = 0;
  let dropped = 0;

  const say = (message: VideoMessage): void => socket.send(JSON.stringify(message));
  /** False when this piece is to be left out. */
  const admits = (key: boolean): boolean => {
    const { bufferedAmount } = socket;
    if (bufferedAmount === 0) caughtUp = true;
    if (bufferedAmount > (caughtUp ? maxBufferedBytes : firstBurstBytes)) waiting = true;
    else if (key) waiting = false;
    if (waiting) dropped += 1;
    else sent += 1;
    return !waiting;
  };
  const start = (as: VideoForm, mime: string): void => {
    waiting = true;
    caughtUp = false;
    say({ kind: 'start', form: as, mime });
  };
  return {
    begin: (given) => {
      const same = init === null || init.mimeCodec === given.mimeCodec;
      init = given;
      // Another codec: the browser is asked again whether it plays it.
      if (form === 'mp4' && !same) form = null;
      if (form === null) say({ kind: 'offer', mime: mimeOf(given), widthPx: given.widthPx, heightPx: given.heightPx });
      else if (form === 'mp4') {
        start(form, mimeOf(given));
        socket.send(given.bytes);
      }
    },
    play: (wanted) => {
      form = wanted;
      if (wanted === 'mpeg1') start(wanted, 'video/mp2t');
    },
    fragment: ({ key, bytes, mediaTimeMs, capturedAtMs }) => {
      if (form !== 'mp4' || !admits(key)) return;
      if (key) say({ kind: 'time', mediaMs: mediaTimeMs, capturedAt: capturedAtMs });
      socket.send(bytes);
    },
    chunk: ({ key, bytes }) => {
      if (form === 'mpeg1' && admits(key)) socket.send(bytes);
    },
    seen: (now) => {
      // Boxes without a picture are worth nothing.
      if (form !== null && !waiting) say({ kind: 'seen', ...now });
    },
    end: () => {
      waiting = true;
      say({ kind: 'end' });
    },
    refuse: () => {
      form = null;
      say({ kind: 'refused', reason: 'busy' });
    },
    takeCounts: () => {
      const counts = { sent, dropped };
      sent = 0;
      dropped = 0;
      return counts;
    },
  };
}

const mimeOf = (init: VideoInit): string => `video/mp4; codecs="${init.mimeCodec}"`;
