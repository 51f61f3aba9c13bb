/** node-rtsp-stream 0.0.9 has no types. Only its muxer is used: its WebSocket server is open to anyone and never started. */
declare module 'node-rtsp-stream/mpeg1muxer.js' {
  import type { ChildProcessWithoutNullStreams } from 'node:child_process';
  import type { EventEmitter } from 'node:events';

  /** Spawns `ffmpegPath -i url -f mpegts -codec:v mpeg1video <ffmpegOptions> -` at once. */
  class Mpeg1Muxer extends EventEmitter<{ mpeg1data: [Buffer]; ffmpegStderr: [Buffer]; exitWithError: [] }> {
    constructor(options: {
      readonly url: string;
      readonly ffmpegPath: string;
      /** Name and value of each option behind the input; an empty value is left out. */
      readonly ffmpegOptions?: Readonly<Record<string, string>>;
    });
    readonly stream: ChildProcessWithoutNullStreams;
  }
  export = Mpeg1Muxer;
}
