/**
 * takes: cameras (RTSP, video files), still pictures, the models
 * gives: passages with the very frame that was read, camera changes, snapshots, `inspect` lines, counts of what was rejected and why
 * keeps: in memory: tracks and one frame for each camera, in worker threads; on disk: nothing
 * never: runs a model on the main thread, recognises a person, repairs a province, looks at pictures in a second way
 * spec: design section 3, interfaces "inspect", standards section 7 (GA 36-2018) and 8
 */
export { createPerception, type Perception, type PerceptionRequest } from './perception.ts';
export type { CameraChange, CameraStatus } from './camera-board.ts';
export type { CameraCounters, PassageCandidate, PassageJpegs, Snapshot } from './worker-protocol.ts';
export type { InspectedPassage, InspectedPlate, InspectLine } from './inspect-line.ts';
export { shippedModelsDir, verifyModels } from './model-store.ts';
export { addModel, listModels, pullModel, type ModelState } from './model-shelf.ts';
export type { ZoneChange } from './zone-visits.ts';
export type { ViewChange } from './view-watch.ts';
export type { Clip } from './camera/ring.ts';
export type { InitSegment } from './camera/fragment.ts';
export type { LiveFragment } from './camera/ring-outlet.ts';
export type { LiveHub, LiveListener, SeenNow } from './live/live-hub.ts';
export type { Mpeg1Listener, Mpeg1View } from './live/mpeg1.ts';
export type { Frame, FrameSource } from './frame-source.ts';
