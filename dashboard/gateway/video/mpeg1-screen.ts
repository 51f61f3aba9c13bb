import type { JsmpegDestination } from '@cycjimmy/jsmpeg-player';
import type { Screen } from './screen.ts';

/** Plays MPEG-1 with JSMpeg, which is loaded only where it is needed. Without WebAssembly: our policy allows none. */
export function createMpeg1Screen(canvas: HTMLCanvasElement, onPlaying: () => void): Screen {
  let destination: JsmpegDestination | null = null;
  let player: { destroy(): void } | null = null;
  let closed = false;
  /** What came before the player was there. */
  let early: ArrayBuffer[] = [];

  /** JSMpeg's own source would open a WebSocket of its own; this one is fed. */
  class FedSource {
    readonly streaming = true;
    established = false;
    completed = false;
    progress = 0;
    connect(to: JsmpegDestination): void {
      destination = to;
    }
    start(): void {
      this.established = true;
      this.progress = 1;
      for (const data of early) destination?.write(data);
      early = [];
    }
    resume(): void {
      // Data comes by itself.
    }
    destroy(): void {
      destination = null;
    }
  }

  void import('@cycjimmy/jsmpeg-player').then(({ default: JSMpeg }) => {
    if (closed) return;
    player = new JSMpeg.Player('', {
      canvas,
      source: FedSource,
      audio: false,
      disableWebAssembly: true,
      // Who has no decoder for the camera's codec seldom has a graphics card worth the name.
      disableGl: true,
      videoBufferSize: 2 * 1024 * 1024,
      onVideoDecode: onPlaying,
    });
  });
  return {
    feed: (data) => {
      if (destination) destination.write(data);
      else if (early.length < 500) early.push(data);
    },
    close: () => {
      closed = true;
      player?.destroy();
      player = null;
    },
  };
}
