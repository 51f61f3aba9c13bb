/** One box of an ISO base media file at its top level: ISO/IEC 14496-12 section 4.2. */
export interface Box {
  readonly type: string;
  /** With its head; a view into memory that is not used again. */
  readonly bytes: Buffer;
}

/** A box longer than this is garbage: an uncompressed 4K picture has 25 MB, a key frame 1.5. */
const mostBytes = 32_000_000;

/**
 * Cuts a stream into its top-level boxes, whatever pieces it arrives in. Each box is copied into memory of its own.
 * Throws RangeError for what cannot be a box; nothing may be pushed after that.
 */
export function createBoxSplitter(): (chunk: Buffer) => Box[] {
  let head: Buffer = Buffer.alloc(0);
  let box: Buffer | null = null;
  let filled = 0;
  return (chunk) => {
    const out: Box[] = [];
    let rest = chunk;
    for (;;) {
      if (box === null) {
        const joined = head.length === 0 ? rest : Buffer.concat([head, rest]);
        const size = boxSize(joined);
        if (size === null) {
          head = Buffer.from(joined);
          return out;
        }
        head = Buffer.alloc(0);
        // Not from Node's pool: whoever keeps the box would keep its neighbours too.
        box = Buffer.allocUnsafeSlow(size);
        filled = 0;
        rest = joined;
      }
      const part = rest.subarray(0, box.length - filled);
      box.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      if (filled < box.length) return out;
      out.push({ type: box.toString('latin1', 4, 8), bytes: box });
      box = null;
    }
  };
}

/** Length of the box that begins here; null while its head is not complete. */
function boxSize(bytes: Buffer): number | null {
  if (bytes.length < 8) return null;
  if (!/^[\x20-\x7e]{4}$/.test(bytes.toString('latin1', 4, 8))) throw new RangeError('not an MP4 stream: no box name');
  let size = bytes.readUInt32BE(0);
  if (size === 1) {
    if (bytes.length < 16) return null;
    size = bytes.readUInt32BE(8) * 0x100000000 + bytes.readUInt32BE(12);
    if (size < 16) throw new RangeError('not an MP4 stream: a box shorter than its head');
  } else if (size < 8) throw new RangeError('not an MP4 stream: a box shorter than its head');
  if (size > mostBytes) throw new RangeError(`not an MP4 stream: a box of ${size} bytes`);
  return size;
}

/** The boxes inside a part of a box that holds nothing but boxes. Throws RangeError where one does not fit. */
export function childBoxes(bytes: Buffer, from: number, to: number = bytes.length): Map<string, Buffer> {
  const children = new Map<string, Buffer>();
  for (let at = from; at + 8 <= to;) {
    const size = boxSize(bytes.subarray(at, to));
    if (size === null || at + size > to) throw new RangeError('a box reaches beyond the one that holds it');
    const type = bytes.toString('latin1', at + 4, at + 8);
    // The first of a kind is the one meant: a file may have more tracks, we asked for one.
    if (!children.has(type)) children.set(type, bytes.subarray(at, at + size));
    at += size;
  }
  return children;
}

/** Follows a path of box names down from the content of `bytes`, which is itself a box with an 8-byte head. */
export function boxAt(bytes: Buffer, ...path: readonly string[]): Buffer | null {
  let here: Buffer = bytes;
  for (const name of path) {
    const next = childBoxes(here, 8).get(name);
    if (!next) return null;
    here = next;
  }
  return here;
}
