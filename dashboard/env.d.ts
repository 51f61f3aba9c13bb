/// <reference types="vite/client" />

/** @cycjimmy/jsmpeg-player has no types; only what is used of it stands here. */
declare module '@cycjimmy/jsmpeg-player' {
  export interface JsmpegDestination {
    write(data: ArrayBuffer): void;
  }
  interface JsmpegSource {
    connect(destination: JsmpegDestination): void;
    start(): void;
    resume(headroomS: number): void;
    destroy(): void;
    readonly streaming: boolean;
    readonly established: boolean;
    readonly completed: boolean;
    readonly progress: number;
  }
  const JSMpeg: {
    readonly Player: new (
      url: string,
      options: {
        readonly canvas: HTMLCanvasElement;
        readonly source: new (url: string, options: object) => JsmpegSource;
        readonly audio: boolean;
        readonly disableWebAssembly: boolean;
        readonly disableGl: boolean;
        readonly videoBufferSize: number;
        readonly onVideoDecode: () => void;
      },
    ) => { destroy(): void };
  };
  export default JSMpeg;
}
