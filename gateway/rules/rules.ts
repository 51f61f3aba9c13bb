import type { Change } from '../domain/change.ts';
import type { GatewayEvent } from '../domain/event.ts';
import type { Match } from '../domain/match.ts';
import type { Bilingual } from '../domain/text.ts';
import type { Tier } from '../domain/tier.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { evaluateEvent, evaluateTick, type Step, type Surroundings } from './engine.ts';
import { createLocalTime, minutesOf } from './local-time.ts';
import type { RulesOptions } from './options.ts';
import { compileRuleSet, readRuleTexts, type RuleSet } from './rule-set.ts';
import { decodeState, encodeState, isIdle, type RuleMemory, type RuleState, type StateUpdate } from './rule-state.ts';
import type { RuleText } from './rule-yaml.ts';

/** What came of an event or a tick: matches for the alerts, and the rows that keep the rules' memory. */
export interface RuleResult {
  readonly matches: readonly Match[];
  readonly changes: readonly Change[];
}

/** A stored `rule-state` row. */
export interface RuleStateRow {
  readonly rule: string;
  readonly key: string;
  readonly state: string;
}

/** A rule as people are shown it. */
export interface RuleInfo {
  readonly id: string;
  readonly version: string;
  readonly file: string;
  readonly title: Bilingual;
  readonly kind: string;
  readonly tiers: readonly Tier[];
  readonly to: readonly string[];
  readonly reason: string;
  readonly source: string;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  readonly enabled: boolean;
  /** Ports, devices, … that the rule remembers now. */
  readonly keys: number;
  readonly counters: Readonly<RuleCounters>;
}

export interface RuleCounters {
  evaluated: number;
  matched: number;
  suppressed: number;
  /** A field that the condition needs was not there: the condition did not hold. */
  absent: number;
  failed: number;
}

export interface Rules {
  /** One event of the line. Synchronous; never throws for what a rule or an event holds. */
  evaluate(event: GatewayEvent): RuleResult;
  /** To be called about every second: completes `for` conditions and forgets what nothing can use any more. */
  tick(nowMs: number): RuleResult;
  /** Puts the memory back to what is stored: at start-up, and after a commit that failed. */
  reload(rows: readonly RuleStateRow[]): void;
  /** Puts another set in force, whole or not at all (throws GatewayError 'rules.invalid'); memory of rules that stay is kept. */
  load(source: string | readonly RuleText[]): void;
  readonly version: string;
  list(): readonly RuleInfo[];
}

export interface RulesSetup {
  /** A folder of rule documents, or the documents themselves. */
  readonly source: string | readonly RuleText[];
  /** IANA name, e.g. Asia/Shanghai: what `night` and `hour` mean. */
  readonly timeZone: string;
  readonly options: RulesOptions;
  readonly logger: Logger;
}

const sweepEveryMs = 60_000;

