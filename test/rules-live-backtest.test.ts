// Live and backtest: the same recorded events, with restarts and ticks at any moments, give the same matches.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change } from '../gateway/domain/change.ts';
import type { ChargingEvent, GatewayEvent } from '../gateway/domain/event.ts';
import type { Match } from '../gateway/domain/match.ts';
import type { AreaId, CameraId, DeviceKey, EventId } from '../gateway/domain/ids.ts';
import type { EpochMs } from '../gateway/lib/clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import {
  createRules,
  createBacktest,
  rulesOptions,
  type BacktestRules,
  type Rules,
  type RuleStateRow,
} from '../gateway/rules/index.ts';

const startMs = Date.UTC(2026, 0, 7, 4);
const lateness = '20s';

const rule = (id: string, body: string) => ({
  file: `${id}.yaml`,
  text: `id: ${id}
title: { zh: 题, en: title }
reason: test
source: test
kind: test.kind
to: [community]
message: { zh: 文, en: '{{now}}' }
${body}`,
});

/** One of every sort of condition, small enough that random histories meet all of them. */
const texts = [
  rule(
    'plain',
    'tier: orange\nwhen: { kind: charging }\nif: event.portC >= 60\nkey: "{{event.port}}"\nsuppress: { for: 15s }',
  ),
  rule(
    'held',
    'tier: [{ tier: red, if: event.portC >= 70 }, { tier: orange }]\nwhen: { kind: charging }\nif: event.portC >= 55\nfor: 15s\nkey: "{{event.device}}:{{event.port}}"',
  ),
  rule(
    'patient',
    'tier: orange\nwhen: { kind: charging }\nif: event.portC >= 50\nfor: 12s\nrelease: 4s\nwait: 10s\nkey: "{{event.device}}:{{event.port}}"',
  ),
  rule(
    'counted',
    'tier: yellow\nwhen: { kind: fire }\ncount: { within: 30s, atLeast: 3 }\nkey: "{{place}}"\nsuppress: { for: 10s, extend: true, atMost: 40s }',
  ),
  rule(
    'both',
    'tier: red\ntogether:\n  - { name: smoke, when: { kind: fire, alarm: smoke } }\n  - { name: heat, when: { kind: charging }, if: event.portC >= 60 }\nwithin: 25s\nkey: "{{place}}"',
  ),
  rule(
    'twice',
    'tier: yellow\nsequence:\n  - { name: first, when: { kind: passage, direction: in } }\n  - { name: second, when: { kind: passage, direction: in } }\nwithout: { when: { kind: passage, direction: out } }\nwithin: 1m\nper: "{{event.camera}}"\nkey: "{{second.camera}}"',
  ),
  rule(
    'risen',
    'tier: [{ tier: red, if: window.riseC >= 15 }, { tier: orange }]\nwhen: { kind: charging }\nwindow: { riseC: { of: event.portC, is: rise, within: 30s } }\nif: window.riseC >= 5\nkey: "{{event.device}}:{{event.port}}"\nsuppress: { for: 10s }',
  ),
  rule(
    'rising',
    'tier: yellow\nwhen: { kind: charging }\nwindow: { meanC: { of: event.portC, is: mean, within: 20s } }\nif: window.meanC >= 55\nfor: 8s\nkey: "{{event.device}}:{{event.port}}"',
  ),
  rule(
    'unended',
    'tier: blue\nwhen: { kind: fire, active: true }\nabsent: { when: { kind: fire, active: false }, within: 20s }\nper: "{{event.device}}"',
  ),
] as const;

const options = rulesOptions.parse({ lateness });
const setup = { timeZone: 'Asia/Shanghai', options } as const;
const rules: BacktestRules = { texts, ...setup, only: null };
const live = (): Rules => createRules({ source: texts, ...setup, logger: silentLogger });

interface Entry {
  readonly after: number;
  readonly late: number;
  readonly what: 'hot' | 'fire' | 'gate' | 'tick';
  readonly which: number;
  readonly value: number;
}
const entry = fc.record({
  after: fc.nat({ max: 9000 }),
  // Most come at once, some within the bound, a few later than it.
  late: fc.oneof({ weight: 5, arbitrary: fc.nat(300) }, { weight: 2, arbitrary: fc.nat(19_000) }, fc.nat(60_000)),
  what: fc.constantFrom('hot' as const, 'hot' as const, 'fire' as const, 'gate' as const, 'tick' as const),
  which: fc.nat(2),
  value: fc.nat(4),
});

