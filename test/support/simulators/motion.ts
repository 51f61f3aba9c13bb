/** How a vehicle moves on the lane: distance of its front from the camera over time. Pure. */
export interface Approach {
  /** Metres from the camera where it comes into view. */
  readonly startM: number;
  readonly stopM: number;
  readonly speedMps: number;
  readonly waitMs: number;
}

const brakeMps2 = 1.6;
const pullMps2 = 1.7;

/** Milliseconds after coming into view at which it stands, drives on and is past the camera. */
export function approachTimes(approach: Approach): { standsMs: number; goesMs: number; goneMs: number } {
  const brakeM = approach.speedMps ** 2 / (2 * brakeMps2);
  const cruiseS = (approach.startM - approach.stopM - brakeM) / approach.speedMps;
  const standsMs = (cruiseS + approach.speedMps / brakeMps2) * 1000;
  const goesMs = standsMs + approach.waitMs;
  // Gone when its tail (4.5 m behind the front) is beside the camera.
  const goneMs = goesMs + Math.sqrt((2 * (approach.stopM + 4.5)) / pullMps2) * 1000;
  return { standsMs, goesMs, goneMs };
}

/** Distance of the front from the camera, metres (negative: past it), and speed, at `afterMs` from coming into view. */
export function positionAt(approach: Approach, afterMs: number): { zM: number; speedMps: number } {
  const { standsMs, goesMs } = approachTimes(approach);
  const brakeS = approach.speedMps / brakeMps2;
  const s = afterMs / 1000;
  const brakesAt = standsMs / 1000 - brakeS;
  if (s < brakesAt) return { zM: approach.startM - approach.speedMps * s, speedMps: approach.speedMps };
  if (afterMs < standsMs) {
    const leftS = standsMs / 1000 - s;
    return { zM: approach.stopM + (brakeMps2 * leftS ** 2) / 2, speedMps: brakeMps2 * leftS };
  }
  if (afterMs < goesMs) return { zM: approach.stopM, speedMps: 0 };
  const goingS = (afterMs - goesMs) / 1000;
  return { zM: approach.stopM - (pullMps2 * goingS ** 2) / 2, speedMps: pullMps2 * goingS };
}
