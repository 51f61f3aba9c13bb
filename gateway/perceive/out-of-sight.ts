import type { VehicleSighting } from './vehicle-tracks.ts';

/** Read as often, mostly alike, a vehicle would hardly be known better after more reads. */
const readOften = 6;
/** Who drives away is out of sight when its plate is no wider than this: nothing of it is read any more. */
const tooFarPx = 60;

/**
 * Whether a vehicle that is not seen any more has driven out of the picture, or too far away to be read, after it was read
 * often: no better read of it can come, so an unsure one need not wait for one. One that was lost in the middle of the picture may
 * be hidden and come again.
 */
export function isOutOfSight(sighting: VehicleSighting): boolean {
  const { plate, reads, agreeing, motion, lastBox, evidence } = sighting;
  if (reads < readOften || agreeing < reads / 2 || plate.kind === 'unknown') return false;
  const [left, top, width, height] = lastBox;
  if (motion === 'away' && width <= tooFarPx) return true;
  const { widthPx, heightPx } = evidence.picture;
  const toEdge = Math.min(left, top, widthPx - left - width, heightPx - top - height);
  return (motion === 'nearer' || motion === 'away') && toEdge <= Math.max(width, height) / 2;
}
