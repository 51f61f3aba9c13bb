import type { EpochMs } from '../lib/clock.ts';

/** Signed links to one piece of evidence, for one recipient. */
export interface SharedEvidence {
  /** To the picture with its faces blurred, or to the clip; null for a clip that he may not see. */
  readonly link: { readonly url: string; readonly until: EpochMs } | null;
  /** To the picture as the camera saw it, for those who may see that. */
  readonly original: { readonly url: string; readonly until: EpochMs; readonly sha256: string } | null;
}
