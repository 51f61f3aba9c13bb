import type { Change } from '../domain/change.ts';
import type { ChargingEvent, DeviceEvent, FireEvent, GatewayEvent, PassageEvent } from '../domain/event.ts';
import type { AreaId, CameraId, DeviceKey, EventId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { createRules, rulesOptions, type Rules, type RuleStateRow } from './index.ts';

// Events and rules for this room's tests.

/** 2026-01-07, a Wednesday, 12:00 in Shanghai. */
export const noon = Date.UTC(2026, 0, 7, 4);
let serial = 0;

/** Ids start again, so that two runs can be compared. */
export function restartIds(): void {
  serial = 0;
}

const base = (atS: number) => ({
  id: `e${(serial += 1)}` as EventId,
  at: (noon + atS * 1000) as EpochMs,
  receivedAt: (noon + atS * 1000) as EpochMs,
  area: 'shed-1' as AreaId,
  late: false,
});
export const charging = (atS: number, fields: Partial<ChargingEvent> = {}): ChargingEvent => ({
  ...base(atS),
  kind: 'charging',
  device: 'charger/p1' as DeviceKey,
  port: 1,
  report: 'telemetry',
  state: 'charging',
  powerW: null,
  voltageV: null,
  currentA: null,
  energyKwh: null,
  durationS: null,
  ambientC: null,
  portC: null,
  order: null,
  stopReason: null,
  ...fields,
});
export const fire = (atS: number, fields: Partial<FireEvent> = {}): FireEvent => ({
  ...base(atS),
  kind: 'fire',
  device: 'fire/f1' as DeviceKey,
  alarm: 'smoke',
  active: true,
  ...fields,
});
export const silent = (atS: number, fields: Partial<DeviceEvent> = {}): DeviceEvent => ({
  ...base(atS),
  kind: 'device',
  device: 'fire/f1' as DeviceKey,
  change: 'silent',
  seconds: 600,
  ...fields,
});
export const passage = (atS: number, fields: Partial<PassageEvent> = {}): PassageEvent => ({
  ...base(atS),
  kind: 'passage',
  camera: 'gate-1' as CameraId,
  subject: 'vehicle',
  direction: 'in',
  startedAt: noon as EpochMs,
  endedAt: noon as EpochMs,
  plate: null,
  registered: null,
  evidence: null,
  ...fields,
});

export const rule = (id: string, body: string): string => `id: ${id}
title: { zh: 题, en: title }
reason: test
source: test
kind: test.kind
to: [community]
message: { zh: 文, en: text }
${body}`;

export function rulesOf(bodies: Readonly<Record<string, string>>, options: unknown = {}): Rules {
  const source = Object.entries(bodies).map(([id, body]) => ({ file: `${id}.yaml`, text: rule(id, body) }));
  return createRules({
    source,
    timeZone: 'Asia/Shanghai',
    options: rulesOptions.parse(options),
    logger: silentLogger,
  });
}

/** Sends events (and ticks, given as seconds) and returns `second tier` of each match. */
export function play(rules: Rules, steps: readonly (GatewayEvent | number)[]): string[] {
  return steps
    .flatMap((step) => (typeof step === 'number' ? rules.tick(noon + step * 1000) : rules.evaluate(step)).matches)
    .map((match) => `${(match.at - noon) / 1000} ${match.tier}`);
}

export const hot = `tier: orange
when: { kind: charging }
if: event.portC >= 60`;

/** The stored rows after these changes. */
export const rowsOf = (changes: readonly Change[]): RuleStateRow[] => {
  const rows = new Map<string, RuleStateRow>();
  for (const change of changes) {
    if (change.kind !== 'rule-state') continue;
    const name = `${change.rule}\n${change.key}`;
    if (change.state === null) rows.delete(name);
    else rows.set(name, { rule: change.rule, key: change.key, state: change.state });
  }
  return [...rows.values()];
};
