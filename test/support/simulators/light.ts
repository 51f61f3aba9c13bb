/** What the hour does to a picture. */
export interface Light {
  readonly night: boolean;
  /** Brightness of what does not shine, 1 = full day. */
  readonly bodyGain: number;
  /** Brightness of the plate, which throws the camera's lamp back. */
  readonly plateGain: number;
  /** Time during which the sensor gathers light: what moves meanwhile is smeared. */
  readonly exposureMs: number;
  /** Noise of the sensor in 8-bit steps. */
  readonly noise: number;
}

/** Figures of ordinary gate cameras: 1/50 s by day, 1/30 s and a high gain by night. */
export const lights = {
  day: { night: false, bodyGain: 0.95, plateGain: 0.95, exposureMs: 20, noise: 6 },
  night: { night: true, bodyGain: 0.3, plateGain: 0.78, exposureMs: 33, noise: 13 },
} as const satisfies Record<string, Light>;
