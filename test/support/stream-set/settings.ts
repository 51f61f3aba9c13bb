import type { Disturbance } from './disturbance.ts';

/** How a camera of the set codes its picture. */
export interface EncoderSetting {
  readonly name: string;
  readonly codec: 'h264' | 'hevc';
  /** Coded size; the drawn picture is 1280 × 720. */
  readonly widthPx: number;
  readonly heightPx: number;
  /** Divides the 12.5 or 25 frames a second of the scenarios. */
  readonly fps: 12.5 | 25;
  /** ffmpeg's output arguments, the encoder first. */
  readonly arguments: string;
  /** Noise of the sensor that is left after the camera's own noise reduction, as a share of the disturbance's. */
  readonly noiseRatio: number;
  /** Absent: the setting meets every disturbance. */
  readonly only?: readonly Disturbance[];
  /** A "smart" camera that sends only every fourth picture while nothing moves. */
  readonly sparesPictures?: boolean;
}

const small = { widthPx: 640, heightPx: 360, fps: 12.5, noiseRatio: 1 } as const;
const x264 = '-c:v libx264 -preset superfast -tune zerolatency -pix_fmt yuv420p -threads 1';
const x265 = '-c:v libx265 -preset ultrafast -pix_fmt yuv420p -tag:v hvc1';
const x265Params = (params: string): string =>
  `-x265-params log-level=error:pools=none:frame-threads=1:wpp=0:scenecut=0:${params}`;

/** What cameras of the trade are set to, from the plain to the odd; each line is a way to hide or show motion in sizes. */
export const encoderSettings: readonly EncoderSetting[] = [
  // Constant quality: size follows content.
  { ...small, name: 'vbr-gop2s', codec: 'h264', arguments: `${x264} -crf 30 -g 25 -sc_threshold 0` },
  { ...small, name: 'vbr-fine', codec: 'h264', noiseRatio: 0.5, arguments: `${x264} -crf 21 -g 25 -sc_threshold 0` },
  // Variable with a ceiling, as most cameras leave the factory.
  {
    ...small,
    name: 'capped-gop4s',
    codec: 'h264',
    arguments: `${x264} -crf 28 -maxrate 400k -bufsize 400k -g 50 -sc_threshold 0`,
  },
  // Constant bit rate, tight, filled up with filler data: size says nothing.
  {
    ...small,
    name: 'cbr-filler',
    codec: 'h264',
    arguments: `${x264} -b:v 500k -minrate 500k -maxrate 500k -bufsize 250k -nal-hrd cbr -g 25 -sc_threshold 0`,
  },
  {
    ...small,
    name: 'cbr-gop4s',
    codec: 'h264',
    arguments: `${x264} -b:v 350k -maxrate 350k -bufsize 175k -g 50 -sc_threshold 0`,
  },
  // Far too few bits: the quantiser stands at its end.
  {
    ...small,
    name: 'cbr-starved',
    codec: 'h264',
    arguments: `${x264} -b:v 90k -maxrate 90k -bufsize 90k -g 50 -sc_threshold 0`,
  },
  {
    ...small,
    name: 'cbr-gop05s',
    codec: 'h264',
    arguments: `${x264} -b:v 600k -maxrate 600k -bufsize 300k -g 6 -sc_threshold 0`,
  },
  { ...small, name: 'long-gop10s', codec: 'h264', arguments: `${x264} -crf 31 -g 125 -sc_threshold 0` },
  // "Smart" codec: key pictures once a minute or when the encoder sees a cut.
  {
    ...small,
    name: 'smart-gop60s',
    codec: 'h264',
    noiseRatio: 0.5,
    arguments: `${x264} -b:v 150k -maxrate 300k -bufsize 600k -g 750 -sc_threshold 40`,
  },
  {
    ...small,
    name: 'smart-spares-pictures',
    codec: 'h264',
    noiseRatio: 0.5,
    sparesPictures: true,
    arguments: `${x264} -crf 30 -g 75 -sc_threshold 0`,
  },
  // No key pictures at all after the first: a column of intra blocks wanders through.
  {
    ...small,
    name: 'intra-refresh',
    codec: 'h264',
    arguments: `${x264} -b:v 400k -maxrate 400k -bufsize 400k -x264-params intra-refresh=1:keyint=40`,
  },
  {
    ...small,
    name: 'b-pictures',
    codec: 'h264',
    arguments: `-c:v libx264 -preset veryfast -pix_fmt yuv420p -threads 1 -bf 3 -crf 30 -g 50`,
  },
  {
    ...small,
    name: 'b-pyramid-abr',
    codec: 'h264',
    arguments: `-c:v libx264 -preset faster -pix_fmt yuv420p -threads 1 -bf 3 -b_strategy 2 -x264-params b-pyramid=normal:rc-lookahead=20 -b:v 300k -g 100`,
  },
  {
    ...small,
    name: 'baseline-slices',
    codec: 'h264',
    arguments: `${x264} -profile:v baseline -slices 4 -b:v 400k -maxrate 500k -bufsize 500k -g 25 -sc_threshold 0`,
  },
  { ...small, name: 'hevc-vbr', codec: 'hevc', arguments: `${x265} -crf 30 ${x265Params('keyint=25:bframes=0')}` },
  {
    ...small,
    name: 'hevc-cbr',
    codec: 'hevc',
    arguments: `${x265} ${x265Params('bitrate=300:vbv-maxrate=300:vbv-bufsize=300:keyint=50:bframes=0')}`,
  },
  {
    ...small,
    name: 'hevc-smart-b',
    codec: 'hevc',
    noiseRatio: 0.5,
    arguments: `${x265} -crf 31 ${x265Params('keyint=375:bframes=3:open-gop=1')}`,
  },
  // As large as real ones, twice as many pictures.
  {
    name: 'full-hd-25',
    codec: 'h264',
    widthPx: 1920,
    heightPx: 1080,
    fps: 25,
    noiseRatio: 0.7,
    // Dear to code: three must do.
    only: ['day', 'night', 'rain'],
    arguments: `-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -threads 1 -b:v 2500k -maxrate 2500k -bufsize 2500k -g 50 -sc_threshold 0`,
  },
];
