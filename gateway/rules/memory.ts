import { createDueHeap } from './due-heap.ts';
import { createRecentEvents, type RecentEvents } from './recent.ts';
import type { RuleState, StateUpdate } from './rule-state.ts';
import { createWindowSamples, type WindowSamples } from './windows.ts';

/** The states of all rules, as the pure step reads them. */
export interface RuleMemory {
  get(rule: string, key: string): RuleState | undefined;
  has(rule: string): boolean;
  readonly recent: Omit<RecentEvents, 'add' | 'clear'>;
  readonly windows: Pick<WindowSamples, 'of'>;
}

/** The memory with the means to change it, for the one that keeps it. */
export interface KeptMemory extends RuleMemory {
  readonly recent: RecentEvents;
  readonly windows: WindowSamples;
  /** Takes the new state; returns it with the one that was forgotten to make room, if any. */
  put(update: StateUpdate): readonly StateUpdate[];
  entries(rule: string): Iterable<readonly [key: string, state: RuleState]>;
  /** A state that time may have brought to a match: the earliest not after `clockMs`. Each is taken once. */
  takeDue(clockMs: number): { readonly rule: string; readonly key: string; readonly state: RuleState } | undefined;
  /** Looks at the state again at this time. */
  lookAgain(rule: string, key: string, atMs: number): void;
  /** When each state is due anew: another set of rules is in force. */
  recalculate(): void;
  clear(): void;
  size(rule: string): number;
}

/** Per rule a bounded map, the longest untouched key first. `dueOf` says when time alone brings a state to a match. */
export function createMemory(options: {
  readonly maxKeysPerRule: number;
  readonly latenessMs: number;
  readonly dueOf: (rule: string, state: RuleState) => number | null;
}): KeptMemory {
  const { maxKeysPerRule, latenessMs, dueOf } = options;
  const rules = new Map<string, Map<string, RuleState>>();
  const none = new Map<string, RuleState>();
  const dues = createDueHeap();
  const recent = createRecentEvents(2 * latenessMs);
  const windows = createWindowSamples({ maxKeysPerRule, latenessMs });
  const schedule = (rule: string, key: string, state: RuleState, before: RuleState | undefined): void => {
    const at = dueOf(rule, state);
    // The one that stands already is still right: a hold that goes on is touched often and moves never.
    if (at === null || (before !== undefined && dueOf(rule, before) === at)) return;
    dues.push({ at, rule, key });
  };
  return {
    recent,
    windows,
    get: (rule, key) => rules.get(rule)?.get(key),
    has: (rule) => rules.has(rule),
    entries: (rule) => (rules.get(rule) ?? none).entries(),
    size: (rule) => rules.get(rule)?.size ?? 0,
    clear: () => {
      rules.clear();
      dues.clear();
      recent.clear();
      windows.clear();
    },
    takeDue: (clockMs) => {
      for (;;) {
        const due = dues.take(clockMs);
        if (!due) return undefined;
        const state = rules.get(due.rule)?.get(due.key);
        const at = state ? dueOf(due.rule, state) : null;
        // It was ended, completed or begun anew since: then another entry stands for it, or none is needed.
        if (!state || at === null || at > due.at) continue;
        return { rule: due.rule, key: due.key, state };
      }
    },
    lookAgain: (rule, key, atMs) => dues.push({ at: atMs, rule, key }),
    recalculate: () => {
      dues.clear();
      for (const [rule, keys] of rules) for (const [key, state] of keys) schedule(rule, key, state, undefined);
    },
    put: (update) => {
      const { rule, key, state } = update;
      const keys = rules.get(rule) ?? new Map<string, RuleState>();
      const before = keys.get(key);
      keys.delete(key);
      if (state !== null) {
        keys.set(key, state);
        rules.set(rule, keys);
        schedule(rule, key, state, before);
      } else if (keys.size === 0) rules.delete(rule);
      const oldest = keys.size > maxKeysPerRule ? keys.keys().next().value : undefined;
      if (oldest === undefined) return [update];
      keys.delete(oldest);
      return [update, { rule, key: oldest, state: null }];
    },
  };
}
