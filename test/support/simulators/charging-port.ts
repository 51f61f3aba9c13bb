import type { Random } from './random.ts';

/** One socket of a pile with a bike on it, or none. All of it is a function of time and of what is done to it. */
export interface ChargingPort {
  plugIn(session: {
    readonly order: string;
    readonly powerW: number;
    readonly full: boolean;
    readonly forMs: number | null;
  }): void;
  unplug(): void;
  /** Warms up to `toC` within seconds, whatever flows; until `cool`. */
  overheat(toC: number): void;
  cool(): void;
  /** Moves time forward. */
  pass(ms: number): void;
  readonly reading: PortReading;
}

export interface PortReading {
  readonly state: 'idle' | 'charging' | 'fault';
  readonly powerW: number;
  readonly voltageV: number;
  readonly currentA: number;
  readonly energyKwh: number;
  readonly durationS: number;
  readonly ambientC: number;
  readonly portC: number;
  readonly order: string | null;
  readonly maxW: number;
}

/** A sound socket takes a quarter of an hour and more to warm through, a bad contact seconds. */
const warmingMs = 1_200_000;
const coolingMs = 240_000;
const burningMs = 4000;
/** Rise over the housing for each watt: 300 W make a sound socket 14 °C warmer. */
const riseCPerW = 0.047;
/** Chargers start softly and, when the battery is nearly full, go over to constant voltage. */
const softStartMs = 4000;
const taperShare = 0.3;

export function createChargingPort(random: Random): ChargingPort {
  const ambientC = random.between(21, 27);
  let portC = ambientC + random.between(0, 1.5);
  let session: { order: string; powerW: number; full: boolean; forMs: number | null } | null = null;
  let sessionMs = 0;
  let energyWs = 0;
  let powerW = 0;
  let maxW = 0;
  let hotC: number | null = null;
  let voltageV = random.between(219, 231);

  const demand = (): number => {
    if (!session) return 0;
    const soft = Math.min(1, 0.25 + (0.75 * sessionMs) / softStartMs);
    const share = session.forMs === null ? 0 : sessionMs / session.forMs;
    const tapering = session.full && share > 1 - taperShare;
    const taper = tapering ? Math.exp((-3.2 * (share - (1 - taperShare))) / taperShare) : 1;
    return session.powerW * soft * taper * (1 + (random.next() - 0.5) * 0.03);
  };

  return {
    plugIn: (started) => {
      session = { ...started };
      sessionMs = 0;
      energyWs = 0;
      maxW = 0;
      powerW = demand();
    },
    unplug: () => {
      session = null;
      powerW = 0;
    },
    overheat: (toC) => {
      hotC = toC;
    },
    cool: () => {
      hotC = null;
    },
    pass: (ms) => {
      if (session) {
        sessionMs += ms;
        powerW = demand();
        maxW = Math.max(maxW, powerW);
        energyWs += (powerW * ms) / 1000;
      }
      voltageV = Math.min(238, Math.max(212, voltageV + (random.next() - 0.5) * 0.8));
      const goalC = hotC ?? ambientC + powerW * riseCPerW;
      const paceMs = hotC !== null ? burningMs : goalC > portC ? warmingMs : coolingMs;
      portC += (goalC - portC) * (1 - Math.exp(-ms / paceMs));
    },
    get reading(): PortReading {
      const shown = Math.round(powerW * 10) / 10;
      return {
        state: session ? 'charging' : hotC === null ? 'idle' : 'fault',
        powerW: shown,
        voltageV: Math.round(voltageV * 10) / 10,
        currentA: Math.round((powerW / voltageV) * 1000) / 1000,
        energyKwh: Math.round(energyWs / 360) / 10_000,
        durationS: Math.round(sessionMs / 1000),
        ambientC: Math.round(ambientC * 10) / 10,
        portC: Math.round(portC * 10) / 10,
        order: session?.order ?? null,
        maxW: Math.round(maxW * 10) / 10,
      };
    },
  };
}
