// Question: on a disk that is full to the last byte, are alarms still stored and delivered, is everything else refused in the order of its worth, and does it recover by itself?
import { playFullDisk } from '../support/full-disk.ts';
import { percentiles, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';

async function run({ full, say }: BenchmarkOptions): Promise<Finding> {
  const found = await playFullDisk({ alarms: full ? 200 : 30, piles: full ? 50 : 10, say });
  const none = { unit: 'wrong', baseline: null, n: 0, p50: null, p95: null, p99: null, extra: {} };
  if (!found) return { ...none, value: null, void: 'no small disk can be mounted here: that needs root' };
  if (found.latenciesMs.length === 0) return { ...none, value: null, void: 'no alarm was measured' };
  const { lost, readingsWrong, acknowledgedWhileFull, saidWrong, told } = found;
  const toldWrong = told.join() === 'disk-low,disk-ok' ? 0 : 1;
  return {
    value: lost + readingsWrong + acknowledgedWhileFull + saidWrong.length + toldWrong,
    unit: 'wrong',
    baseline: null,
    ...percentiles(found.latenciesMs),
    n: found.alarms,
    extra: {
      alarms: found.alarms,
      alarmsLost: lost,
      latencyUnit: 'ms, publish → station, while full',
      readings: found.readings,
      readingsWrong,
      acknowledgedWhileFull,
      saidWrong,
      told,
      recoveryMs: found.recoveryMs,
      disk: 'tmpfs of 220 MB, reserve 32 MB',
    },
  };
}

export const fullDisk: Benchmark = {
  name: 'full-disk',
  question:
    'disk full to the last byte: alarms lost, readings lost or taken wrongly, wrong words; 0 is what it must be',
  run,
};
