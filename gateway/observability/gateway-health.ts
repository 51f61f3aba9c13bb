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
  readonly links: () => readonly {
    readonly channel: string;
    readonly state: 'unknown' | 'up' | 'down';
    readonly lastFailure: string | null;
  }[];
  readonly cameras: () => readonly { readonly id: string; readonly state: string; readonly reason: string | null }[];
  readonly recipients: number;
  readonly wires: () => readonly WireReport[];
}

export interface GatewayHealth {
  wires(): readonly WireReport[];
  report(): { readonly status: Standing; readonly wires: readonly WireReport[]; readonly parts: readonly Part[] };
}

/**
 * How the gateway is: `unhealthy` when alarms may not get through (nothing can be stored), `degraded` when something is
 * wrong but alarms are kept and will be delivered, else `ok`.
 */
export function createGatewayHealth(sources: HealthSources): GatewayHealth {
  const parts = (): Part[] => [
    storePart(sources.store()),
    ...channelParts(sources),
    ...sources.cameras().map(cameraPart),
  ];
  return {
    wires: () => sources.wires(),
    report: () => {
      const all = parts();
      const worst = (['unhealthy', 'degraded'] as const).find((status) => all.some((part) => part.status === status));
      return { status: worst ?? 'ok', wires: sources.wires(), parts: all };
    },
  };
}

function storePart({ healthy, fault, spaceShort }: ReturnType<HealthSources['store']>): Part {
  if (!healthy) return { name: 'store', status: 'unhealthy', note: `nothing can be stored: ${fault ?? 'unknown'}` };
  if (spaceShort)
    return { name: 'store', status: 'unhealthy', note: 'the disk is full: only red and orange alerts are stored' };
  return { name: 'store', status: 'ok', note: null };
}

function channelParts({ links, recipients }: HealthSources): Part[] {
  if (recipients === 0)
    return [{ name: 'recipients', status: 'degraded', note: 'nobody is configured to be told: alerts stay here' }];
  return links().map(({ channel, state, lastFailure }) =>
    state === 'down'
      ? { name: `channel ${channel}`, status: 'degraded', note: lastFailure ?? 'cannot be reached' }
      : { name: `channel ${channel}`, status: 'ok', note: state === 'unknown' ? 'not used yet' : null },
  );
}

function cameraPart({ id, state, reason }: ReturnType<HealthSources['cameras']>[number]): Part {
  const well = state === 'connected' || state === 'connecting';
  return {
    name: `camera ${id}`,
    status: well ? 'ok' : 'degraded',
    note: well ? null : `${state}${reason === null ? '' : `: ${reason}`}`,
  };
}
