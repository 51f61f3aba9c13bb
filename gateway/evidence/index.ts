/**
 * takes: pictures from perception with the faces' boxes, and clips as they came from the camera
 * gives: an evidence row to commit with the alert or passage; the picture again, faces blurred unless asked otherwise; a clip, whole or from the middle; signed links
 * keeps: encrypted files under the data directory, AES-256-GCM in chunks, SHA-256 of the plain picture or clip in the database
 * never: writes anything plain to disk, hands out a face without being told that it may, goes on under a wrong key
 * spec: design section 3 (evidence) and standards section 8 (law)
 */
export { createEvidence, type Evidence, type EvidenceRow, type SavedEvidence } from './evidence.ts';
export { blurFaces } from './blur-faces.ts';
export {
  createEvidenceLinks,
  linkFaults,
  linkForms,
  linkPath,
  linkUntil,
  type AskedLink,
  type EvidenceLink,
  type EvidenceLinks,
  type LinkFault,
  type LinkForm,
  type LinkVerdict,
} from './links.ts';
export { checkEvidenceKeys, loadEvidenceKeys, newEvidenceKey, type KeyPlace } from '../lib/sealed/keys.ts';
export { seal, unseal, type EvidenceKey } from '../lib/sealed/sealed-file.ts';
export type { SealedReader } from '../lib/sealed/sealed-reader.ts';
