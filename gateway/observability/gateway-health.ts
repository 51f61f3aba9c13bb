import type { WireReport } from '../lib/wire.ts';

export type Standing = 'ok' | 'degraded' | 'unhealthy';

export interface Part {
  readonly name: string;
  readonly status: Standing;
  /** What a person should know, in one line without secrets; null where all is well. */
  readonly note: string | null;
}

/** What health is made of; each part is asked when somebody looks. */
export interface HealthSources {
  readonly store: () => { readonly healthy: boolean; readonly fault: string | null; readonly spaceShort: boolean };
  /** Free space, and what is refused for want of it. */
  readonly disk?: () => {
    readonly freeBytes: number | null;
    readonly state: 'ok' | 'low' | 'full';
    readonly refused: readonly string[];
  };
  readonly links: () => readonly {
    readonly channel: string;
    readonly state: 'unknown' | 'up' | 'down';
    readonly lastFailure: string | null;
  }[];
  readonly cameras: () => readonly {
    readonly id: string;
    readonly state: string;
    readonly reason: string | null;
    /** Not null: its pictures show nothing. */
    readonly blind?: { readonly reason: string | null } | null;
  }[];
  /** How many there are to be told. */
  readonly recipients: () => number;
  /** Whether the way to each recipient is open, end to end. */
  readonly canaries?: () => readonly {
    readonly name: string;
    readonly channel: string;
    readonly state: 'unknown' | 'working' | 'broken';
    readonly reason: string | null;
  }[];
  /** Alerts that found nobody on duty, or nobody at all, since start. */
  readonly reach?: () => { readonly offDuty: number; readonly nobody: number };
  readonly wires: () => readonly WireReport[];
}

/** How many ways to recipients are open. */
export interface CanaryCounts {
  readonly working: number;
  readonly broken: number;
  readonly unknown: number;
}

export interface GatewayHealth {
  wires(): readonly WireReport[];
  report(): {
    readonly status: Standing;
    readonly wires: readonly WireReport[];
    readonly parts: readonly Part[];
    readonly canary: CanaryCounts;
  };
}

/**
 * How the gateway is: `unhealthy` when alarms may not get through (nothing can be stored), `degraded` when something is
 * wrong but alarms are kept and will be delivered, else `ok`.
 */
export function createGatewayHealth(sources: HealthSources): GatewayHealth {
  const canaries = () => sources.canaries?.() ?? [];
  const parts = (): Part[] => [
    storePart(sources.store()),
    ...diskParts(sources.disk?.()),
    ...channelParts(sources),
    ...reachParts(sources.reach?.()),
    ...sources.cameras().map(cameraPart),
  ];
  return {
    wires: () => sources.wires(),
    report: () => {
      const own = parts();
      const ways = canaries();
      const broken = ways.some(({ state }) => state === 'broken');
      // A broken way is red among the parts, but it does not make the whole answer 503: what watches over this process
      // would start it anew, which mends no line and loses what other lines could carry meanwhile.
      const worst =
        (['unhealthy', 'degraded'] as const).find((status) => own.some((part) => part.status === status)) ??
        (broken ? 'degraded' : 'ok');
      const count = (state: string): number => ways.filter((way) => way.state === state).length;
      return {
        status: worst,
        wires: sources.wires(),
        parts: [...own.slice(0, 1), ...ways.map(canaryPart), ...own.slice(1)],
        canary: { working: count('working'), broken: count('broken'), unknown: count('unknown') },
      };
    },
  };
}

function storePart({ healthy, fault, spaceShort }: ReturnType<HealthSources['store']>): Part {
  if (!healthy) return { name: 'store', status: 'unhealthy', note: `nothing can be stored: ${fault ?? 'unknown'}` };
  if (spaceShort)
    return { name: 'store', status: 'unhealthy', note: 'the disk is full: only red and orange alerts are stored' };
  return { name: 'store', status: 'ok', note: null };
}

/** A full disk is the store's own word: this is about what comes before. */
function diskParts(disk: ReturnType<NonNullable<HealthSources['disk']>> | undefined): Part[] {
  if (!disk || disk.state !== 'low') return [];
  const free = disk.freeBytes === null ? '' : `${Math.round(disk.freeBytes / 1_000_000)} MB free`;
  const refused = disk.refused.length === 0 ? 'nothing is refused yet' : `refused: ${disk.refused.join(', ')}`;
  return [{ name: 'disk', status: 'degraded', note: [free, refused].filter((part) => part !== '').join('; ') }];
}

function channelParts({ links, recipients }: HealthSources): Part[] {
  if (recipients() === 0)
    return [{ name: 'recipients', status: 'degraded', note: 'nobody is configured to be told: alerts stay here' }];
  return links().map(({ channel, state, lastFailure }) =>
    state === 'down'
      ? { name: `channel ${channel}`, status: 'degraded', note: lastFailure ?? 'cannot be reached' }
      : { name: `channel ${channel}`, status: 'ok', note: state === 'unknown' ? 'not used yet' : null },
  );
}

function canaryPart({ name, state, reason }: ReturnType<NonNullable<HealthSources['canaries']>>[number]): Part {
  return {
    name: `canary ${name}`,
    status: state === 'broken' ? 'unhealthy' : 'ok',
    note: state === 'broken' ? (reason ?? 'no receipt') : state === 'unknown' ? 'not tried yet' : null,
  };
}

function reachParts(reach: { readonly offDuty: number; readonly nobody: number } | undefined): Part[] {
  if (!reach || (reach.offDuty === 0 && reach.nobody === 0)) return [];
  const note =
    reach.nobody > 0
      ? `${reach.nobody} alerts since the start had nobody to tell`
      : `${reach.offDuty} alerts since the start found nobody on duty: people were told outside their hours`;
  return [{ name: 'duty', status: 'degraded', note }];
}

function cameraPart({ id, state, reason, blind }: ReturnType<HealthSources['cameras']>[number]): Part {
  const well = state === 'connected' || state === 'connecting' || state === 'ended';
  if (well && blind)
    return { name: `camera ${id}`, status: 'degraded', note: `sees nothing: ${blind.reason ?? 'unknown why'}` };
  return {
    name: `camera ${id}`,
    status: well ? 'ok' : 'degraded',
    note: well ? null : `${state}${reason === null ? '' : `: ${reason}`}`,
  };
}
