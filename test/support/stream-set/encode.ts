import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, renameSync } from 'node:fs';
import type { Random } from '../simulators/random.ts';
import { createDisturbance, infraredTimes, noiseOf, type Disturbance } from './disturbance.ts';
import type { CleanStream, Truth } from './render.ts';
import type { EncoderSetting } from './settings.ts';

/** Sparing cameras need this long to see that something moves. */
const noticeS = 0.5;

/** Codes a clean stream with one setting under one disturbance, unless the file is there already. */
export async function encodeStream(request: {
  readonly clean: CleanStream;
  readonly setting: EncoderSetting;
  readonly disturbance: Disturbance;
  readonly random: Random;
  readonly path: string;
}): Promise<void> {
  const { clean, setting, disturbance, path } = request;
  if (existsSync(path)) return;
  const { widthPx, heightPx, fps } = setting;
  const size = `${widthPx}x${heightPx}`;
  const disturb = createDisturbance({
    kind: disturbance,
    widthPx,
    heightPx,
    seconds: clean.truth.seconds,
    random: request.random,
  });
  const decoder = spawn(
    'ffmpeg',
    `-nostdin -v error -threads 1 -i ${clean.path} -vf scale=${widthPx}:${heightPx} -f rawvideo -pix_fmt yuv420p pipe:1`.split(
      ' ',
    ),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const partial = `${path}.part`;
  const input = `-nostdin -v error -y -f rawvideo -pix_fmt yuv420p -s ${size} -r ${fps} -i pipe:0`;
  const encoder = spawn(
    'ffmpeg',
    [
      ...input.split(' '),
      '-vf',
      filtersOf(setting, disturbance, clean.truth),
      '-fps_mode',
      'passthrough',
      ...setting.arguments.split(' '),
      '-f',
      'mp4',
      partial,
    ],
    { stdio: ['pipe', 'ignore', 'inherit'] },
  );
  const closed = once(encoder, 'close') as Promise<[number | null]>;
  const frameBytes = (widthPx * heightPx * 3) / 2;
  let frame = Buffer.alloc(frameBytes);
  let filled = 0;
  let count = 0;
  for await (const chunk of decoder.stdout as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length;) {
      const taken = chunk.copy(frame, filled, at);
      at += taken;
      filled += taken;
      if (filled < frameBytes) continue;
      disturb(frame, (count * 1000) / fps);
      count += 1;
      if (!encoder.stdin.write(frame)) await once(encoder.stdin, 'drain');
      frame = Buffer.alloc(frameBytes);
      filled = 0;
    }
  }
  encoder.stdin.end();
  const [code] = await closed;
  if (code !== 0 || count === 0) throw new Error(`ffmpeg ended with ${code} after ${count} pictures of ${path}`);
  renameSync(partial, path);
}

function filtersOf(setting: EncoderSetting, disturbance: Disturbance, truth: Truth): string {
  const noise = noiseOf(disturbance);
  const filters = [];
  const add = (strength: number, when: string): void => {
    const luma = Math.round(strength * setting.noiseRatio);
    const chroma = Math.ceil(luma / 2);
    filters.push(`noise=c0s=${luma}:c0f=t:c1s=${chroma}:c1f=t:c2s=${chroma}:c2f=t${when}`);
  };
  if (noise.infrared === noise.usual) add(noise.usual, '');
  else {
    const [fromS, untilS] = infraredTimes(truth.seconds);
    add(noise.usual, `:enable='lt(t,${fromS})+gte(t,${untilS})'`);
    add(noise.infrared, `:enable='gte(t,${fromS})*lt(t,${untilS})'`);
  }
  if (setting.sparesPictures === true) {
    const moving = [
      ...truth.passages.map(({ visibleFromMs, goneMs }) => [visibleFromMs, goneMs]),
      ...truth.persons.map(({ fromMs, untilMs }) => [fromMs, untilMs]),
    ].map(([fromMs, untilMs]) => `between(t,${fromMs! / 1000 + noticeS},${untilMs! / 1000 + noticeS})`);
    filters.push(`select='not(mod(n,4))+${moving.join('+')}'`);
  }
  return filters.join(',');
}
