import type { Change } from '../domain/change.ts';
import type { EventKind, GatewayEvent } from '../domain/event.ts';
import type { Match } from '../domain/match.ts';
import type { RuleInfo } from '../domain/rule-report.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { readCalendarFile } from './calendar-file.ts';
import { createCalendar, ordinaryDays } from './calendar.ts';
import { advanceClock, recallEvent, takeEvent } from './engine.ts';
import { rulesInvalid } from './fault.ts';
import { createMemory } from './memory.ts';
import type { RulesOptions } from './options.ts';
import { readRuleFolders, type RuleFolders } from './rule-folders.ts';
import { compileRuleSet, kindsOf, readRuleTexts, type RuleSet } from './rule-set.ts';
import { decodeState, dueOf, encodeState, isIdle, type StateUpdate } from './rule-state.ts';
import type { RuleText } from './rule-yaml.ts';
import { createSuppressions } from './suppressions.ts';
import type { RuleCounters, Surroundings } from './surroundings.ts';
import { reachOfWindows } from './windows.ts';

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

export interface Rules {
  /** One event of the line. Synchronous; never throws for what a rule or an event holds. */
  evaluate(event: GatewayEvent): RuleResult;
  /**
   * To be called about every second: completes what time alone completes, and forgets what nothing can use any more.
   * The caller promises that every event evaluated later was received after `clockMs`.
   */
  tick(clockMs: number): RuleResult;
  /** How far back `reload` wants recorded events. */
  readonly replayMs: number;
  /** Puts the memory back to what is stored: at start-up, and after a commit that failed. */
  reload(rows: readonly RuleStateRow[], recent?: Iterable<GatewayEvent>): void;
  /** Puts another set in force, whole or not at all (throws GatewayError 'rules.invalid'); memory of rules that stay is kept. */
  load(source?: RuleSource): void;
  readonly version: string;
  readonly kinds: ReadonlySet<EventKind>;
  list(): readonly RuleInfo[];
}

/** A folder of rule documents, a pack with a site's own folder before it, or the documents themselves. */
export type RuleSource = string | RuleFolders | readonly RuleText[];

export interface RulesSetup {
  readonly source: RuleSource;
  /** IANA name, e.g. Asia/Shanghai: what `night` and `hour` mean. */
  readonly timeZone: string;
  readonly options: RulesOptions;
  readonly logger: Logger;
}

/** A set with all that is read with it. */
export interface LoadedRules {
  readonly set: RuleSet;
  readonly texts: ReadonlyMap<string, string>;
  readonly calendar: Surroundings['calendar'];
  readonly silencedBy: Surroundings['silencedBy'];
}

const sweepEveryMs = 60_000;

const textsOf = (source: RuleSource): readonly RuleText[] =>
  typeof source === 'string' ? readRuleTexts(source) : 'pack' in source ? readRuleFolders(source) : source;

/** Reads and checks everything that a set of rules is made of. Throws GatewayError 'rules.invalid' with every fault. */
export function loadRules(given: {
  readonly source: RuleSource;
  readonly timeZone: string;
  readonly options: RulesOptions;
}): LoadedRules {
  const { options, timeZone, source } = given;
  const texts = textsOf(source);
  const set = compileRuleSet(texts, options.settings, {
    latenessMs: options.lateness,
    suppressions: options.suppressions,
  });
  const days = options.calendarFile === undefined ? null : readCalendarFile(options.calendarFile);
  if (days && !days.ok) throw rulesInvalid(days.faults);
  const { nightFrom, nightTo } = options;
  const calendar = createCalendar({ timeZone, nightFrom, nightTo, days: days?.days ?? ordinaryDays });
  return {
    set,
    texts: new Map(texts.map(({ file, text }) => [file, text])),
    calendar,
    silencedBy: createSuppressions(options.suppressions, timeZone, calendar),
  };
}

export const zeroes = (): RuleCounters => ({
  ...{ evaluated: 0, matched: 0, suppressed: 0, silenced: 0, absent: 0 },
  ...{ failed: 0, late: 0, tooLate: 0, disproved: 0 },
});

