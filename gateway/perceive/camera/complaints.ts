import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

/** How an ffmpeg child has ended, with the last lines that it wrote about errors. */
export interface ChildEnd {
  readonly code: number | null;
  readonly complaint: string;
}

/** Lines remembered: the cause stands in the first, what follows from it in the last. */
const mostLines = 4;

/**
 * Reads a child's stderr. `onLine` may take a line for itself by answering true; of the others those of errors are kept.
 * `ended` settles once the child and its pipes are closed, or when it could not be started.
 */
export function createComplaints(
  child: ChildProcess & { readonly stderr: Readable },
  onLine: (line: string) => boolean = () => false,
): { readonly ended: Promise<ChildEnd> } {
  let lines: string[] = [];
  let tail = '';
  let spawnFault: string | null = null;
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    const parts = (tail + text).split(/\r?\n/);
    // Garbage may have no line ends at all.
    tail = (parts.pop() ?? '').slice(-4000);
    for (const line of parts) {
      if (onLine(line) || !/\[(error|fatal|panic)\]/.test(line)) continue;
      lines = [...lines.slice(1 - mostLines), line.replace(/^.*\[(error|fatal|panic)\]\s*/, '')];
    }
  });
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      spawnFault =
        error.code === 'ENOENT' ? 'ffmpeg is not installed' : `ffmpeg does not start (${error.code ?? 'unknown'})`;
      // A child that never was closes nothing.
      if (child.pid === undefined) resolve({ code: null, complaint: spawnFault });
    });
    child.once('close', (code: number | null) => resolve({ code, complaint: spawnFault ?? lines.join('; ') }));
  });
  return { ended };
}
