import { collect } from './collect.ts';
import { judge, type Drill, type Records, type Verdict } from './ledger.ts';
import { recipients, type Setting } from './setting.ts';

/**
 * Without anything new. The longest wait of all is the poll's, 60 s (channels/webhook/poll.ts): only by it does a gateway hear
 * that a desk that was put back to a backup has lost what it had. A machine that is short of time is slow, not still.
 */
const stillForMs = 150_000;

/**
 * Judges again and again until nothing is on its way any more, or nothing has arrived anywhere for `stillMs`. That counts from
 * the moment at which every delivery that waits when the faults are over has had its next try: a lesser one that was
 * refused again and again by then waits for up to ten minutes (outbox.retry), and that is no fault.
 */
export async function settled(setting: Setting, drills: readonly Drill[], stillMs = stillForMs): Promise<Verdict> {
  let arrivedBefore = -1;
  let movedMs: number | null = null;
  for (;;) {
    const records = await collect(setting, drills);
    movedMs ??= Date.now() + longestWait(records);
    const verdict = judge(records, recipients);
    if (!verdict.unfinished) return verdict;
    const arrived = arrivals(records);
    if (arrived !== arrivedBefore) movedMs = Math.max(movedMs, Date.now());
    arrivedBefore = arrived;
    if (Date.now() - movedMs > stillMs) return verdict;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const longestWait = ({ deliveries }: Records): number =>
  Math.max(0, ...deliveries.filter(({ state }) => state === 'pending').map(({ nextTryInMs }) => nextTryInMs));

/** Grows with everything that comes a step nearer to its end. Tries do not count: they may be in vain for ever. */
function arrivals({ raised, alerts, deliveries, seen }: Records): number {
  const acknowledged = raised.filter(({ acknowledgedAtMs }) => acknowledgedAtMs !== null).length;
  const settledOnes = deliveries.filter(({ state }) => state !== 'pending').length;
  const shown = Object.values(seen).reduce((sum, entries) => sum + entries.length, 0);
  return acknowledged + alerts.length + deliveries.length + settledOnes + shown;
}
