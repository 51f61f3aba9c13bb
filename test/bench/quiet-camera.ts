// Question: what does a quiet 1080p25 camera cost in CPU, everything included, against decoding the same stream?
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { startClipCamera } from '../support/simulators/clip-camera.ts';
import { makeClip } from './camera-clips.ts';
import { startCameraGateway } from './camera-gateway.ts';
import { round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';
import { cpuSecondsOfTree } from './process-tree.ts';

const nothing = { n: 0, p50: null, p95: null, p99: null, unit: 'ratio', baseline: null } as const;

/**
 * CPU seconds that ffmpeg needs to decode the file once, without scaling or writing anything. Not in real time: on a busy
 * machine it would leave pictures out and look cheap.
 */
function decodingSeconds(path: string): number {
  const args = `-nostdin -hide_banner -benchmark -threads 1 -i ${path} -f null -`.split(' ');
  const report = execFileSync('sh', ['-c', 'exec ffmpeg "$@" 2>&1', 'ffmpeg', ...args], { encoding: 'utf8' });
  const found = /utime=([\d.]+)s stime=([\d.]+)s/.exec(report);
  return Number(found?.[1] ?? 0) + Number(found?.[2] ?? 0);
}

async function run({ full, seed, say, settings }: BenchmarkOptions): Promise<Finding> {
  const seconds = full ? 180 : 40;
  const count = Number(settings['cameras'] ?? '1');
  const made = await makeClip({ seed, seconds: 20, fps: 25, heightPx: 1080, bitrateKbit: 3000, vehicles: 0 });
  const cameras = await Promise.all(
    Array.from({ length: count }, (_, index) => startClipCamera({ clip: made.clip, offset: index * 7 })),
  );
  const { community, pid, counts, quiet } = await startCameraGateway(cameras, {}, true);
  try {
    say('waiting until the gate has learned that nothing moves');
    // It is quiet for most of a night: V8, too, must have seen what runs twice a second often enough to have compiled it.
    if (!(await quiet(45_000, 150_000)))
      return { ...nothing, value: null, extra: {}, void: 'the gate did not close within two minutes' };
    say(`measuring for ${seconds} s`);
    const before = { ours: cpuSecondsOfTree(pid), at: Date.now() };
    const first = await counts();
    await sleep(seconds * 1000);
    const last = await counts();
    const spanS = (Date.now() - before.at) / 1000;
    const ours = (cpuSecondsOfTree(pid) - before.ours) / spanS / count;
    const pictures = made.clip.units.length;
    const theirs = (decodingSeconds(made.path) / pictures) * made.clip.fps;
    const rate = (last.coded - first.coded) / spanS / count;
    const extra = {
      cameras: count,
      seconds: round(spanS, 1),
      corePercent: round(ours * 100, 2),
      codedPicturesPerSecond: round(rate, 2),
      decodedPictures: last.decoded - first.decoded,
      dropped: last.gopsDropped - first.gopsDropped,
    };
    const fault =
      rate < 24
        ? `only ${round(rate, 1)} of 25 pictures a second came through`
        : theirs < 0.02
          ? 'the baseline decoded nothing'
          : undefined;
    return {
      value: fault === undefined ? round(ours / theirs) : null,
      unit: 'ratio',
      baseline: { name: 'ffmpeg decoding the stream at its rate, cores', value: round(theirs, 4) },
      ...{ n: last.coded - first.coded, p50: null, p95: null, p99: null },
      extra,
      ...(fault === undefined ? {} : { void: fault }),
    };
  } finally {
    await community.close();
    for (const camera of cameras) await camera.stop();
  }
}

export const quietCamera: Benchmark = {
  name: 'quiet-camera',
  question: 'CPU of a quiet 1080p25 camera, everything included, against decoding the same stream with ffmpeg',
  run,
};
