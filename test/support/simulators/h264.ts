/** What one coded picture is made of. */
export interface AccessUnit {
  /** NAL units without start codes, delimiters left out. */
  readonly nals: readonly Buffer[];
  readonly key: boolean;
}

export const nalType = (nal: Buffer): number => nal[0]! & 0x1f;
const delimiterType = 9;

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