function eventOf({ late, what, which, value }: Entry, nowMs: number, index: number): GatewayEvent {
  const base = {
    id: `e${index}` as EventId,
    at: (nowMs - late) as EpochMs,
    receivedAt: nowMs as EpochMs,
    area: (what === 'gate' ? 'gate' : `shed-${which % 2}`) as AreaId,
    late: false,
  };
  if (what === 'fire') {
    return { ...base, kind: 'fire', device: `fire/f${which}` as DeviceKey, alarm: 'smoke', active: value > 1 };
  }
  if (what === 'gate') {
    return {
      ...base,
      ...({ kind: 'passage', camera: `gate-${which}` as CameraId, subject: 'vehicle' } as const),
      ...({ direction: value > 1 ? 'in' : 'out', startedAt: base.at, endedAt: base.at } as const),
      ...({ plate: null, registered: null, evidence: null } as const),
    };
  }
  const event: ChargingEvent = {
    ...base,
    ...({ kind: 'charging', device: `charger/p${which % 2}` as DeviceKey, port: 1 + (which >> 1) } as const),
    ...({ report: 'telemetry', state: 'charging', powerW: null, voltageV: null, currentA: null } as const),
    ...({ energyKwh: null, durationS: null, ambientC: null, order: null, stopReason: null } as const),
    portC: [null, 40, 52, 61, 75][value] ?? null,
  };
  return event;
}

const shown = (matches: readonly Match[]): string[] => matches.map((match) => JSON.stringify(match)).sort();

/** What is on disk: the rows of the rules' memory, and the events. */
function createDisk() {
  const rows = new Map<string, RuleStateRow>();
  const events: GatewayEvent[] = [];
  return {
    events,
    write: (event: GatewayEvent | null, changes: readonly Change[]): void => {
      if (event) events.push(event);
      for (const change of changes) {
        if (change.kind !== 'rule-state') continue;
        const name = `${change.rule}\n${change.key}`;
        if (change.state === null) rows.delete(name);
        else rows.set(name, { rule: change.rule, key: change.key, state: change.state });
      }
    },
    rows: (): RuleStateRow[] => [...rows.values()].sort((a, b) => (a.rule + a.key < b.rule + b.key ? -1 : 1)),
    /** As the line reads them: events received in the last `backMs` before the newest. */
    recent: (backMs: number): GatewayEvent[] => {
      const newest = events.at(-1)?.receivedAt ?? 0;
      return events.filter(({ receivedAt }) => receivedAt >= newest - backMs);
    },
  };
}

/** Runs a history through the running rules; between entries they are restarted where `restarts` says so. */
function runLive(
  entries: readonly Entry[],
  restarts: (index: number) => boolean,
  instances: readonly [Rules, Rules],
): { matches: Match[]; rows: RuleStateRow[]; events: readonly GatewayEvent[]; endMs: number } {
  const disk = createDisk();
  let [running, other] = instances;
  running.reload([], []);
  const matches: Match[] = [];
  let nowMs = startMs;
  for (const [index, one] of entries.entries()) {
    nowMs += one.after;
    const event = one.what === 'tick' ? null : eventOf(one, nowMs, index);
    // An event is evaluated within a second of being received: time is told to the rules that much later.
    const result = event ? running.evaluate(event) : running.tick(nowMs - 1000);
    matches.push(...result.matches);
    disk.write(event, result.changes);
    if (!restarts(index)) continue;
    [running, other] = [other, running];
    running.reload(disk.rows(), disk.recent(running.replayMs));
  }
  const endMs = nowMs + 600_000;
  const end = running.tick(endMs);
  matches.push(...end.matches);
  disk.write(null, end.changes);
  return { matches, rows: disk.rows(), events: disk.events, endMs };
}

describe('rules on recorded events', () => {
  // Compiling anew takes most of a restart's time and holds no memory: compiled sets take turns.
  const pair = [live(), live()] as const;
  const single = [live(), live()] as const;
  const backtest = createBacktest(rules);
  const seen = new Set<string>();

  it('match the same live and in a backtest, over 1 000 random histories with restarts', { timeout: 240_000 }, () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 5, maxLength: 45 }), fc.nat(0xffff), (entries, restarts) => {
        const ran = runLive(entries, (index) => ((restarts >> (index % 16)) & 1) === 1, pair);
        const back = backtest(ran.events, { fromMs: 0, toMs: ran.endMs });
        for (const match of back.matches) seen.add(match.rule);
        expect(shown(back.matches)).toEqual(shown(ran.matches));
      }),
      { numRuns: 1000 },
    );
    // A property that holds because nothing ever matches holds nothing.
    expect([...seen].sort()).toEqual(texts.map(({ file }) => file.replace('.yaml', '')).sort());
  });

  it('remember the same whether or not they were restarted in between', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 5, maxLength: 45 }), fc.nat(0xffff), (entries, restarts) => {
        const steady = runLive(entries, () => false, single);
        const restarted = runLive(entries, (index) => ((restarts >> (index % 16)) & 1) === 1, pair);
        expect(restarted.rows).toEqual(steady.rows);
        expect(shown(restarted.matches)).toEqual(shown(steady.matches));
      }),
      { numRuns: 300 },
    );
  });
});
