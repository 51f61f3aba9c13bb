import { createRandom, type Random } from '../support/simulators/random.ts';
import type { Toxic } from '../support/toxic-proxy.ts';
import type { Tier } from './ledger.ts';

export type Line = 'desk' | 'receiver' | 'broker' | 'sensors';
export type Actor = 'gateway' | 'desk' | 'receiver' | 'station';

/** One thing that goes wrong. `forMs` is real time; afterwards it is right again. */
export type Fault =
  | { readonly kind: 'kill'; readonly actor: Actor; readonly downMs: number }
  /** Killed, started again so that it dies at this point, and started again. */
  | { readonly kind: 'kill-at'; readonly actor: 'gateway' | 'desk'; readonly point: string; readonly nth: number }
  | { readonly kind: 'kill-receiver-at'; readonly point: 'before-store' | 'after-store' }
  | { readonly kind: 'empty-broker'; readonly downMs: number }
  | { readonly kind: 'line'; readonly line: Line; readonly toxic: Toxic; readonly forMs: number }
  | { readonly kind: 'rogue'; readonly bytes: number }
  | { readonly kind: 'answers'; readonly how: 'error' | 'busy' | 'redirect' | 'slow'; readonly forMs: number }
  | { readonly kind: 'tls-expired'; readonly forMs: number }
  | {
      readonly kind: 'disk';
      readonly actor: 'gateway' | 'desk';
      readonly is: 'full' | 'read-only';
      readonly forMs: number;
    }
  /** The wall clock of the gateway alone, or of everybody. */
  | { readonly kind: 'clock'; readonly whose: 'gateway' | 'all'; readonly jumpMs: number; readonly forMs: number }
  /** Every line to a recipient is away for `days`, on a clock that runs so much faster. */
  | { readonly kind: 'outage'; readonly days: number; readonly rate: number }
  /** The line to one recipient is away while lesser alarms and then urgent ones are raised. */
  | { readonly kind: 'drill'; readonly line: 'receiver' | 'broker'; readonly lesser: number; readonly urgent: number }
  | { readonly kind: 'desk-backup' }
  | { readonly kind: 'desk-restored' };

export interface Alarm {
  readonly atMs: number;
  readonly kind: 'smoke' | 'heat' | 'water' | 'low_battery';
}

export interface Step {
  /** Real time after the start. */
  readonly atMs: number;
  readonly fault: Fault;
}

export interface Plan {
  readonly seed: number;
  readonly durationMs: number;
  readonly alarms: readonly Alarm[];
  readonly steps: readonly Step[];
}

export const tierOfAlarm: Readonly<Record<Alarm['kind'], Tier>> = {
  smoke: 'red',
  heat: 'orange',
  water: 'yellow',
  low_battery: 'blue',
};

/** Kind of the alert that the suite's own rules make of an alarm. */
export const alertKindOf = (alarm: Alarm['kind']): string => `fire.${alarm.replace('_', '-')}`;

const gatewayPoints = ['ingest.before-commit', 'ingest.after-commit', 'outbox.before-send', 'outbox.after-send'];
const deskPoints = ['desk.before-store', 'desk.after-store'];
const receiverPoints = ['before-store', 'after-store'] as const;
const toxics: readonly Toxic[] = [
  { kind: 'delay', ms: 300 },
  { kind: 'slow', bytesPerSecond: 2000 },
  { kind: 'cut' },
  { kind: 'half-open' },
  { kind: 'garbage' },
  { kind: 'reset' },
];

