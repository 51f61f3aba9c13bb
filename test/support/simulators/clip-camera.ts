import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createAnnexBSplitter, hevcNalType, hevcUnits, nalType, type AccessUnit } from './h264.ts';
import { createRtspServer, type RtspServer, type StreamMode } from './rtsp-server.ts';

/** A coded clip, ready to be sent over and over. */
export interface Clip {
  readonly units: readonly AccessUnit[];
  readonly fps: number;
  readonly sps: Buffer;
  readonly pps: Buffer;
  /** H.265 has one. */
  readonly vps?: Buffer;
}

/** Reads an H.265 file of any container, likewise. */
export async function loadHevcClip(file: string, fps: number): Promise<Clip> {
  const args = `-nostdin -v error -i ${file} -map 0:v:0 -c copy -bsf:v hevc_mp4toannexb,hevc_metadata=aud=insert -f hevc -`;
  const { stdout } = await promisify(execFile)('ffmpeg', args.split(' '), {
    encoding: 'buffer',
    maxBuffer: 512 * 1024 * 1024,
  });
  const units = hevcUnits(stdout);
  const [vps, sps, pps] = [32, 33, 34].map((type) =>
    units.flatMap(({ nals }) => nals).find((nal) => hevcNalType(nal) === type),
  );
  if (!vps || !sps || !pps) throw new Error(`${file} has no parameter sets`);
  return { units, fps, vps, sps, pps };
}

/** Reads an H.264 file of any container. It must begin with a key frame and hold no B pictures. */
export async function loadClip(file: string, fps: number): Promise<Clip> {
  const args = `-nostdin -v error -i ${file} -map 0:v:0 -c copy -bsf:v h264_mp4toannexb,h264_metadata=aud=insert -f h264 -`;
  const { stdout } = await promisify(execFile)('ffmpeg', args.split(' '), {
    encoding: 'buffer',
    maxBuffer: 512 * 1024 * 1024,
  });
  const units: AccessUnit[] = [];
  const split = createAnnexBSplitter((unit) => units.push(unit));
  split(stdout);
  // The last unit ends with the next delimiter.
  split(Buffer.from([0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 9, 0x10]));
  const all = units.flatMap(({ nals }) => nals);
  const sps = all.find((nal) => nalType(nal) === 7);
  const pps = all.find((nal) => nalType(nal) === 8);
  if (!sps || !pps) throw new Error(`${file} has no parameter sets`);
  return { units, fps, sps, pps };
}

/**
 * A camera that sends a clip in a loop: real RTSP with next to no CPU, so that what is measured is not the simulator.
 * Everything that cameras do wrong can be asked of it.
 */
export interface ClipCamera {
  readonly url: string;
  /** With these credentials instead. */
  urlWith(password: string): string;
  setMode(mode: StreamMode): void;
  dropAll(): void;
  setPassword(password: string): void;
  /** Goes on with another clip, on the links that are open: another size or codec is a camera that was set anew. */
  show(clip: Clip): void;
  /** Moves the time stamps of what comes: a camera that sets its clock. */
  leap(ms: number): void;
  readonly playing: number;
  /** Requests answered with 401 because credentials were given and wrong. */
  readonly refusals: number;
  readonly connections: number;
  /** Pictures that went out to somebody. */
  readonly sent: number;
  /** Position in the clip now, ms. */
  positionMs(): number;
  stop(): Promise<void>;
}

export async function startClipCamera(options: {
  readonly clip: Clip;
  readonly port?: number;
  readonly password?: string;
  /** Where in the clip it begins, so that many cameras do not send their key frames at once. */
  readonly offset?: number;
  /** Called with the moment of "capture" of every picture sent. */
  readonly onPicture?: (index: number, atMs: number) => void;
}): Promise<ClipCamera> {
  let clip = options.clip;
  const credentials = { user: 'admin', password: options.password ?? 'clip-camera' };
  let at = (options.offset ?? 0) % clip.units.length;
  let leapMs = 0;
  let sent = 0;
  const server: RtspServer = createRtspServer({
    host: '127.0.0.1',
    port: options.port ?? 0,
    path: 'live',
    fps: clip.fps,
    credentials: () => credentials,
    parameterSets: () => Promise.resolve({ sps: clip.sps, pps: clip.pps, ...(clip.vps ? { vps: clip.vps } : {}) }),
  });
  const port = await server.start();
  let dueMs = performance.timeOrigin + performance.now();
  let timer: NodeJS.Timeout | null = null;
  let stopped = false;
  const tick = (): void => {
    if (stopped) return;
    const nowMs = performance.timeOrigin + performance.now();
    // A machine that stood still leaves nothing out: cameras have their own clock.
    for (let turn = 0; dueMs <= nowMs && turn < 50; turn += 1, dueMs += 1000 / clip.fps) {
      const unit = clip.units[at % clip.units.length];
      if (unit) {
        sent += server.send(unit, dueMs + leapMs);
        options.onPicture?.(at % clip.units.length, dueMs);
      }
      at = (at + 1) % clip.units.length;
    }
    timer = setTimeout(tick, Math.max(1, dueMs - (performance.timeOrigin + performance.now())));
  };
  tick();
  const urlWith = (password: string): string => `rtsp://admin:${encodeURIComponent(password)}@127.0.0.1:${port}/live`;
  return {
    get url() {
      return urlWith(credentials.password);
    },
    urlWith,
    setMode: (mode) => server.setMode(mode),
    dropAll: () => server.dropAll(),
    setPassword: (password) => {
      credentials.password = password;
      server.dropAll();
    },
    show: (next) => {
      clip = next;
      at = 0;
    },
    leap: (ms) => {
      leapMs += ms;
    },
    get playing() {
      return server.playing;
    },
    get refusals() {
      return server.refusals;
    },
    get connections() {
      return server.connections;
    },
    get sent() {
      return sent;
    },
    positionMs: () => (at * 1000) / clip.fps,
    stop: async () => {
      stopped = true;
      if (timer) clearTimeout(timer);
      await server.stop();
    },
  };
}
