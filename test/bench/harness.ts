import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

/** What a benchmark found (interfaces.md, "Benchmarks"). `value` null with a `void` where its conditions were not met. */
export interface Finding {
  readonly value: number | null;
  readonly unit: string;
  readonly baseline: { readonly name: string; readonly value: number } | null;
  readonly n: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly void?: string;
}

export interface Benchmark {
  readonly name: string;
  /** The one question it answers. */
  readonly question: string;
  run(options: BenchmarkOptions): Promise<Finding>;
}

export interface BenchmarkOptions {
  readonly full: boolean;
  readonly seed: number;
  /** For people, on stderr. */
  readonly say: (line: string) => void;
  /** `--name value` pairs that only this benchmark knows. */
  readonly settings: Readonly<Record<string, string>>;
}

/** The value below which `share` (0..1) of the values lie; nearest rank. Null for no values. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? null;
}

export const round = (value: number, digits = 3): number => Number(value.toFixed(digits));

export function percentiles(values: readonly number[]): Pick<Finding, 'p50' | 'p95' | 'p99' | 'n'> {
  const at = (share: number): number | null => {
    const value = percentile(values, share);
    return value === null ? null : round(value);
  };
  return { n: values.length, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** CPU seconds (user + system, all threads) that a process has used. Linux. */
export function cpuSecondsOf(pid: number): number {
  // Fields 14 and 15 of /proc/PID/stat, in clock ticks of 10 ms; the name in field 2 may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function machine(): { cpu: string; cores: number; node: string } {
  return { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), node: process.version };
}

export function commit(): string {
  try {
    const dirty = execFileSync('git', ['status', '--porcelain', '--untracked-files=no'], { encoding: 'utf8' }) !== '';
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim() + (dirty ? '+' : '');
  } catch {
    return 'unknown';
  }
}
