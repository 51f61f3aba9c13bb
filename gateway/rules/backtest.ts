import type { EventKind, GatewayEvent } from '../domain/event.ts';
import type { Match } from '../domain/match.ts';
import type { CompiledRule } from './compiled-rule.ts';
import { advanceClock, takeEvent, type Step } from './engine.ts';
import { createMemory } from './memory.ts';
import type { RulesOptions } from './options.ts';
import { kindsOf, type RuleSet } from './rule-set.ts';
import { dueOf } from './rule-state.ts';
import { loadRules, zeroes, type LoadedRules } from './rules.ts';
import type { RuleText } from './rule-yaml.ts';
import type { RuleCounters, Surroundings } from './surroundings.ts';
import { reachOfWindows } from './windows.ts';

/** Rules as a backtest is given them: documents and the site's settings, so that they can be sent to a thread. */
export interface BacktestRules {
  readonly texts: readonly RuleText[];
  readonly timeZone: string;
  readonly options: RulesOptions;
  /** Only these rules; null for all that are in force. */
  readonly only: readonly string[] | null;
}

/** One pass over the record: rules that can be run on a share of the events without seeing the others. */
export interface BacktestPass {
  readonly rules: readonly string[];
  readonly kinds: readonly EventKind[];
  /** How far before the asked time the record must be read, so that memory is what it was. */
  readonly reachMs: number;
  /** `area`: each area (each source that stands in none) can be run apart from the others. */
  readonly split: 'area' | 'whole';
}

const dayMs = 86_400_000;

/**
 * What must be read for these rules: one pass for those that remember by device or area, which can be shared out over
 * areas, and one for those that remember across areas (a plate at several gates). Throws 'rules.invalid'.
 */
export function planBacktest(rules: BacktestRules): readonly BacktestPass[] {
  const { set } = loadRules({ source: rules.texts, timeZone: rules.timeZone, options: rules.options });
  const chosen = [...set.byId.values()].filter(({ id }) => rules.only === null || rules.only.includes(id));
  const passes = (['area', 'whole'] as const).map((split): BacktestPass => {
    const mine = chosen.filter((rule) => (staysInArea(rule) ? 'area' : 'whole') === split);
    return {
      split,
      rules: mine.map(({ id }) => id),
      kinds: [...new Set(mine.flatMap(kindsOf))],
      reachMs: Math.max(0, ...mine.map((rule) => reachOf(rule, rules.options.lateness))),
    };
  });
  return passes.filter(({ rules: ids }) => ids.length > 0);
}

/** Names that stand for something which is in one area. */
const fixed = new Set([
  ...['event.device', 'event.port', 'event.camera', 'event.zone', 'event.visit', 'event.part', 'event.area'],
  ...['event.kind', 'event.alarm', 'event.change', 'event.direction', 'event.subject', 'event.order'],
  ...['area', 'source', 'place', 'date', 'nightDate', 'weekday', 'night'],
]);
/** One of these must be named, or one key would stand for things in several areas. */
const anchors = new Set(['event.device', 'event.camera', 'event.area', 'area', 'source', 'place']);

function staysInArea(rule: CompiledRule): boolean {
  const names = rule.per?.references.map(([record, field]) => (field === null ? record : `${record}.${field}`));
  if (names) return names.every((name) => fixed.has(name)) && names.some((name) => anchors.has(name));
  return rule.pattern.kind === 'together' || rule.pattern.kind === 'sequence' ? rule.inArea : true;
}

/** How long ago an event may be and still matter to a match of this rule. */
function reachOf(rule: CompiledRule, latenessMs: number): number {
  const { pattern, suppress } = rule;
  const windowMs = reachOfWindows(rule, latenessMs);
  const patternMs = pattern.kind === 'for' ? pattern.forMs : 'withinMs' in pattern ? pattern.withinMs : 0;
  const suppressMs =
    suppress === null ? 0 : suppress.extend ? Math.max(suppress.forMs, suppress.atMostMs) : suppress.forMs;
  return Math.min(31 * dayMs, patternMs + windowMs + suppressMs + rule.waitMs + 2 * latenessMs);
}

/** What a run over the record came to. */
export interface BacktestRun {
  readonly matches: readonly Match[];
  readonly events: number;
  readonly counters: Readonly<Record<string, RuleCounters>>;
}

/**
 * Runs rules over recorded events in the order in which they came: the very functions that the running gateway calls.
 * Matches before `fromMs` only make memory what it was. Time goes on to `toMs` after the last event.
 */
export function runBacktest(
  rules: BacktestRules,
  events: Iterable<GatewayEvent>,
  span: { readonly fromMs: number; readonly toMs: number },
): BacktestRun {
  return createBacktest(rules)(events, span);
}

/** The same with the rules compiled once, for many runs. Throws 'rules.invalid'. */
export function createBacktest(
  rules: BacktestRules,
): (events: Iterable<GatewayEvent>, span: { readonly fromMs: number; readonly toMs: number }) => BacktestRun {
  const loaded = loadRules({ source: rules.texts, timeZone: rules.timeZone, options: rules.options });
  const set = rules.only === null ? loaded.set : loaded.set.restrictedTo(new Set(rules.only));
  return (events, span) => runOnce(rules, loaded, set, events, span);
}

function runOnce(
  rules: BacktestRules,
  loaded: LoadedRules,
  set: RuleSet,
  events: Iterable<GatewayEvent>,
  span: { readonly fromMs: number; readonly toMs: number },
): BacktestRun {
  const counters = new Map<string, RuleCounters>([...set.byId.keys()].map((id) => [id, zeroes()]));
  const around: Surroundings = {
    calendar: loaded.calendar,
    silencedBy: loaded.silencedBy,
    latenessMs: rules.options.lateness,
    count: (rule, what) => {
      const mine = counters.get(rule);
      if (mine) mine[what] += 1;
    },
    failed: (rule) => {
      const mine = counters.get(rule);
      if (mine) mine.failed += 1;
    },
  };
  const memory = createMemory({
    maxKeysPerRule: rules.options.maxKeysPerRule,
    latenessMs: rules.options.lateness,
    dueOf: (id, state) => {
      const rule = set.byId.get(id);
      return rule ? dueOf(rule, state) : null;
    },
  });
  const matches: Match[] = [];
  const keep = (step: Step): void => {
    for (const match of step.matches) if (match.at >= span.fromMs) matches.push(match);
  };
  let count = 0;
  for (const event of events) {
    if (event.late || !set.kinds.has(event.kind)) continue;
    count += 1;
    keep(takeEvent(set, memory, event, around));
  }
  keep(advanceClock(set, memory, span.toMs, around));
  return { matches, events: count, counters: Object.fromEntries(counters) };
}
