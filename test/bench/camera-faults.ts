// Question: what is left behind (processes, handles, memory) after many forced camera faults in a row?
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startClipCamera, type ClipCamera } from '../support/simulators/clip-camera.ts';
import { createRandom } from '../support/simulators/random.ts';
import { makeClip } from './camera-clips.ts';
import { startCameraGateway } from './camera-gateway.ts';
import { percentiles, round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';
import { handlesOf, processTree } from './process-tree.ts';

const faults = ['drop', 'hang', 'mute', 'garbage', 'corrupt', 'leap', 'kill-children'] as const;

/** Resident memory of a process in MB. */
function rssMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

async function run({ full, seed, say }: BenchmarkOptions): Promise<Finding> {
  const wanted = full ? 200 : 8;
  const scene = { seed, seconds: 20, fps: 12.5, heightPx: 360, bitrateKbit: 1500 } as const;
  const made = await makeClip({ ...scene, vehicles: 0 });
  const withCar = await makeClip({ ...scene, vehicles: 1, firstMs: 4000 });
  const [victim, other] = [await startClipCamera({ clip: made.clip }), await startClipCamera({ clip: made.clip })];
  const { community, pid, quiet, passages } = await startCameraGateway([victim, other], { workers: 1 }, false, {
    silentAfter: '2s',
  });
  const random = createRandom(seed);
  const recoveries: number[] = [];
  const touched: string[] = [];
  const playing = async (camera: ClipCamera, withinMs: number): Promise<boolean> => {
    const from = camera.sent;
    for (const deadline = Date.now() + withinMs; Date.now() < deadline;) {
      if (camera.sent > from + 20) return true;
      await sleep(100);
    }
    return false;
  };
  const oneFault = async (): Promise<boolean> => {
    const fault = random.pick(faults);
    const links = other.connections;
    const startedMs = Date.now();
    if (fault === 'drop') victim.dropAll();
    else if (fault === 'leap') victim.leap(random.between(20_000, 3_600_000));
    else if (fault === 'kill-children') {
      for (const child of processTree(pid).slice(1)) process.kill(child, 'SIGKILL');
    } else {
      victim.setMode(fault);
      await sleep(fault === 'corrupt' ? 1500 : 2600);
      victim.setMode('normal');
    }
    const recovered = await playing(victim, 90_000);
    recoveries.push(Date.now() - startedMs);
    if (other.connections !== links) touched.push(fault);
    return recovered;
  };
  /**
   * Models at work take 60 MB: memory is compared when they sleep, which they do once nothing has moved for 75 s. The lowest of
   * the last minute of either rest counts: in the first one V8 goes on compiling and filling its heaps without any fault, from
   * 285 MB in its first minute to 297 in its fifth.
   */
  const resting = async (): Promise<{ readonly asleep: boolean; readonly rss: number }> => {
    if (!full) {
      await sleep(5000);
      return { asleep: false, rss: rssMb(pid) };
    }
    const lastMinuteMb: number[] = [];
    let over = false;
    const still = quiet(90_000, 300_000).finally(() => {
      over = true;
    });
    // Read through a function: `tsc` believes that it cannot change while we wait.
    for (const isOver = (): boolean => over; !isOver();) {
      lastMinuteMb.push(rssMb(pid));
      if (lastMinuteMb.length > 60) lastMinuteMb.shift();
      await sleep(1000);
    }
    return { asleep: await still, rss: Math.min(...lastMinuteMb) };
  };
  /** A car drives through: the first one loads both readers' working memory and the JPEG encoder, 30 MB, once. */
  const oneCar = async (): Promise<boolean> => {
    victim.show(withCar.clip);
    const deadline = Date.now() + 120_000;
    while ((await passages()) === 0 && Date.now() < deadline) await sleep(500);
    victim.show(made.clip);
    return (await passages()) > 0;
  };
  try {
    if (!(await playing(victim, 60_000))) throw new Error('the gateway did not connect');
    if (!(await oneCar())) throw new Error('the gateway told of no passage');
    // The first faults load code and grow buffers once.
    for (let count = 0; count < Math.min(20, wanted / 4); count += 1) await oneFault();
    const before = { ...(await resting()), processes: processTree(pid).length, handles: handlesOf(pid) };
    let failed = 0;
    const trendMb: number[] = [];
    for (let count = 0; count < wanted; count += 1) {
      if (!(await oneFault())) failed += 1;
      if (count % 20 === 19) {
        trendMb.push(round(rssMb(pid), 1));
        say(`${count + 1} faults, ${trendMb.at(-1)} MB`);
      }
    }
    // A decoder at work is no leak: it ends when its gate closes.
    const { asleep, rss } = await resting();
    let after = { processes: 0, handles: 0, rss };
    for (let tries = 0; tries < 30; tries += 1) {
      await sleep(1000);
      after = { processes: processTree(pid).length, handles: handlesOf(pid), rss: Math.min(after.rss, rssMb(pid)) };
      const closed = after.processes <= before.processes && after.handles <= before.handles;
      // The allocator gives memory back some time after the last of it was freed.
      if (closed && after.rss <= before.rss * 1.05) break;
    }
    const fault =
      failed > 0
        ? `${failed} faults were not recovered from`
        : touched.length === 0
          ? undefined
          : `the other camera was touched by ${touched.join(', ')}`;
    return {
      value: fault === undefined ? Math.max(after.processes - before.processes, 0) : null,
      unit: 'processes left',
      baseline: null,
      ...percentiles(recoveries),
      extra: {
        faults: wanted,
        rssRatio: round(after.rss / before.rss),
        rssMb: [round(before.rss, 1), round(after.rss, 1)],
        rssEvery20FaultsMb: trendMb,
        asleep: [before.asleep, asleep],
        handles: [before.handles, after.handles],
        processes: [before.processes, after.processes],
        recoveryMs: 'p50, p95, p99 above: from the fault to 20 pictures later',
      },
      ...(fault === undefined ? {} : { void: fault }),
    };
  } finally {
    await community.close();
    for (const camera of [victim, other]) await camera.stop();
  }
}

export const cameraFaults: Benchmark = {
  name: 'camera-faults',
  question: 'processes, handles and memory left behind by forced camera faults in a row',
  run,
};
