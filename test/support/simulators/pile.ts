import { createChargingPort, type ChargingPort } from './charging-port.ts';
import type { DeviceLink } from './device-link.ts';
import type { DeviceRecord, PlannedPile, PlannedSession } from './device-plan.ts';
import type { Random } from './random.ts';

/** A charging pile with its ports, on its own connection. */
export interface Pile {
  readonly id: string;
  readonly link: DeviceLink;
  plugIn(session: PlannedSession): void;
  overheat(port: number, toC: number): void;
  cool(port?: number): void;
  /** Moves the pile's time forward and sends what is due. */
  pass(nowMs: number): void;
  burst(count: number): void;
}

interface Socket {
  readonly number: number;
  readonly port: ChargingPort;
  session: (PlannedSession & { readonly startedAtMs: number }) | null;
  nextReportMs: number;
  hotReported: boolean;
}

/** From here on a reading is an alarm to anyone; the record notes the first (standards 4.6). */
const alarmingC = 60;
/** An idle port is reported in passing only. */
const idleEveryMs = 60_000;

export function createPile(options: {
  readonly plan: PlannedPile;
  readonly link: DeviceLink;
  readonly random: Random;
  readonly telemetryEveryMs: number;
  readonly onRecord: (record: DeviceRecord) => void;
}): Pile {
  const { plan, link, random, onRecord } = options;
  const sockets: readonly Socket[] = Array.from({ length: plan.ports }, (_, index) => ({
    number: index + 1,
    port: createChargingPort(random.fork(`port ${index + 1}`)),
    session: null,
    nextReportMs: 0,
    hotReported: false,
  }));
  let lastMs = Date.now();
  for (const socket of sockets) socket.nextReportMs = lastMs + random.between(1000, idleEveryMs);

  const socketOf = (port: number): Socket => {
    const socket = sockets[port - 1];
    if (!socket) throw new RangeError(`pile ${plan.id} has no port ${port}`);
    return socket;
  };

  const telemetry = (socket: Socket): Promise<number | null> => {
    const now = socket.port.reading;
    return link.publish(`port/${socket.number}/telemetry`, {
      port: socket.number,
      state: now.state,
      power_w: now.powerW,
      voltage_v: now.voltageV,
      current_a: now.currentA,
      energy_kwh: now.energyKwh,
      duration_s: now.durationS,
      ambient_c: now.ambientC,
      port_c: now.portC,
      order: now.order,
      card: null,
      rssi: random.integer(14, 26),
    });
  };

  const endSession = async (socket: Socket, nowMs: number): Promise<void> => {
    const { session } = socket;
    if (!session) return;
    socket.session = null;
    const last = socket.port.reading;
    const durationS = Math.round((nowMs - session.startedAtMs) / 1000);
    socket.port.unplug();
    const stopReason = session.stopReason ?? 'user';
    const [energyKwh, maxW] = [last.energyKwh, last.maxW];
    const acknowledgedAtMs = await link.publish(`port/${socket.number}/session`, {
      atMs: nowMs,
      port: socket.number,
      event: 'end',
      order: session.order,
      energy_kwh: energyKwh,
      duration_s: durationS,
      max_w: maxW,
      stop_reason: stopReason,
    });
    if (acknowledgedAtMs === null) return;
    const row = { pile: plan.id, port: socket.number, order: session.order, startedAtMs: session.startedAtMs };
    onRecord({
      record: 'session-ended',
      ...row,
      endedAtMs: nowMs,
      energyKwh,
      durationS,
      maxW,
      stopReason,
      acknowledgedAtMs,
    });
  };

  const report = async (socket: Socket, nowMs: number): Promise<void> => {
    const charging = socket.session !== null || socket.port.reading.portC > 45;
    socket.nextReportMs = nowMs + (charging ? options.telemetryEveryMs : idleEveryMs);
    const { portC } = socket.port.reading;
    const first = portC >= alarmingC && !socket.hotReported;
    if (first) socket.hotReported = true;
    const acknowledgedAtMs = await telemetry(socket);
    if (first && acknowledgedAtMs !== null) {
      onRecord({ record: 'overheated', pile: plan.id, port: socket.number, portC, atMs: nowMs, acknowledgedAtMs });
    }
  };

  return {
    id: plan.id,
    link,
    plugIn: (session) => {
      const socket = socketOf(session.port);
      const startedAtMs = Date.now();
      socket.session = { ...session, startedAtMs };
      const full = session.stopReason === 'full';
      socket.port.plugIn({ order: session.order, powerW: session.powerW, full, forMs: session.endsAfterMs });
      socket.nextReportMs = startedAtMs + options.telemetryEveryMs * random.between(0.3, 1);
      const start = { atMs: startedAtMs, port: session.port, event: 'start', order: session.order };
      void link.publish(`port/${session.port}/session`, start).then((acknowledgedAtMs) => {
        if (acknowledgedAtMs === null) return;
        const row = { pile: plan.id, port: session.port, order: session.order };
        onRecord({ record: 'session-started', ...row, startedAtMs, acknowledgedAtMs });
      });
    },
    overheat: (port, toC) => {
      const socket = socketOf(port);
      socket.port.overheat(toC);
      socket.hotReported = false;
      socket.nextReportMs = 0;
    },
    cool: (port) => {
      for (const socket of port === undefined ? sockets : [socketOf(port)]) socket.port.cool();
    },
    pass: (nowMs) => {
      for (const socket of sockets) {
        socket.port.pass(nowMs - lastMs);
        const { session } = socket;
        if (session?.endsAfterMs != null && nowMs - session.startedAtMs >= session.endsAfterMs) {
          if (session.stopReason === 'over_temp') socket.port.cool();
          void endSession(socket, nowMs);
        }
        if (nowMs >= socket.nextReportMs) void report(socket, nowMs);
      }
      lastMs = nowMs;
    },
    burst: (count) => {
      for (let sent = 0; sent < count; sent += 1) void telemetry(sockets[sent % sockets.length]!);
    },
  };
}
