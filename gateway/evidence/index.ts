/**
 * takes: pictures from perception, with the faces' boxes
 * gives: an evidence row to commit with the alert or passage; the picture again, faces blurred unless asked otherwise
 * keeps: encrypted files under the data directory, AES-256-GCM in chunks, SHA-256 of the plain picture in the database
 * never: writes a plain picture to disk, hands out a face without being told that it may
 * spec: design section 3 (evidence) and standards section 8 (law)
 */
export { createEvidence, type Evidence, type EvidenceRow, type SavedEvidence } from './evidence.ts';
export { blurFaces } from './blur-faces.ts';
export { loadEvidenceKeys, newEvidenceKey } from './keys.ts';
export { seal, unseal, type EvidenceKey } from './sealed-file.ts';