/** The rules in force and their memory. Throws GatewayError 'rules.invalid' with every fault of a wrong set. */
export function createRules({ source, timeZone, options, logger }: RulesSetup): Rules {
  let loaded = loadRules({ source, timeZone, options });
  let from = source;
  const memory = createMemory({
    maxKeysPerRule: options.maxKeysPerRule,
    latenessMs: options.lateness,
    dueOf: (id, state) => {
      const rule = loaded.set.byId.get(id);
      return rule ? dueOf(rule, state) : null;
    },
  });
  const counters = new Map<string, RuleCounters>();
  const countersOf = (rule: string): RuleCounters => {
    const known = counters.get(rule);
    if (known) return known;
    const fresh = zeroes();
    counters.set(rule, fresh);
    return fresh;
  };
  const around: Surroundings = {
    get calendar() {
      return loaded.calendar;
    },
    latenessMs: options.lateness,
    count: (rule, what) => {
      countersOf(rule)[what] += 1;
    },
    failed: (rule, error) => {
      const mine = countersOf(rule);
      mine.failed += 1;
      // The first, then every thousandth: a rule that fails does so for every event.
      if (mine.failed % 1000 === 1) logger.warn({ rule, reason: messageOf(error), count: mine.failed }, 'rule failed');
    },
    silencedBy: (...about) => loaded.silencedBy(...about),
  };
  let lastSweepMs = 0;
  /** Rows of rules that are gone: removed with the next tick. */
  let orphans: Change[] = [];

  const noChanges: readonly Change[] = [];
  const asChanges = (updates: readonly StateUpdate[]): readonly Change[] =>
    updates.length === 0 ? noChanges : updates.map(toChange);
  return {
    evaluate: (event) => {
      const { matches, updates } = takeEvent(loaded.set, memory, event, around);
      return { matches, changes: asChanges(updates) };
    },
    tick: (clockMs) => {
      const past = advanceClock(loaded.set, memory, clockMs, around);
      const gone: StateUpdate[] = [];
      if (Math.abs(clockMs - lastSweepMs) >= sweepEveryMs) {
        lastSweepMs = clockMs;
        for (const rule of loaded.set.rules) {
          for (const [key, state] of memory.entries(rule.id)) {
            if (isIdle(rule, state, clockMs)) gone.push({ rule: rule.id, key, state: null });
          }
        }
      }
      const swept = asChanges(gone.flatMap((update) => memory.put(update)));
      const removed = orphans;
      orphans = [];
      return { matches: past.matches, changes: [...asChanges(past.updates), ...swept, ...removed] };
    },
    get replayMs() {
      const windowsMs = loaded.set.rules.map((rule) => reachOfWindows(rule, options.lateness));
      return 2 * options.lateness + Math.max(0, ...windowsMs);
    },
    reload: (rows, recent = []) => {
      memory.clear();
      orphans = [];
      const known = new Set<string>(loaded.set.rules.map((rule) => rule.id));
      for (const row of rows) {
        const state = known.has(row.rule) ? decodeState(row.state) : null;
        if (state === null) orphans.push(toChange({ rule: row.rule, key: row.key, state: null }));
        else memory.put({ rule: row.rule, key: row.key, state });
      }
      for (const event of recent) recallEvent(loaded.set, memory, event, around);
      if (orphans.length > 0) logger.info({ rows: orphans.length }, 'rule memory dropped');
    },
    load: (other = from) => {
      const next = loadRules({ source: other, timeZone, options });
      from = other;
      const patterns = new Map<string, string>(next.set.rules.map((rule) => [rule.id, rule.pattern.kind]));
      for (const rule of loaded.set.rules) {
        // Memory of another sort of condition would be misread.
        if (patterns.get(rule.id) === rule.pattern.kind) continue;
        for (const [key] of [...memory.entries(rule.id)]) {
          orphans.push(...memory.put({ rule: rule.id, key, state: null }).map(toChange));
        }
      }
      // Samples are kept by the windows' places in their rule's document.
      const versions = new Map<string, string>(loaded.set.rules.map((rule) => [rule.id, rule.version]));
      loaded = next;
      memory.windows.keepOnly((rule) => next.set.byId.get(rule)?.version === versions.get(rule));
      memory.recalculate();
      logger.info({ rules: next.set.rules.length, version: next.set.version }, 'rules loaded');
    },
    get version() {
      return loaded.set.version;
    },
    get kinds() {
      return loaded.set.kinds;
    },
    list: () =>
      loaded.set.rules.map((rule) => {
        const file = loaded.set.files.get(rule.id) ?? '';
        return {
          id: rule.id,
          version: rule.version,
          file,
          title: rule.title,
          kind: rule.kind,
          tiers: rule.tiers.map(({ tier }) => tier),
          to: [...new Set([...rule.to, ...rule.tiers.flatMap(({ to }) => to ?? [])])],
          department: rule.department,
          reason: rule.document.reason,
          source: rule.document.source,
          params: rule.paramValues,
          listensTo: kindsOf(rule),
          pattern: rule.pattern.kind,
          enabled: loaded.set.byId.has(rule.id),
          keys: memory.size(rule.id),
          counters: { ...countersOf(rule.id) },
          text: loaded.texts.get(file) ?? '',
        };
      }),
  };
}

const toChange = (update: StateUpdate): Change => ({
  kind: 'rule-state',
  rule: update.rule,
  key: update.key,
  state: encodeState(update.state),
});
