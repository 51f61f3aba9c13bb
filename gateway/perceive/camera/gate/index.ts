export {
  calmGate,
  newGate,
  openGate,
  watchPicture,
  type GateDecision,
  type GateInput,
  type GateReason,
  type GateState,
} from './gate.ts';
export { createPictureMeter, gateInputOf, type PictureMeter, type PictureWeight } from './picture-meter.ts';
export { sensitivityNames, type Sensitivity } from './tuning.ts';
