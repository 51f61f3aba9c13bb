/** What we ask of NAL units of either codec: ITU-T H.264 table 7-1, H.265 table 7-1. */
export type Codec = 'h264' | 'hevc';

export type NalKind = 'vps' | 'sps' | 'pps' | 'key-slice' | 'slice' | 'other' | 'useless';

/** What a NAL unit is by its header byte. `useless`: delimiters, ends of sequence and filler, which MP4 has no need of. */
export function nalKind(codec: Codec, nal: Uint8Array): NalKind {
  const first = nal[0] ?? 0;
  if (codec === 'h264') {
    const type = first & 0x1f;
    if (type === 5) return 'key-slice';
    if (type >= 1 && type <= 4) return 'slice';
    if (type === 7) return 'sps';
    if (type === 8) return 'pps';
    return type === 6 || type === 14 || type === 20 ? 'other' : 'useless';
  }
  const type = (first >> 1) & 0x3f;
  if (type >= 16 && type <= 23) return 'key-slice';
  if (type < 32) return 'slice';
  if (type === 32) return 'vps';
  if (type === 33) return 'sps';
  if (type === 34) return 'pps';
  return type === 39 || type === 40 ? 'other' : 'useless';
}

/**
 * Cuts an Annex B byte stream that is complete (SDP and clip files, not live links) into NAL units without start codes.
 */
export function splitAnnexB(bytes: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  let start = -1;
  for (let i = 0; i + 2 < bytes.length; i += 1) {
    if (bytes[i] !== 0 || bytes[i + 1] !== 0 || bytes[i + 2] !== 1) continue;
    if (start >= 0) units.push(trimZeros(bytes.subarray(start, i)));
    start = i + 3;
    i += 2;
  }
  if (start >= 0) units.push(trimZeros(bytes.subarray(start)));
  return units.filter((unit) => unit.length > 0);
}

/** Zero bytes before a start code belong to it (Annex B `leading_zero_8bits`, `trailing_zero_8bits`). */
function trimZeros(nal: Uint8Array): Uint8Array {
  let end = nal.length;
  while (end > 0 && nal[end - 1] === 0) end -= 1;
  return nal.subarray(0, end);
}