/** One fault of every kind, in an order of the seed's choosing. The backup stands at the beginning, the restoration at the end. */
function everyKind(random: Random): Fault[] {
  const ms = (low: number, high: number): number => random.integer(low, high);
  const lines: Line[] = ['desk', 'receiver', 'broker'];
  // Bytes that are changed on an unsigned, unencrypted line are another message, which no receiver can know.
  const toxic = (kind: Toxic['kind'], from: readonly Line[]): Fault => ({
    kind: 'line',
    line: random.pick(from),
    toxic: toxics.find((each) => each.kind === kind) ?? { kind: 'cut' },
    forMs: ms(600, 1500),
  });
  return random.shuffle<Fault>([
    { kind: 'kill', actor: 'gateway', downMs: ms(50, 800) },
    { kind: 'kill', actor: 'desk', downMs: ms(50, 800) },
    { kind: 'kill', actor: 'receiver', downMs: ms(50, 800) },
    { kind: 'kill', actor: 'station', downMs: ms(50, 800) },
    ...gatewayPoints.map((point): Fault => ({ kind: 'kill-at', actor: 'gateway', point, nth: ms(1, 3) })),
    ...deskPoints.map((point): Fault => ({ kind: 'kill-at', actor: 'desk', point, nth: ms(1, 2) })),
    ...receiverPoints.map((point): Fault => ({ kind: 'kill-receiver-at', point })),
    { kind: 'empty-broker', downMs: ms(100, 600) },
    toxic('delay', [...lines, 'sensors']),
    toxic('slow', lines),
    toxic('cut', [...lines, 'sensors']),
    toxic('half-open', [...lines, 'sensors']),
    toxic('garbage', ['desk', 'receiver']),
    toxic('reset', ['desk', 'receiver']),
    { kind: 'rogue', bytes: ms(1, 3000) },
    { kind: 'answers', how: 'error', forMs: ms(600, 1500) },
    { kind: 'answers', how: 'busy', forMs: ms(600, 1500) },
    { kind: 'answers', how: 'redirect', forMs: ms(600, 1500) },
    { kind: 'answers', how: 'slow', forMs: ms(1500, 2500) },
    { kind: 'tls-expired', forMs: ms(800, 1500) },
    { kind: 'disk', actor: 'gateway', is: 'full', forMs: ms(600, 1500) },
    { kind: 'disk', actor: 'gateway', is: 'read-only', forMs: ms(600, 1500) },
    { kind: 'disk', actor: 'desk', is: 'full', forMs: ms(600, 1500) },
    { kind: 'disk', actor: 'desk', is: 'read-only', forMs: ms(600, 1500) },
    { kind: 'clock', whose: 'gateway', jumpMs: random.pick([-1, 1]) * ms(400_000, 7_200_000), forMs: ms(600, 1500) },
    { kind: 'clock', whose: 'all', jumpMs: random.pick([-1, 1]) * ms(400_000, 7_200_000), forMs: ms(600, 1500) },
    { kind: 'drill', line: 'receiver', lesser: 14, urgent: 4 },
    { kind: 'outage', days: 4, rate: 50_000 },
  ]);
}

/**
 * What happens in a run. The same seed and length give the same plan. Faults overlap: each begins about when the one before it
 * ends, or somewhat earlier; a run longer than one round of all kinds draws further rounds.
 */
export function drawPlan(seed: number, durationMs: number): Plan {
  const random = createRandom(seed);
  const steps: Step[] = [{ atMs: 300, fault: { kind: 'desk-backup' } }];
  let atMs = 1500;
  do {
    for (const fault of everyKind(random)) {
      steps.push({ atMs, fault });
      atMs += random.integer(500, 1200);
    }
    steps.push({ atMs, fault: { kind: 'desk-restored' } });
    atMs += 1000;
    if (atMs < durationMs) steps.push({ atMs, fault: { kind: 'desk-backup' } });
  } while (atMs < durationMs);
  const alarms: Alarm[] = [];
  for (let at = 200; at < atMs; at += random.integer(150, 900)) {
    const draw = random.next();
    alarms.push({
      atMs: at,
      kind: draw < 0.45 ? 'smoke' : draw < 0.65 ? 'heat' : draw < 0.9 ? 'water' : 'low_battery',
    });
  }
  return { seed, durationMs: atMs, alarms, steps };
}
