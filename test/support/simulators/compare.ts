import type { Expected, ExpectedAlert } from './expected.ts';

/** What gateway and desk say, read from their interfaces by whoever runs the story. Times are epoch milliseconds. */
export interface Seen {
  readonly passages: readonly SeenPassage[];
  readonly persons: readonly SeenPerson[];
  readonly sessions: readonly SeenSession[];
  readonly alerts: readonly SeenAlert[];
  /** Deliveries that ended in a receipt, at the recipient's side. */
  readonly receipts: readonly SeenAnswer[];
  /** Acknowledgements as the gateway has them. */
  readonly acknowledgements: readonly SeenAnswer[];
}

export interface SeenPassage {
  readonly camera: string;
  /** Null where the plate could not be read. */
  readonly text: string | null;
  readonly kind: string | null;
  readonly color: string | null;
  readonly direction: string;
  readonly atMs: number;
}

export interface SeenPerson {
  readonly camera: string;
  readonly direction: string;
  readonly atMs: number;
}

export interface SeenSession {
  readonly device: string;
  readonly port: number;
  readonly order: string | null;
  readonly endedAtMs: number | null;
  readonly energyKwh: number | null;
  readonly stopReason: string | null;
}

export interface SeenAlert {
  readonly id: string;
  readonly tier: string;
  readonly kind: string;
  readonly area: string | null;
  readonly source: string | null;
  readonly atMs: number;
  /** Cameras whose pictures are with it. */
  readonly evidenceCameras: readonly string[];
}

export interface SeenAnswer {
  readonly alertId: string;
  readonly recipient: string;
}

/** One line of the table. */
export interface ComparedRow {
  readonly what: 'passage' | 'person' | 'session' | 'alert' | 'receipt' | 'acknowledgement';
  readonly expected: string;
  readonly seen: string;
  readonly ok: boolean;
}

export interface CompareOptions {
  readonly storyStartMs: number;
  /** Energy of each ended session by order, from the devices' own record. */
  readonly energyKwhByOrder: ReadonlyMap<string, number>;
  /** How far a time stamp may lie outside the visit: clocks, video delay. */
  readonly slackMs?: number;
}

const nothing = '–';

/**
 * The table of expected against seen. Every expected thing takes at most one seen thing; what is left over did not happen
 * and is a row that is not ok. Pure.
 */
