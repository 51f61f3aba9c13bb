/** What an issued credential looks like: the lines of `kanmen devices add --json`. */
export interface DeviceCredential {
  /** `charger/10597001`, `fire/f-0001`. */
  readonly username: string;
  readonly password: string;
  /** `community/<site>/<class>/<id>`, with or without a slash at its end. */
  readonly topicPrefix: string;
}

export interface PlannedPile {
  readonly id: string;
  readonly area: string;
  readonly ports: number;
}

export interface PlannedSensor {
  readonly id: string;
  readonly area: string;
}

/** Somebody plugs in; times are ms after the story's start. */
export interface PlannedSession {
  readonly atMs: number;
  readonly pile: string;
  readonly port: number;
  readonly order: string;
  /** What the charger takes at first, W. */
  readonly powerW: number;
  /** When it ends, ms after its start; null: still charging when the story is over. */
  readonly endsAfterMs: number | null;
  readonly stopReason: 'full' | 'user' | 'over_temp' | null;
}

/** A bad contact: the port warms up within seconds, stays hot while it charges and cools when it is cut off. */
export interface PlannedHeat {
  readonly atMs: number;
  readonly pile: string;
  readonly port: number;
  readonly toC: number;
}

export interface PlannedSmoke {
  readonly atMs: number;
  readonly sensor: string;
  /** How long the smoke lasts. */
  readonly forMs: number;
}

/** Everything the device process needs; handed over as JSON on its stdin or in a file, never as arguments. */
export interface DevicesPlan {
  readonly seed: number;
  /** `mqtt://127.0.0.1:1883`, without user and password. */
  readonly broker: string;
  readonly credentials: readonly DeviceCredential[];
  readonly piles: readonly PlannedPile[];
  readonly sensors: readonly PlannedSensor[];
  readonly sessions: readonly PlannedSession[];
  readonly heats: readonly PlannedHeat[];
  readonly smokes: readonly PlannedSmoke[];
  /** Pace of a charging port's readings; real piles take 30 to 60 s. */
  readonly telemetryEveryMs: number;
  /** Pace of a fire sensor's readings; real ones take hours. */
  readonly sensorEveryMs: number;
}

/** One row of the devices' own record; times are epoch milliseconds. */
export type DeviceRecord =
  | {
      readonly record: 'session-started';
      readonly pile: string;
      readonly port: number;
      readonly order: string;
      readonly startedAtMs: number;
      /** When the broker had acknowledged it. */
      readonly acknowledgedAtMs: number;
    }
  | {
      readonly record: 'session-ended';
      readonly pile: string;
      readonly port: number;
      readonly order: string;
      readonly startedAtMs: number;
      readonly endedAtMs: number;
      readonly energyKwh: number;
      readonly durationS: number;
      readonly maxW: number;
      readonly stopReason: string;
      readonly acknowledgedAtMs: number;
    }
  | {
      readonly record: 'overheated';
      readonly pile: string;
      readonly port: number;
      /** First reading of 60 °C or more. */
      readonly portC: number;
      readonly atMs: number;
      readonly acknowledgedAtMs: number;
    }
  | {
      readonly record: 'smoke';
      readonly sensor: string;
      readonly active: boolean;
      readonly atMs: number;
      readonly acknowledgedAtMs: number;
    }
  | {
      /** On order `report` and at the end. */
      readonly record: 'counts';
      readonly devices: number;
      readonly connected: number;
      readonly published: number;
      readonly acknowledged: number;
      readonly failed: number;
      /** Publish to acknowledgement, ms. */
      readonly slowestAcknowledgementMs: number;
    };

/** Orders for the device process. */
export type DeviceOrder =
  | { readonly order: 'start'; readonly atMs?: number }
  | { readonly order: 'overheat'; readonly pile: string; readonly port: number; readonly toC: number }
  | { readonly order: 'smoke'; readonly sensor: string }
  | { readonly order: 'clear'; readonly sensor?: string; readonly pile?: string; readonly port?: number }
  /** `drop` cuts the link without a word, so that the last will speaks. */
  | { readonly order: 'silent'; readonly device: string; readonly drop?: boolean }
  | { readonly order: 'resume'; readonly device: string }
  | { readonly order: 'burst'; readonly count: number; readonly device?: string }
  | { readonly order: 'report' | 'quit' };

/** Answers of the device process on stdout, beside the records. */
export type DeviceAnswer =
  | { readonly ready: true; readonly devices: number }
  | { readonly done: string; readonly atMs: number }
  | { readonly fault: string };
