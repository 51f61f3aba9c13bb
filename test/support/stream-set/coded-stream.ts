import { spawn } from 'node:child_process';

/** One coded picture of a video file, as a live camera's fragment would bring it. */
export interface CodedPicture {
  readonly key: boolean;
  /** NAL units behind their lengths. */
  readonly sample: Uint8Array;
  readonly decodeMs: number;
  readonly showMs: number;
  readonly durationMs: number;
}

export interface CodedStream {
  readonly codec: 'h264' | 'hevc';
  readonly init: Uint8Array;
  readonly pictures: readonly CodedPicture[];
}

/** Copies any video file into fragments of one picture each, without decoding, and takes them apart. */
export async function readCodedStream(path: string): Promise<CodedStream> {
  const child = spawn(
    'ffmpeg',
    [
      ...'-nostdin -v error -i'.split(' '),
      path,
      ...'-map 0:v:0 -c copy -an -f mp4 -movflags +empty_moov+default_base_moof+frag_every_frame pipe:1'.split(' '),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const chunks: Buffer[] = [];
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) chunks.push(chunk);
  const file = Buffer.concat(chunks);
  if (file.length === 0) throw new Error(`${path} cannot be read as video: ${complaint.trim()}`);
  let init: Buffer = Buffer.alloc(0);
  let timescale = 1000;
  let defaults = { duration: 0, size: 0, flags: 0 };
  let fragment: ReturnType<typeof readMoof> | null = null;
  const pictures: CodedPicture[] = [];
  for (const box of boxesOf(file)) {
    if (box.name === 'moov') {
      init = box.body;
      timescale = find(box.body, 'trak', 'mdia', 'mdhd').readUInt32BE(12);
      const trex = find(box.body, 'mvex', 'trex');
      defaults = { duration: trex.readUInt32BE(12), size: trex.readUInt32BE(16), flags: trex.readUInt32BE(20) };
    } else if (box.name === 'moof') fragment = readMoof(box.body, defaults);
    else if (box.name === 'mdat' && fragment) {
      let at = 0;
      let decode = fragment.decode;
      for (const { size, duration, flags, offset } of fragment.samples) {
        const ms = (ticks: number): number => (ticks * 1000) / timescale;
        pictures.push({
          // sample_is_non_sync_sample (ISO/IEC 14496-12, 8.8.3.1)
          key: (flags & 0x10000) === 0,
          sample: box.body.subarray(at, at + size),
          decodeMs: ms(decode),
          showMs: ms(decode + offset),
          durationMs: ms(duration),
        });
        at += size;
        decode += duration;
      }
      fragment = null;
    }
  }
  const codec = init.includes('avcC') ? 'h264' : init.includes('hvcC') ? 'hevc' : null;
  if (!codec) throw new Error(`${path} holds neither H.264 nor H.265`);
  return { codec, init, pictures };
}

function* boxesOf(bytes: Buffer): Generator<{ name: string; body: Buffer }> {
  for (let at = 0; at + 8 <= bytes.length;) {
    const size = bytes.readUInt32BE(at);
    if (size < 8) return;
    yield { name: bytes.toString('latin1', at + 4, at + 8), body: bytes.subarray(at + 8, at + size) };
    at += size;
  }
}

function find(bytes: Buffer, ...path: readonly string[]): Buffer {
  let found = bytes;
  for (const name of path) {
    const box = [...boxesOf(found)].find((one) => one.name === name);
    if (!box) throw new Error(`no box ${path.join('/')}`);
    found = box.body;
  }
  return found;
}

function readMoof(moof: Buffer, defaults: { duration: number; size: number; flags: number }) {
  let { duration, size, flags } = defaults;
  const tfhd = find(moof, 'traf', 'tfhd');
  const has = tfhd.readUInt32BE(0) & 0xffffff;
  let at = 8 + (has & 1 ? 8 : 0) + (has & 2 ? 4 : 0);
  const next = (): number => tfhd.readUInt32BE((at += 4) - 4);
  if (has & 8) duration = next();
  if (has & 16) size = next();
  if (has & 32) flags = next();
  const tfdt = find(moof, 'traf', 'tfdt');
  const decode = tfdt[0] === 1 ? Number(tfdt.readBigUInt64BE(4)) : tfdt.readUInt32BE(4);
  const trun = find(moof, 'traf', 'trun');
  const holds = trun.readUInt32BE(0) & 0xffffff;
  let from = 8 + (holds & 1 ? 4 : 0);
  let first: number | null = null;
  if (holds & 4) first = trun.readUInt32BE((from += 4) - 4);
  const samples = Array.from({ length: trun.readUInt32BE(4) }, (_, index) => {
    const sample = { duration, size, flags: index === 0 && first !== null ? first : flags, offset: 0 };
    const read = (): number => trun.readUInt32BE((from += 4) - 4);
    if (holds & 0x100) sample.duration = read();
    if (holds & 0x200) sample.size = read();
    if (holds & 0x400) sample.flags = read();
    if (holds & 0x800) sample.offset = trun.readInt32BE((from += 4) - 4);
    return sample;
  });
  return { decode, samples };
}
