/** Places where a test may end the process (interfaces.md, "Kill points"). */
export type KillPoint =
  | 'ingest.before-commit'
  | 'ingest.after-commit'
  | 'outbox.before-send'
  | 'outbox.after-send'
  | 'desk.before-store'
  | 'desk.after-store';

/** Called at each named place; does nothing outside a test. */
export type PassKillPoint = (point: KillPoint) => void;

/**
 * Reads `KANMEN_KILL_AT=point[:n]` (only with `KANMEN_TEST=1`) and returns the function that calls `kill` at the n-th
 * passing of that point, counted from 1.
 */
export function createKillPoints(
  environment: Readonly<Record<string, string | undefined>>,
  kill: () => void,
): PassKillPoint {
  const wanted = environment['KANMEN_TEST'] === '1' ? environment['KANMEN_KILL_AT'] : undefined;
  if (wanted === undefined) return () => undefined;
  const [point, count] = wanted.split(':');
  let left = Number(count ?? '1');
  return (passed) => {
    if (passed !== point) return;
    left -= 1;
    if (left === 0) kill();
  };
}
