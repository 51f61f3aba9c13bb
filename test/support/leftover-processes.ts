import { readdirSync, readFileSync } from 'node:fs';

/** Everything that a test run starts inherits this variable, and is known by its value. */
export const runVariable = 'KANMEN_TEST_RUN';

export interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** Reads a file of /proc; null where the process has ended meanwhile, or is not ours to look at. */
function proc(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return null;
  }
}

/** Parent as /proc/PID/stat has it; the name before it may hold anything, so it is read from the last bracket on. */
function parentOf(pid: number): number {
  const stat = proc(pid, 'stat');
  return stat === null ? 0 : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function descendsFrom(pid: number, ancestor: number): boolean {
  for (let at = pid; at > 1; at = parentOf(at)) if (at === ancestor) return true;
  return false;
}

/**
 * Processes of the run `mark` that outlived whoever started them: they carry the mark and do not descend from `root` any more.
 * Linux only; nothing elsewhere.
 */
export function leftoverProcesses(mark: string, root = process.pid): Leftover[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => proc(pid, 'environ')?.split('\0').includes(`${runVariable}=${mark}`) === true)
    .filter((pid) => !descendsFrom(pid, root))
    .flatMap((pid) => {
      const command = proc(pid, 'cmdline')?.replaceAll('\0', ' ').trim() ?? '';
      // One that has just ended and is not waited for yet has none.
      return command === '' ? [] : [{ pid, command }];
    });
}
