export { openFileSource } from './file-source.ts';
export { openLiveSource } from './live-source.ts';
export { createRingOutlet, type RingOutlet } from './ring-outlet.ts';
export { createMotionGateOf } from './motion-gate.ts';
export { createCameraShared } from './shared.ts';
