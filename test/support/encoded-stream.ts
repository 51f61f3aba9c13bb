import { execFileSync } from 'node:child_process';
import type { EpochMs } from '../../gateway/lib/clock.ts';
import type { Fragment, InitSegment } from '../../gateway/perceive/camera/fragment.ts';

export interface EncodedStream {
  readonly init: InitSegment;
  readonly fragments: readonly Fragment[];
}

/** A test picture that moves, as a camera's stream: one fragment a picture, a key frame every second, no B pictures. */
export function encodeStream(settings: {
  readonly codec: 'h264' | 'hevc';
  readonly seconds: number;
  readonly framesPerSecond?: number;
  readonly size?: string;
  readonly stream?: number;
  /** Capture time of the first picture. */
  readonly startMs: number;
}): EncodedStream {
  const { codec, seconds, framesPerSecond = 10, size = '320x240', stream = 0, startMs } = settings;
  const encoder = codec === 'h264' ? ['libx264'] : ['libx265', '-x265-params', 'log-level=none', '-tag:v', 'hvc1'];
  const file = execFileSync(
    'ffmpeg',
    [
      ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${framesPerSecond}:duration=${seconds}`],
      ...['-c:v', ...encoder, '-preset', 'ultrafast', '-g', `${framesPerSecond}`, '-bf', '0', '-pix_fmt', 'yuv420p'],
      ...['-movflags', '+empty_moov+default_base_moof+frag_every_frame', '-f', 'mp4', 'pipe:1'],
    ],
    { maxBuffer: 1 << 28 },
  );
  const boxes: { type: string; bytes: Buffer }[] = [];
  for (let offset = 0; offset < file.length;) {
    const size = file.readUInt32BE(offset);
    boxes.push({ type: file.toString('latin1', offset + 4, offset + 8), bytes: file.subarray(offset, offset + size) });
    offset += size;
  }
  const [widthPx = 0, heightPx = 0] = size.split('x').map(Number);
  const bytes = Buffer.concat(boxes.filter(({ type }) => type === 'ftyp' || type === 'moov').map((box) => box.bytes));
  const avcc = bytes.indexOf('avcC') + 5;
  const mimeCodec = codec === 'h264' ? `avc1.${bytes.toString('hex', avcc, avcc + 3)}` : 'hvc1.1.6.L60.90';
  const moofs = boxes.flatMap((box, index) => (box.type === 'moof' ? [index] : []));
  const frameMs = 1000 / framesPerSecond;
  return {
    init: { stream, codec, mimeCodec, widthPx, heightPx, bytes },
    fragments: moofs.map((index, sequence) => {
      const parts = [boxes[index]?.bytes ?? Buffer.alloc(0), boxes[index + 1]?.bytes ?? Buffer.alloc(0)] as const;
      const whole = Buffer.concat(parts);
      return {
        ...{ stream, sequence, key: sequence % framesPerSecond === 0, bytes: whole, sizeBytes: whole.length },
        ...{
          memory: null,
          sampleSizesBytes: [parts[1].length - 8],
          mediaTimeMs: sequence * frameMs,
          durationMs: frameMs,
        },
        capturedAtMs: (startMs + sequence * frameMs) as EpochMs,
      };
    }),
  };
}
