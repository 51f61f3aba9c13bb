import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { EpochMs } from '../../lib/clock.ts';

/** When a video file begins, and how that is known. */
export interface FileStart {
  readonly startsAt: EpochMs;
  /** `option`: it was said; `file`: its creation_time; `modified`: when it was last written, less its length. */
  readonly from: 'option' | 'file' | 'modified';
}

/** Before this no camera wrote MP4: clocks that were never set say 1904 or 1970. */
const earliest = Date.UTC(1995, 0, 1);

/**
 * When a video file's first picture was taken. Recorders write `creation_time` when they begin; where there is none, the
 * file's last change less its length is the best guess, as recorders write until the end. Never throws: what cannot be
 * opened begins when it was last changed, or in 1970, and its pictures will say what is wrong.
 */
export async function readFileStart(path: string, given: EpochMs | null, signal: AbortSignal): Promise<FileStart> {
  if (given !== null) return { startsAt: given, from: 'option' };
  const { createdAt, lengthMs } = await probe(path, signal);
  if (createdAt !== null) return { startsAt: createdAt, from: 'file' };
  const modifiedMs = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  return { startsAt: Math.max(Math.round(modifiedMs - lengthMs), 0) as EpochMs, from: 'modified' };
}

interface Probed {
  readonly format?: { readonly duration?: string; readonly tags?: Readonly<Record<string, string>> };
  readonly streams?: readonly { readonly duration?: string; readonly tags?: Readonly<Record<string, string>> }[];
}

async function probe(path: string, signal: AbortSignal): Promise<{ createdAt: EpochMs | null; lengthMs: number }> {
  const entries = 'format=duration:format_tags=creation_time:stream=duration:stream_tags=creation_time';
  const args = ['-v', 'error', '-select_streams', 'v:0', '-show_entries', entries, '-of', 'json', '-i', path];
  try {
    const { stdout } = await promisify(execFile)('ffprobe', args, { signal, timeout: 20_000, killSignal: 'SIGKILL' });
    const { format, streams } = JSON.parse(stdout) as Probed;
    const stream = streams?.[0];
    const tag = format?.tags?.['creation_time'] ?? stream?.tags?.['creation_time'];
    const created = tag === undefined ? NaN : Date.parse(tag);
    const seconds = Number(format?.duration ?? stream?.duration ?? 0);
    return {
      createdAt: created >= earliest ? (created as EpochMs) : null,
      lengthMs: Number.isFinite(seconds) ? seconds * 1000 : 0,
    };
  } catch {
    return { createdAt: null, lengthMs: 0 };
  }
}
