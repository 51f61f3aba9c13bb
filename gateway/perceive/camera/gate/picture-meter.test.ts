import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCodedStream } from '../../../../test/support/stream-set/coded-stream.ts';
import { createPictureMeter } from './picture-meter.ts';

const run = promisify(execFile);
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kanmen-meter-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const x264 = (params: string): string => `-c:v libx264 -preset veryfast -pix_fmt yuv420p -x264-params ${params}`;
const x265 = (params: string): string =>
  `-c:v libx265 -preset ultrafast -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=error:pools=none:${params}`;

/** One line for each way a slice header can be laid out that encoders here can make. */
const codings: readonly (readonly [string, string])[] = [
  ['H.264 with CABAC, weighted prediction, several references', x264('bframes=0:ref=4:weightp=2:keyint=20')],
  ['H.264 with B pictures in a pyramid', x264('bframes=3:b-adapt=0:b-pyramid=normal:weightb=1:keyint=30')],
  ['H.264 with CAVLC in four slices', x264('cabac=0:bframes=0:slices=4:keyint=15')],
  ['H.264 with interlaced macroblocks', x264('interlaced=1:bframes=1:keyint=20')],
  ['H.264 with intra refresh', x264('intra-refresh=1:bframes=0:keyint=12')],
  [
    'H.264 at a tight constant rate with filler',
    x264('nal-hrd=cbr:bitrate=300:vbv-maxrate=300:vbv-bufsize=150:keyint=25'),
  ],
  ['H.265 with P pictures', x265('bframes=0:ref=3:keyint=20')],
  ['H.265 with B pictures, open GOPs, weights', x265('bframes=4:b-adapt=0:weightp=1:weightb=1:open-gop=1:keyint=20')],
  ['H.265 with temporal layers', x265('temporal-layers=1:bframes=2:keyint=20')],
];

/** What ffmpeg's own parser says of each picture's first slice. */
async function tracedQuantisers(path: string): Promise<number[]> {
  const { stderr } = await run(
    'ffmpeg',
    `-nostdin -v trace -i ${path} -c copy -bsf:v trace_headers -f null -`.split(' '),
    {
      maxBuffer: 2 ** 28,
    },
  );
  const found: number[] = [];
  const initial = new Map<number, number>();
  let parsing = false;
  let set = 0;
  let first = false;
  for (const line of stderr.split('\n')) {
    if (!line.includes('trace_headers')) continue;
    // What stands in the file's head is traced once more as `Extradata`.
    if (/\] (Extradata|Packet)/.test(line)) parsing = true;
    const field = /\]\s+\d+\s+(\w+)(?:\[\S*\])?\s+[01]*\s+=\s+(-?\d+)/.exec(line);
    if (!parsing || !field) continue;
    const [name, value] = [field[1], Number(field[2])];
    if (name === 'pic_parameter_set_id' || name === 'pps_pic_parameter_set_id' || name === 'slice_pic_parameter_set_id')
      set = value;
    if (name === 'pic_init_qp_minus26' || name === 'init_qp_minus26') initial.set(set, 26 + value);
    if (name === 'first_mb_in_slice') first = value === 0;
    if (name === 'first_slice_segment_in_pic_flag') first = value === 1;
    if (name === 'slice_qp_delta' && first) found.push((initial.get(set) ?? NaN) + value);
  }
  return found;
}

describe('picture meter', () => {
  it.each(codings)('reads the quantiser of every picture: %s', async (name, coding) => {
    const path = join(dir, `${name.replaceAll(/\W+/g, '-')}.mp4`);
    const source = '-f lavfi -i testsrc2=s=320x192:r=25:d=3,noise=c0s=12:c0f=t';
    await run('ffmpeg', `-nostdin -v error -y ${source} ${coding} ${path}`.split(' '));
    const { codec, init, pictures } = await readCodedStream(path);
    const meter = createPictureMeter(codec, init);
    const weights = pictures.map(({ sample }) => meter.weigh(sample));
    const traced = await tracedQuantisers(path);
    const read = weights.map(({ head }) => head?.quantiser);
    expect(read).toEqual(traced);
    expect(weights[0]?.head?.kind).toBe('intra');
    expect(
      weights.every(({ sliceBytes }, index) => sliceBytes > 0 && sliceBytes <= (pictures[index]?.sample.length ?? 0)),
    ).toBe(true);
  });

  it('does not count what only fills the line', async () => {
    const path = join(dir, 'filler.mp4');
    const coding = x264('nal-hrd=cbr:bitrate=2000:vbv-maxrate=2000:vbv-bufsize=500:keyint=25');
    await run('ffmpeg', `-nostdin -v error -y -f lavfi -i color=gray:s=320x192:r=25:d=2 ${coding} ${path}`.split(' '));
    const { codec, init, pictures } = await readCodedStream(path);
    const meter = createPictureMeter(codec, init);
    const slices = pictures.reduce((sum, { sample }) => sum + meter.weigh(sample).sliceBytes, 0);
    const all = pictures.reduce((sum, { sample }) => sum + sample.length, 0);
    expect(slices).toBeLessThan(all / 10);
  });

  it.each(['h264', 'hevc'] as const)('survives every cut and every flipped bit: %s', async (codec) => {
    const path = join(dir, `cut-${codec}.mp4`);
    const coding = codec === 'h264' ? x264('bframes=2:keyint=10') : x265('bframes=2:keyint=10');
    await run('ffmpeg', `-nostdin -v error -y -f lavfi -i testsrc2=s=160x96:r=25:d=0.4 ${coding} ${path}`.split(' '));
    const { init, pictures } = await readCodedStream(path);
    const sample = pictures[1]?.sample ?? new Uint8Array();
    const weigh = (from: Uint8Array, picture: Uint8Array): void => {
      const { sliceBytes, head } = createPictureMeter(codec, from).weigh(picture);
      expect(sliceBytes).toBeLessThanOrEqual(picture.length);
      expect(head === null || (head.quantiser >= -48 && head.quantiser <= 51)).toBe(true);
    };
    for (let length = 0; length < Math.min(sample.length, 300); length += 1) weigh(init, sample.subarray(0, length));
    for (let length = 0; length < init.length; length += 3) weigh(init.subarray(0, length), sample);
    for (let bit = 0; bit < Math.min(sample.length, 60) * 8; bit += 1) weigh(init, flipped(sample, bit));
    for (let bit = 0; bit < init.length * 8; bit += 7) weigh(flipped(init, bit), sample);
  });
});

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
