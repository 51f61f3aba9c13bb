/** What one coded picture is made of. */
export interface AccessUnit {
  /** NAL units without start codes, delimiters left out. */
  readonly nals: readonly Buffer[];
  readonly key: boolean;
  /** Absent: H.264. */
  readonly codec?: 'hevc';
}

export const nalType = (nal: Buffer): number => nal[0]! & 0x1f;
const delimiterType = 9;

export const hevcNalType = (nal: Buffer): number => (nal[0]! >> 1) & 0x3f;

/** Access units of a whole H.265 Annex B stream that carries delimiters (ITU-T H.265, 7.4.2.4.4). */
export function hevcUnits(stream: Buffer): AccessUnit[] {
  const units: AccessUnit[] = [];
  let nals: Buffer[] = [];
  const finish = (): void => {
    if (nals.length > 0) units.push({ nals, key: nals.some((nal) => hevcNalType(nal) >> 3 === 2), codec: 'hevc' });
    nals = [];
  };
  const startCode = Buffer.from([0, 0, 1]);
  for (let start = stream.indexOf(startCode); start >= 0;) {
    const next = stream.indexOf(startCode, start + 3);
    const end = next < 0 ? stream.length : stream[next - 1] === 0 ? next - 1 : next;
    const nal = Buffer.from(stream.subarray(start + 3, end));
    if (hevcNalType(nal) === 35) finish();
    else nals.push(nal);
    start = next;
  }
  finish();
  return units;
}

/**
 * Cuts an Annex B byte stream (ITU-T H.264, Annex B) into access units. The stream must carry access unit delimiters:
 * a unit is complete when the next delimiter has arrived.
 */
export function createAnnexBSplitter(onUnit: (unit: AccessUnit) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let unit: Buffer[] = [];
  const finishUnit = (): void => {
    if (unit.length > 0) onUnit({ nals: unit, key: unit.some((nal) => nalType(nal) === 5) });
    unit = [];
  };
  const take = (nal: Buffer): void => {
    if (nal.length === 0) return;
    if (nalType(nal) === delimiterType) finishUnit();
    else unit.push(nal);
  };
  const startCode = Buffer.from([0, 0, 1]);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = rest.indexOf(startCode);
    if (start < 0) return;
    for (;;) {
      const next = rest.indexOf(startCode, start + 3);
      if (next < 0) break;
      // The byte before a start code may belong to it (00 00 00 01).
      const end = rest[next - 1] === 0 ? next - 1 : next;
      take(Buffer.from(rest.subarray(start + 3, end)));
      start = next;
    }
    rest = Buffer.from(rest.subarray(start));
    // A delimiter is 2 bytes long: seen whole, it ends the unit before it without waiting for what follows.
    if (rest.length >= 5 && (rest[3]! & 0x1f) === delimiterType) finishUnit();
  };
}
