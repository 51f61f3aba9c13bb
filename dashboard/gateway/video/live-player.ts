/**
 * A camera's live pictures in a page (gateway/api/video.md): asks the browser whether it plays the camera's own codec, and
 * takes MPEG-1 otherwise. Connects again by itself; nothing is kept.
 */
import type { VideoMessage } from '../../../gateway/api/video-viewer.ts';
import { createMpeg1Screen } from './mpeg1-screen.ts';
import { createMseScreen } from './mse-screen.ts';
import type { Screen } from './screen.ts';

export type PlayerState = 'connecting' | 'waiting' | 'playing' | 'busy' | 'not-allowed' | 'too-many' | 'broken';
export type Seen = Extract<VideoMessage, { kind: 'seen' }>;

export interface LivePlayer {
  stop(): void;
}

const firstRetryMs = 1000;
const longestRetryMs = 15_000;
/** A transcoder may come free. */
const busyRetryMs = 10_000;

export function startLivePlayer(given: {
  /** Below the page's own address. */
  readonly path: string;
  readonly video: HTMLVideoElement;
  readonly canvas: HTMLCanvasElement;
  readonly onState: (state: PlayerState) => void;
  readonly onForm: (form: 'mp4' | 'mpeg1') => void;
  readonly onSeen: (seen: Seen) => void;
}): LivePlayer {
  let stopped = false;
  let socket: WebSocket | null = null;
  let screen: Screen | null = null;
  let retryMs = firstRetryMs;
  let retry: ReturnType<typeof setTimeout> | null = null;

  const blank = (): void => {
    screen?.close();
    screen = null;
  };
  const again = (afterMs: number): void => {
    if (stopped) return;
    retry = setTimeout(connect, afterMs * (1 + Math.random() / 2));
  };
  const onText = (message: VideoMessage): void => {
    switch (message.kind) {
      case 'offer': {
        const plays = 'MediaSource' in window && MediaSource.isTypeSupported(message.mime);
        socket?.send(JSON.stringify({ kind: 'play', form: plays ? 'mp4' : 'mpeg1' }));
        given.onState('waiting');
        return;
      }
      case 'start':
        blank();
        given.onForm(message.form);
        screen =
          message.form === 'mp4'
            ? createMseScreen(given.video, message.mime, () => given.onState('playing'))
            : createMpeg1Screen(given.canvas, () => given.onState('playing'));
        return;
      case 'seen':
        given.onSeen(message);
        return;
      case 'end':
        given.onState('waiting');
        return;
      case 'refused':
        given.onState('busy');
        // Asked again on a new connection.
        socket?.close();
        return;
      case 'time':
        return;
    }
  };
  /** A refused upgrade tells a page nothing: the same address without one says why. */
  const whyRefused = async (): Promise<void> => {
    const status = await fetch(given.path, { credentials: 'same-origin' }).then(
      (reply) => reply.status,
      () => 0,
    );
    if (stopped) return;
    if (status === 403 || status === 401 || status === 404) given.onState('not-allowed');
    else {
      given.onState('broken');
      again(retryMs);
      retryMs = Math.min(retryMs * 2, longestRetryMs);
    }
  };
  const connect = (): void => {
    const address = new URL(given.path, document.baseURI);
    address.protocol = address.protocol.replace('http', 'ws');
    let opened = false;
    let busy = false;
    const mine = new WebSocket(address);
    socket = mine;
    mine.binaryType = 'arraybuffer';
    mine.onopen = () => {
      opened = true;
      retryMs = firstRetryMs;
      given.onState('waiting');
    };
    mine.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === 'string') {
        const message = JSON.parse(data) as VideoMessage;
        busy = message.kind === 'refused';
        onText(message);
      } else screen?.feed(data);
    };
    mine.onclose = ({ code }) => {
      blank();
      if (stopped) return;
      if (!opened) void whyRefused();
      else if (code === 4401) given.onState('not-allowed');
      else {
        if (!busy) given.onState(code === 1013 ? 'too-many' : 'broken');
        again(busy || code === 1013 ? busyRetryMs : firstRetryMs);
      }
    };
  };
  given.onState('connecting');
  connect();
  return {
    stop: () => {
      stopped = true;
      if (retry !== null) clearTimeout(retry);
      blank();
      socket?.close();
    },
  };
}
