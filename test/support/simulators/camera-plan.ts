import { approachTimes, type Approach } from './motion.ts';
import type { SimulatedColor, SimulatedKind, SimulatedPlate } from './plate-text.ts';
import type { VehicleShape } from './vehicle-front.ts';

/** A vehicle that drives up, waits and leaves. */
export interface VehicleVisit {
  /** When it comes into view, ms after the story's start. */
  readonly atMs: number;
  readonly plate: SimulatedPlate;
  readonly shape: VehicleShape;
  readonly paint: readonly [number, number, number];
  readonly approach: Approach;
}

/** Somebody who walks past with the face towards the camera. */
export interface PersonVisit {
  readonly atMs: number;
}

/** What one simulated camera shows. */
export interface CameraPlan {
  readonly id: string;
  /** Written into the picture, as cameras do. */
  readonly name: string;
  readonly direction: 'in' | 'out';
  readonly light: 'day' | 'night';
  readonly user: string;
  readonly password: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly vehicles: readonly VehicleVisit[];
  readonly persons: readonly PersonVisit[];
}

/** Everything the camera process needs; handed over as JSON on its stdin or in a file, never as arguments. */
export interface CamerasPlan {
  readonly seed: number;
  readonly cameras: readonly CameraPlan[];
}

/** One row of a camera's own record; times are epoch milliseconds. */
export type CameraRecord =
  | {
      readonly record: 'passage';
      readonly camera: string;
      readonly text: string;
      readonly kind: SimulatedKind;
      readonly color: SimulatedColor;
      readonly direction: 'in' | 'out';
      readonly enteredAtMs: number;
      /** When the plate was first 60 px wide and whole inside the picture. */
      readonly readableFromMs: number;
      readonly readableUntilMs: number;
      readonly widestPlatePx: number;
      readonly leftAtMs: number;
    }
  | {
      readonly record: 'person';
      readonly camera: string;
      readonly direction: 'in' | 'out';
      readonly enteredAtMs: number;
      readonly widestFacePx: number;
      readonly leftAtMs: number;
    };

/** Answers of the camera process on stdout, beside the records. */
export type CameraAnswer =
  | { readonly ready: true; readonly cameras: readonly { readonly id: string; readonly url: string }[] }
  | { readonly done: string; readonly camera: string | null; readonly atMs: number }
  | { readonly fault: string };

/** Orders for one camera, or for all when `camera` is left out. */
export type CameraOrder =
  | { readonly order: 'start'; readonly atMs?: number }
  | { readonly order: 'hang' | 'mute' | 'garbage' | 'corrupt' | 'resume'; readonly camera?: string }
  | { readonly order: 'drop'; readonly camera?: string }
  | { readonly order: 'wrongPassword'; readonly camera?: string; readonly password?: string }
  | { readonly order: 'resolution'; readonly camera?: string; readonly width: number; readonly height: number }
  | { readonly order: 'quit' };

/** When a visit is over, ms after the story's start. */
export function visitEndsMs(visit: VehicleVisit): number {
  return visit.atMs + approachTimes(visit.approach).goneMs;
}
