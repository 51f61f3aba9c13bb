import { createInterface } from 'node:readline';

/** One JSON value a line on stdout. */
export function printLine(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/**
 * Calls `onLine` for every JSON line on stdin, in order and one at a time, and `onEnd` when stdin is closed (the parent has gone:
 * a simulator must not outlive it). What is not JSON is answered with a fault and skipped.
 */
export function readLines(onLine: (value: unknown) => Promise<void>, onEnd: () => void): void {
  let turn = Promise.resolve();
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      if (line.trim() === '') return;
      turn = turn
        .then(async () => onLine(JSON.parse(line) as unknown))
        .catch((error: unknown) => printLine({ fault: error instanceof Error ? error.message : String(error) }));
    })
    .on('close', () => void turn.then(onEnd));
}