export function compare(expected: Expected, seen: Seen, options: CompareOptions): readonly ComparedRow[] {
  const slackMs = options.slackMs ?? 5000;
  const during = (atMs: number, from: { readonly fromMs: number; readonly toMs: number }): boolean => {
    const storyMs = atMs - options.storyStartMs;
    return storyMs >= from.fromMs - slackMs && storyMs <= from.toMs + slackMs;
  };
  const alertIds = new Map<string, string>();
  const passages = match({
    what: 'passage',
    expected: expected.passages,
    seen: seen.passages,
    showExpected: (one) => `${one.camera} ${one.direction} ${one.text} ${one.kind} ${one.color}`,
    showSeen: (one) =>
      `${one.camera} ${one.direction} ${one.text ?? 'unread'} ${one.kind ?? nothing} ${one.color ?? nothing}`,
    // First by plate, so that a misread one stands beside the vehicle that was there at that time.
    pairs: [
      (e, s) => e.camera === s.camera && e.text === s.text && during(s.atMs, e),
      (e, s) => e.camera === s.camera && during(s.atMs, e),
    ],
    equal: (e, s) => e.text === s.text && e.kind === s.kind && e.color === s.color && e.direction === s.direction,
  });
  const persons = match({
    what: 'person',
    expected: expected.persons,
    seen: seen.persons,
    showExpected: (one) => `${one.camera} ${one.direction}`,
    showSeen: (one) => `${one.camera} ${one.direction}`,
    pairs: [(e, s) => e.camera === s.camera && during(s.atMs, e)],
    equal: (e, s) => e.direction === s.direction,
  });
  const sessions = match({
    what: 'session',
    expected: expected.sessions,
    seen: seen.sessions,
    showExpected: (one) =>
      `${one.device}/${one.port} ${one.endedMs === null ? 'charging' : `${one.stopReason} ${energy(options.energyKwhByOrder.get(one.order))}`}`,
    showSeen: (one) =>
      `${one.device}/${one.port} ${one.endedAtMs === null ? 'charging' : `${one.stopReason} ${energy(one.energyKwh)}`}`,
    pairs: [
      (e, s) => e.device === s.device && e.port === s.port && e.order === s.order,
      (e, s) => e.device === s.device && e.port === s.port,
    ],
    equal: (e, s) => {
      if (e.order !== s.order || (e.endedMs === null) !== (s.endedAtMs === null)) return false;
      const measured = options.energyKwhByOrder.get(e.order);
      return (
        e.endedMs === null ||
        (measured !== undefined &&
          s.energyKwh !== null &&
          Math.abs(measured - s.energyKwh) < 0.000_05 &&
          e.stopReason === s.stopReason)
      );
    },
  });
  const alerts = match({
    what: 'alert',
    expected: expected.alerts,
    seen: seen.alerts,
    showExpected: (one) => `${one.tier} ${one.name} in ${one.area}, picture of ${one.evidenceCameras.join('/')}`,
    showSeen: (one) =>
      `${one.tier} ${one.kind} ${one.source ?? ''} in ${one.area ?? nothing}, picture of ${one.evidenceCameras.join('/') || nothing}`,
    pairs: [(e, s) => e.area === s.area && e.kinds.includes(s.kind) && e.sources.includes(s.source), sameMatter],
    equal: (e, s) =>
      sameMatter(e, s) &&
      e.tier === s.tier &&
      e.sources.includes(s.source) &&
      e.evidenceCameras.some((camera) => s.evidenceCameras.includes(camera)) &&
      s.atMs - options.storyStartMs >= e.fromMs - slackMs,
    onPair: (e, s) => alertIds.set(s.id, e.name),
  });
  const answers = (what: 'receipt' | 'acknowledgement', wanted: Expected['receipts'], given: readonly SeenAnswer[]) =>
    match({
      what,
      expected: wanted,
      seen: given.map((one) => ({ ...one, alert: alertIds.get(one.alertId) ?? `alert ${one.alertId}` })),
      showExpected: (one) => `${one.alert} ← ${one.recipient}`,
      showSeen: (one) => `${one.alert} ← ${one.recipient}`,
      pairs: [(e, s) => e.alert === s.alert && e.recipient === s.recipient],
      equal: () => true,
    });
  return [
    ...passages,
    ...persons,
    ...sessions,
    ...alerts,
    ...answers('receipt', expected.receipts, seen.receipts),
    ...answers('acknowledgement', expected.acknowledgements, seen.acknowledgements),
  ];
}

const energy = (kwh: number | null | undefined): string => (kwh == null ? nothing : `${kwh.toFixed(4)} kWh`);
const sameMatter = (e: ExpectedAlert, s: SeenAlert): boolean => e.area === s.area && e.kinds.includes(s.kind);

interface Matching<E, S> {
  readonly what: ComparedRow['what'];
  readonly expected: readonly E[];
  readonly seen: readonly S[];
  readonly showExpected: (one: E) => string;
  readonly showSeen: (one: S) => string;
  /** Ways to find what belongs together, the surest first. */
  readonly pairs: readonly ((expected: E, seen: S) => boolean)[];
  readonly equal: (expected: E, seen: S) => boolean;
  readonly onPair?: (expected: E, seen: S) => void;
}

function match<E, S>(matching: Matching<E, S>): ComparedRow[] {
  const left = [...matching.seen];
  const found = new Map<E, S>();
  for (const belongs of matching.pairs) {
    for (const one of matching.expected) {
      if (found.has(one)) continue;
      const at = left.findIndex((candidate) => belongs(one, candidate));
      const [other] = at < 0 ? [] : left.splice(at, 1);
      if (other === undefined) continue;
      found.set(one, other);
      matching.onPair?.(one, other);
    }
  }
  const { what } = matching;
  return [
    ...matching.expected.map((one) => {
      const other = found.get(one);
      return {
        what,
        expected: matching.showExpected(one),
        seen: other === undefined ? nothing : matching.showSeen(other),
        ok: other !== undefined && matching.equal(one, other),
      };
    }),
    ...left.map((other) => ({ what, expected: nothing, seen: matching.showSeen(other), ok: false })),
  ];
}
