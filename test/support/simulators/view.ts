import type { Point } from './homography.ts';

/** Metres: x to the right of the camera's foot, y up, z away along the lane. */
export type Place = readonly [x: number, y: number, z: number];

export interface View {
  readonly width: number;
  readonly height: number;
  /** Where a place is seen, in px; null behind the lens. */
  project(place: Place): Point | null;
  /** Px that one metre takes at this distance. */
  pxPerMetre(z: number): number;
}

export interface ViewOptions {
  readonly width: number;
  readonly height: number;
  readonly focalPx: number;
  readonly heightM: number;
  /** Degrees to the left of the lane's direction. */
  readonly yawDegrees: number;
  /** Degrees downwards. */
  readonly pitchDegrees: number;
}

/** Nearer than this nothing is drawn: the gate's camera does not see its own foot. */
const nearestM = 0.4;

/** A pinhole camera at the gate. */
export function createView(options: ViewOptions): View {
  const yaw = (options.yawDegrees * Math.PI) / 180;
  const pitch = (options.pitchDegrees * Math.PI) / 180;
  return {
    width: options.width,
    height: options.height,
    project: ([x, y, z]) => {
      const rise = y - options.heightM;
      const right = x * Math.cos(yaw) + z * Math.sin(yaw);
      const ahead = -x * Math.sin(yaw) + z * Math.cos(yaw);
      const depth = ahead * Math.cos(pitch) - rise * Math.sin(pitch);
      const up = rise * Math.cos(pitch) + ahead * Math.sin(pitch);
      if (depth < nearestM) return null;
      return [
        options.width / 2 + (options.focalPx * right) / depth,
        options.height / 2 - (options.focalPx * up) / depth,
      ];
    },
    pxPerMetre: (z) => options.focalPx / Math.max(z, nearestM),
  };
}

/** Gate camera on a 1.7 m post beside the lane: a plate is 60 px wide at 10 m, 160 px at 3.9 m. */
export const gateView: ViewOptions = {
  width: 1280,
  height: 720,
  focalPx: 1400,
  heightM: 1.7,
  yawDegrees: 9,
  pitchDegrees: 10.5,
};

/** Middle of the lane. */
export const laneX = -0.9;
/** Middle of the walkway beside it. */
export const walkwayX = 0.85;
