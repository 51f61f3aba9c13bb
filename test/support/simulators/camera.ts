import { once, EventEmitter } from 'node:events';
import { randomBytes } from 'node:crypto';
import type { CameraOrder, CameraPlan, CameraRecord } from './camera-plan.ts';
import { createEncoder, type Encoder } from './encoder.ts';
import { nalType, type AccessUnit } from './h264.ts';
import { lights } from './light.ts';
import { approachTimes } from './motion.ts';
import { walkMs } from './person.ts';
import { createRtspServer, type RtspServer } from './rtsp-server.ts';
import { createScene, type Scene } from './scene.ts';

/** Frames a second: what gate cameras are set to where bandwidth is dear. */
export const framesPerSecond = 12;
/** A plate narrower than this cannot be asked of any reader. */
const readablePx = 60;
const streamPath = 'live';

export interface GateCamera {
  readonly id: string;
  /** With user and password, as an installer writes it into the configuration. */
  readonly url: string;
  start(): Promise<void>;
  /** Sets the moment from which the plan's times count. */
  begin(storyStartMs: number): void;
  obey(order: CameraOrder): void;
  stop(): Promise<void>;
  /** Players that are being sent video now. */
  readonly playing: number;
  readonly report: {
    readonly framesDrawn: number;
    readonly framesLeftOut: number;
    readonly bytesCoded: number;
    /** Pictures that went out, counted once for each player. */
    readonly picturesSent: number;
  };
}

/** One simulated gate camera: scene, encoder and RTSP server. Records go to `onRecord` when a visit is over. */
export function createGateCamera(options: {
  readonly plan: CameraPlan;
  readonly seed: number;
  readonly host: string;
  readonly onRecord: (record: CameraRecord) => void;
  readonly onFault: (fault: string) => void;
}): GateCamera {
  const { plan } = options;
  const credentials = { user: plan.user, password: plan.password };
  const sets = new EventEmitter();
  let parameterSets: { sps: Buffer; pps: Buffer } | null = null;
  let encoder: Encoder | null = null;
  let scene: Scene | null = null;
  let timer: NodeJS.Timeout | null = null;
  let port = plan.port;
  let stopped = false;
  let storyStartMs = Number.POSITIVE_INFINITY;
  let size: readonly [number, number] | null = null;
  const report = { framesDrawn: 0, framesLeftOut: 0, bytesCoded: 0, picturesSent: 0 };

  const server: RtspServer = createRtspServer({
    host: options.host,
    port: plan.port,
    path: streamPath,
    fps: framesPerSecond,
    credentials: () => credentials,
    parameterSets: async () => {
      if (!parameterSets) await once(sets, 'known', { signal: AbortSignal.timeout(10_000) });
      if (!parameterSets) throw new Error('the encoder has made no parameter sets');
      return parameterSets;
    },
  });

  const onUnit = (unit: AccessUnit, capturedAtMs: number): void => {
    const sps = unit.nals.find((nal) => nalType(nal) === 7);
    const pps = unit.nals.find((nal) => nalType(nal) === 8);
    if (sps && pps) {
      parameterSets = { sps, pps };
      sets.emit('known');
    }
    report.bytesCoded += unit.nals.reduce((sum, nal) => sum + nal.length, 0);
    report.picturesSent += server.send(unit, capturedAtMs);
  };

  const startEncoder = (drawn: Scene): void => {
    encoder?.stop();
    parameterSets = null;
    const [codedWidth, codedHeight] = size ?? [drawn.width, drawn.height];
    encoder = createEncoder(
      {
        width: drawn.width,
        height: drawn.height,
        codedWidth,
        codedHeight,
        fps: framesPerSecond,
        bitrateKbit: 1400,
        gopSeconds: 2,
        noise: lights[plan.light].noise,
      },
      onUnit,
      (reason) => options.onFault(`camera ${plan.id}: ${reason}`),
    );
  };

  const records = createRecorder(plan, options.onRecord);

  const drawFrame = (drawn: Scene, dueMs: number): void => {
    const storyMs = Number.isFinite(storyStartMs) ? dueMs - storyStartMs : -1;
    const picture = drawn.draw(storyMs, dueMs);
    report.framesDrawn += 1;
    if (encoder && !encoder.write(picture, dueMs)) report.framesLeftOut += 1;
    if (storyMs >= 0) records.look(drawn, storyMs, storyStartMs);
  };

  const run = (drawn: Scene): void => {
    const periodMs = 1000 / framesPerSecond;
    let dueMs = Date.now();
    const tick = (): void => {
      if (stopped) return;
      drawFrame(drawn, Math.round(dueMs));
      const nowMs = Date.now();
      dueMs += periodMs;
      // A machine that falls behind leaves pictures out instead of showing the past.
      while (dueMs < nowMs - periodMs) {
        dueMs += periodMs;
        report.framesLeftOut += 1;
      }
      timer = setTimeout(tick, Math.max(0, dueMs - nowMs));
    };
    tick();
  };

  return {
    id: plan.id,
    get url() {
      return `rtsp://${encodeURIComponent(credentials.user)}:${encodeURIComponent(credentials.password)}@${options.host}:${port}/${streamPath}`;
    },
    report,
    get playing() {
      return server.playing;
    },
    start: async () => {
      scene = await createScene(plan, options.seed);
      port = await server.start();
      startEncoder(scene);
      run(scene);
    },
    begin: (startMs) => {
      storyStartMs = startMs;
    },
    obey: (order) => {
      switch (order.order) {
        case 'start':
        case 'quit':
          return;
        case 'hang':
        case 'mute':
        case 'garbage':
        case 'corrupt':
          server.setMode(order.order);
          return;
        case 'resume':
          server.setMode('normal');
          return;
        case 'drop':
          server.dropAll();
          return;
        case 'wrongPassword':
          // As when somebody changes it on the camera's own page: open links end, old credentials are refused.
          credentials.password = order.password ?? randomBytes(6).toString('hex');
          server.dropAll();
          return;
        case 'resolution':
          size = [Math.round(order.width / 2) * 2, Math.round(order.height / 2) * 2];
          if (scene) startEncoder(scene);
          return;
      }
    },
    stop: async () => {
      stopped = true;
      if (timer) clearTimeout(timer);
      encoder?.stop();
      await server.stop();
    },
  };
}

