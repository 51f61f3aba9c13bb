/** What must be true after a run, judged from three independent records. Pure. */

export const tierOrder = ['red', 'orange', 'yellow', 'blue'] as const;
export type Tier = (typeof tierOrder)[number];

/** What a sensor did: its own record. */
export interface Raised {
  /** Id of the message, never used twice. */
  readonly id: string;
  readonly device: string;
  readonly kind: string;
  readonly tier: Tier;
  /** Real time, ms since 1970; null: the broker has not acknowledged it. */
  readonly publishedAtMs: number;
  readonly acknowledgedAtMs: number | null;
}

export interface AlertRow {
  readonly id: string;
  readonly source: string | null;
  readonly kind: string;
  readonly tier: Tier;
}

/** The gateway's own row of one delivery. */
export interface DeliveryRow {
  readonly id: string;
  readonly recipient: string;
  readonly sequence: number;
  readonly state: 'pending' | 'delivered' | 'dead';
  readonly attempts: number;
  /** By the gateway's own clock; says something while it is pending. */
  readonly nextTryInMs: number;
  readonly lastError: string | null;
  /** One for a notice, several for a digest. */
  readonly notices: readonly Seen['notice'][];
}

/** What a recipient shows: each line of its own book, in order. */
export interface Seen {
  readonly delivery: string;
  readonly atMs: number;
  readonly notice: { readonly alertId: string; readonly version: number; readonly tier: Tier };
}

/** The line to one recipient was away; meanwhile these were raised, the lesser first. */
export interface Drill {
  readonly recipient: string;
  readonly urgent: readonly string[];
  readonly lesser: readonly string[];
}

export interface Records {
  readonly raised: readonly Raised[];
  readonly alerts: readonly AlertRow[];
  readonly deliveries: readonly DeliveryRow[];
  readonly seen: Readonly<Record<string, readonly Seen[]>>;
  /** How often each alert has entered a recipient's list as new, where the recipient counts that itself. */
  readonly entered?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly drills?: readonly Drill[];
}

export type Standing = 'once' | 'lost' | 'twice' | 'dead letter' | 'waiting' | 'out of order';

export interface LedgerRow {
  readonly raised: Raised;
  readonly alertId: string | null;
  /** Of every recipient; versions as shown there. */
  readonly at: Readonly<Record<string, { readonly standing: Standing; readonly versions: readonly number[] }>>;
}

export interface Verdict {
  readonly rows: readonly LedgerRow[];
  /** What is not as it must be, one line each; empty: the run is clean. */
  readonly faults: readonly string[];
  /** True: what is not yet right may still become so. */
  readonly unfinished: boolean;
}

/** Lesser ones that may be under way or be the probe when the line comes back: four places, one probe, one in each restart. */
const lesserAhead = 6;

const rising = (versions: readonly number[]): boolean =>
  versions.every((version, at) => at === 0 || version > (versions[at - 1] ?? 0));

function standingAt(
  alertId: string,
  recipient: string,
  records: Records,
): { readonly standing: Standing; readonly versions: readonly number[] } {
  const shown = (records.seen[recipient] ?? []).filter(({ notice }) => notice.alertId === alertId);
  const versions = shown.map(({ notice }) => notice.version);
  const mine = records.deliveries.filter(
    (row) => row.recipient === recipient && row.notices.some((notice) => notice.alertId === alertId),
  );
  const seenIds = shown.map(({ delivery }) => delivery);
  const entered = records.entered?.[recipient]?.[alertId] ?? 1;
  const standing = ((): Standing => {
    if (new Set(seenIds).size < seenIds.length || (shown.length > 0 && entered !== 1)) return 'twice';
    if (mine.some(({ state }) => state === 'pending')) return 'waiting';
    // A receipt without the thing itself is the worst: nobody will ever send it again.
    if (mine.some(({ state, id }) => state === 'delivered' && !seenIds.includes(id))) return 'lost';
    if (mine.length > 0 && shown.length === 0) return 'dead letter';
    if (mine.length === 0) return 'lost';
    return rising(versions) ? 'once' : 'out of order';
  })();
  return { standing, versions };
}

export function judge(records: Records, recipients: readonly string[]): Verdict {
  const faults: string[] = [];
  let unfinished = false;
  const byAlarm = new Map<string, AlertRow[]>();
  for (const alert of records.alerts) {
    const key = `${alert.source ?? '?'} ${alert.kind}`;
    byAlarm.set(key, [...(byAlarm.get(key) ?? []), alert]);
  }
  const rows = records.raised.map((raised): LedgerRow => {
    const what = `${raised.tier} ${raised.kind} of ${raised.device}`;
    const [alert, ...more] = byAlarm.get(`${raised.device} ${raised.kind}`) ?? [];
    if (more.length > 0) faults.push(`${what}: ${more.length + 1} alerts of one alarm`);
    if (raised.acknowledgedAtMs === null) {
      unfinished = true;
      faults.push(`${what}: never acknowledged by the broker`);
    } else if (!alert) faults.push(`${what}: acknowledged, and no alert of it`);
    const at = Object.fromEntries(
      recipients.map((recipient) => [
        recipient,
        alert ? standingAt(alert.id, recipient, records) : { standing: 'lost' as const, versions: [] },
      ]),
    );
    if (alert) {
      for (const [recipient, { standing, versions }] of Object.entries(at)) {
        if (standing === 'once' || standing === 'dead letter') continue;
        unfinished ||= standing === 'waiting' || standing === 'lost';
        faults.push(`${what}: ${standing} at ${recipient} (versions ${versions.join(', ') || 'none'})`);
      }
    }
    return { raised, alertId: alert?.id ?? null, at };
  });
  const known = new Set(records.alerts.map(({ id }) => id));
  for (const [recipient, seen] of Object.entries(records.seen)) {
    const strange = seen.filter(({ notice }) => !known.has(notice.alertId));
    if (strange.length > 0) faults.push(`${recipient} shows ${strange.length} alerts that nobody raised`);
  }
  return { rows, faults: [...faults, ...priorityFaults(records, rows)], unfinished };
}

/** After a line came back, all red and orange that waited must be there before the lesser ones that waited with them. */
function priorityFaults({ seen, drills = [] }: Records, rows: readonly LedgerRow[]): string[] {
  const alertOf = new Map(rows.map(({ raised, alertId }) => [raised.id, alertId]));
  return drills.flatMap(({ recipient, urgent, lesser }) => {
    const first = (alarm: string): number =>
      (seen[recipient] ?? []).findIndex(({ notice }) => notice.alertId === alertOf.get(alarm));
    const places = urgent.map(first);
    if (places.includes(-1)) return [];
    const lastUrgent = Math.max(...places);
    const before = lesser.map(first).filter((place) => place >= 0 && place < lastUrgent).length;
    return before > lesserAhead
      ? [
          `priority: ${before} of ${lesser.length} lesser ones came to ${recipient} before the last of ${urgent.length} urgent ones`,
        ]
      : [];
  });
}

/** How often each standing was found at each recipient. */
export function countStandings(rows: readonly LedgerRow[]): Record<string, Partial<Record<Standing, number>>> {
  const counts: Record<string, Partial<Record<Standing, number>>> = {};
  for (const { at } of rows)
    for (const [recipient, { standing }] of Object.entries(at)) {
      const of = (counts[recipient] ??= {});
      of[standing] = (of[standing] ?? 0) + 1;
    }
  return counts;
}