/** The rules in force and their memory. Throws GatewayError 'rules.invalid' with every fault of a wrong set. */
export function createRules({ source, timeZone, options, logger }: RulesSetup): Rules {
  const compile = (from: string | readonly RuleText[]): RuleSet =>
    compileRuleSet(typeof from === 'string' ? readRuleTexts(from) : from, options.settings);
  let set = compile(source);
  const memory = createMemory(options.maxKeysPerRule);
  const counters = new Map<string, RuleCounters>();
  const countersOf = (rule: string): RuleCounters => {
    const known = counters.get(rule);
    if (known) return known;
    const fresh: RuleCounters = { evaluated: 0, matched: 0, suppressed: 0, absent: 0, failed: 0 };
    counters.set(rule, fresh);
    return fresh;
  };
  const around: Surroundings = {
    localTime: createLocalTime(timeZone),
    night: { fromMinute: minutesOf(options.nightFrom), toMinute: minutesOf(options.nightTo) },
    count: (rule, what) => {
      countersOf(rule)[what] += 1;
    },
    failed: (rule, error) => {
      const mine = countersOf(rule);
      mine.failed += 1;
      // The first, then every thousandth: a rule that fails does so for every event.
      if (mine.failed % 1000 === 1) logger.warn({ rule, reason: messageOf(error), count: mine.failed }, 'rule failed');
    },
  };
  let lastSweepMs = 0;
  /** Rows of rules that are gone: removed with the next tick. */
  let orphans: Change[] = [];

  const finish = (step: Step, extra: readonly StateUpdate[] = []): RuleResult => {
    const changes = [...step.updates, ...extra].flatMap((update) => memory.put(update)).map(toChange);
    return { matches: step.matches, changes };
  };
  return {
    evaluate: (event) => finish(evaluateEvent(set, memory, event, around)),
    tick: (nowMs) => {
      const result = finish(evaluateTick(set, memory, nowMs, around));
      const gone: StateUpdate[] = [];
      if (Math.abs(nowMs - lastSweepMs) >= sweepEveryMs) {
        lastSweepMs = nowMs;
        for (const rule of set.rules) {
          for (const [key, state] of memory.entries(rule.id)) {
            if (isIdle(rule, state, nowMs)) gone.push({ rule: rule.id, key, state: null });
          }
        }
      }
      const swept = finish({ matches: [], updates: gone });
      const removed = orphans;
      orphans = [];
      return { matches: result.matches, changes: [...result.changes, ...swept.changes, ...removed] };
    },
    reload: (rows) => {
      memory.clear();
      orphans = [];
      const known = new Set<string>(set.rules.map((rule) => rule.id));
      for (const row of rows) {
        const state = known.has(row.rule) ? decodeState(row.state) : null;
        if (state === null) orphans.push(toChange({ rule: row.rule, key: row.key, state: null }));
        else memory.put({ rule: row.rule, key: row.key, state });
      }
      if (orphans.length > 0) logger.info({ rows: orphans.length }, 'rule memory dropped');
    },
    load: (from) => {
      const next = compile(from);
      const staying = new Set<string>(next.rules.map((rule) => rule.id));
      for (const rule of set.rules) {
        if (staying.has(rule.id)) continue;
        for (const [key] of [...memory.entries(rule.id)]) {
          orphans.push(...memory.put({ rule: rule.id, key, state: null }).map(toChange));
        }
      }
      set = next;
      logger.info({ rules: next.rules.length, version: next.version }, 'rules loaded');
    },
    get version() {
      return set.version;
    },
    list: () =>
      set.rules.map((rule) => ({
        id: rule.id,
        version: rule.version,
        file: set.files.get(rule.id) ?? '',
        title: rule.title,
        kind: rule.kind,
        tiers: rule.tiers.map(({ tier }) => tier),
        to: rule.to,
        reason: rule.document.reason,
        source: rule.document.source,
        params: rule.paramValues,
        enabled: set.byId.has(rule.id),
        keys: memory.size(rule.id),
        counters: { ...countersOf(rule.id) },
      })),
  };
}

const toChange = (update: StateUpdate): Change => ({
  kind: 'rule-state',
  rule: update.rule,
  key: update.key,
  state: encodeState(update.state),
});

interface Memory extends RuleMemory {
  /** Takes the new state; returns it with the one that was forgotten to make room, if any. */
  put(update: StateUpdate): readonly StateUpdate[];
  clear(): void;
  size(rule: string): number;
}

/** Per rule a bounded map, the longest untouched key first. */
function createMemory(maxKeysPerRule: number): Memory {
  const rules = new Map<string, Map<string, RuleState>>();
  const none = new Map<string, RuleState>();
  return {
    get: (rule, key) => rules.get(rule)?.get(key),
    entries: (rule) => (rules.get(rule) ?? none).entries(),
    has: (rule) => rules.has(rule),
    size: (rule) => rules.get(rule)?.size ?? 0,
    clear: () => rules.clear(),
    put: (update) => {
      const { rule, key, state } = update;
      const keys = rules.get(rule) ?? new Map<string, RuleState>();
      keys.delete(key);
      if (state !== null) {
        keys.set(key, state);
        rules.set(rule, keys);
      } else if (keys.size === 0) rules.delete(rule);
      const oldest = keys.size > maxKeysPerRule ? keys.keys().next().value : undefined;
      if (oldest === undefined) return [update];
      keys.delete(oldest);
      return [update, { rule, key: oldest, state: null }];
    },
  };
}