/** Watches the visits as they are drawn and writes one row for each when it is over. */
function createRecorder(
  plan: CameraPlan,
  onRecord: (record: CameraRecord) => void,
): { look(scene: Scene, storyMs: number, startMs: number): void } {
  const { id: camera, direction } = plan;
  const vehicles = plan.vehicles.map((visit) => ({ visit, from: 0, until: 0, widest: 0, done: false }));
  const persons = plan.persons.map((visit) => ({ visit, widest: 0, done: false }));
  return {
    look: (scene, storyMs, startMs) => {
      for (const row of vehicles) {
        const { visit } = row;
        if (row.done || storyMs < visit.atMs) continue;
        const leavesMs = visit.atMs + approachTimes(visit.approach).goneMs;
        const widthPx = scene.plateWidthPx(visit, storyMs);
        row.widest = Math.max(row.widest, widthPx);
        if (widthPx >= readablePx) {
          row.from ||= startMs + storyMs;
          row.until = startMs + storyMs;
        }
        if (storyMs < leavesMs) continue;
        row.done = true;
        onRecord({
          record: 'passage',
          camera,
          ...visit.plate,
          direction,
          enteredAtMs: Math.round(startMs + visit.atMs),
          readableFromMs: row.from,
          readableUntilMs: row.until,
          widestPlatePx: Math.round(row.widest),
          leftAtMs: Math.round(startMs + leavesMs),
        });
      }
      for (const row of persons) {
        if (row.done || storyMs < row.visit.atMs) continue;
        if (storyMs < row.visit.atMs + walkMs) {
          row.widest = Math.max(row.widest, scene.facePx(row.visit.atMs, storyMs));
          continue;
        }
        row.done = true;
        onRecord({
          record: 'person',
          camera,
          direction,
          enteredAtMs: Math.round(startMs + row.visit.atMs),
          widestFacePx: Math.round(row.widest),
          leftAtMs: Math.round(startMs + row.visit.atMs + walkMs),
        });
      }
    },
  };
}
