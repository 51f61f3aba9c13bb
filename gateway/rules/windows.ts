import type { GatewayEvent } from '../domain/event.ts';
import { passes, type CompiledRule } from './compiled-rule.ts';
import { contextOf, memoryKey, type Surroundings } from './surroundings.ts';

// `window`: what a value has done within a time, such as its rise in five minutes.

/** What one event says to the windows of a rule: a value for each of them, NaN where it says none. */
export interface WindowSample {
  readonly id: string;
  readonly at: number;
  readonly receivedAt: number;
  readonly values: readonly number[];
}

/** A sample to be remembered for a rule and a key. */
export interface TakenSample {
  readonly rule: CompiledRule;
  readonly key: string;
  readonly sample: WindowSample;
}

/**
 * The samples of one rule and key in the order in which they came, side by side: they are looked through at every event,
 * and an object for each was a quarter of the rules' whole time.
 */
interface Samples {
  readonly ids: string[];
  readonly at: number[];
  readonly receivedAt: number[];
  /** As many for each sample as the rule has windows. */
  readonly values: number[];
}

/**
 * The samples of the last minutes. Not stored: after a restart they are taken again from the recorded events, and give
 * the same. Hence for an event only those count that were received within the rule's reach before it, whatever else is
 * still in memory.
 */
export interface WindowSamples {
  of(rule: string, key: string): Samples | undefined;
  add(taken: TakenSample): void;
  /** Forgets those of rules for which `stays` says no. */
  keepOnly(stays: (rule: string) => boolean): void;
  clear(): void;
}

/** A reading every five seconds for an hour; past it the oldest go. */
const maxSamples = 720;

/** ms of receive time that an event's windows look back; 0 where the rule has none. Devices may send what they had kept. */
export function reachOfWindows(rule: CompiledRule, latenessMs: number): number {
  return rule.windows.length === 0 ? 0 : Math.max(...rule.windows.map(({ withinMs }) => withinMs)) + 2 * latenessMs;
}

export function createWindowSamples(options: {
  readonly maxKeysPerRule: number;
  readonly latenessMs: number;
}): WindowSamples {
  const rules = new Map<string, Map<string, Samples>>();
  return {
    of: (rule, key) => rules.get(rule)?.get(key),
    add: ({ rule, key, sample }) => {
      let keys = rules.get(rule.id);
      if (!keys) rules.set(rule.id, (keys = new Map<string, Samples>()));
      let samples = keys.get(key);
      if (!samples) {
        const oldest = keys.size >= options.maxKeysPerRule ? keys.keys().next().value : undefined;
        if (oldest !== undefined) keys.delete(oldest);
        keys.set(key, (samples = { ids: [], at: [], receivedAt: [], values: [] }));
      }
      samples.ids.push(sample.id);
      samples.at.push(sample.at);
      samples.receivedAt.push(sample.receivedAt);
      samples.values.push(...sample.values);
      // Another event of the same source may be judged anew up to two latenesses later (`hold.ts`). Thrown out in bites.
      const keptMs = reachOfWindows(rule, options.latenessMs) + 2 * options.latenessMs;
      const stale = (samples.receivedAt[0] ?? 0) < sample.receivedAt - 1.5 * keptMs;
      if (!stale && samples.ids.length < 1.5 * maxSamples) return;
      const first = samples.receivedAt.findIndex((receivedAt) => receivedAt >= sample.receivedAt - keptMs);
      const gone = Math.max(first, samples.ids.length - maxSamples);
      for (const list of [samples.ids, samples.at, samples.receivedAt]) list.splice(0, gone);
      samples.values.splice(0, gone * rule.windows.length);
    },
    keepOnly: (stays) => {
      for (const rule of [...rules.keys()]) if (!stays(rule)) rules.delete(rule);
    },
    clear: () => rules.clear(),
  };
}

/** What the event itself says to the rule's windows; null where it passes none of the rule's filters. */
export function sampleOf(
  rule: CompiledRule,
  event: GatewayEvent,
  context: Readonly<Record<string, unknown>>,
): WindowSample | null {
  const side = rule.sides[0];
  if (rule.windows.length === 0 || !side || !passes(side.filters, event)) return null;
  const values = rule.windows.map(({ value }) => {
    const said = value.evaluate(context);
    return typeof said === 'number' ? said : Number.NaN;
  });
  return { id: event.id, at: event.at, receivedAt: event.receivedAt, values };
}

/**
 * Puts `window` into the context of an event: each window over the samples at or before it. Returns the event's own sample
 * with its key, for the caller to keep; null where it says nothing to any of them. `unlessRuledOut`: the samples are not
 * looked through where the rule's condition cannot hold whatever they say.
 */
export function openWindows(
  rule: CompiledRule,
  samples: Pick<WindowSamples, 'of'>,
  event: GatewayEvent,
  context: Record<string, unknown>,
  latenessMs: number,
  unlessRuledOut = false,
): TakenSample | null {
  context['window'] = undefined;
  const own = sampleOf(rule, event, context);
  if (!own) return null;
  const key = memoryKey(rule, event, context);
  const taken = own.values.some((value) => !Number.isNaN(value)) ? { rule, key, sample: own } : null;
  if (unlessRuledOut && rule.sides[0]?.condition?.ruledOut(context) === true) return taken;
  const before = samples.of(rule.id, key);
  const reachMs = reachOfWindows(rule, latenessMs);
  const view: Record<string, number> = {};
  for (const [index, { name, is, withinMs }] of rule.windows.entries()) {
    const value = own.values[index] ?? Number.NaN;
    const said = !Number.isNaN(value);
    const {
      others,
      lowest: low,
      highest: high,
      sum: total,
    } = lookThrough(before, own, {
      ...{ index, width: rule.windows.length, withinMs, reachMs },
    });
    const count = said ? others + 1 : others;
    if (count === 0) continue;
    const lowest = said && value < low ? value : low;
    const highest = said && value > high ? value : high;
    const sum = said ? total + value : total;
    switch (is) {
      case 'min':
        view[name] = lowest;
        break;
      case 'max':
        view[name] = highest;
        break;
      case 'mean':
        view[name] = sum / count;
        break;
      case 'rise':
        // One reading alone has not risen, nor has it stayed.
        if (said && others > 0) view[name] = value - lowest;
        break;
      case 'fall':
        if (said && others > 0) view[name] = highest - value;
        break;
    }
  }
  context['window'] = view;
  return taken;
}

/** What one window's samples come to, without the event's own. */
function lookThrough(
  samples: Samples | undefined,
  own: WindowSample,
  about: { readonly index: number; readonly width: number; readonly withinMs: number; readonly reachMs: number },
): { readonly others: number; readonly lowest: number; readonly highest: number; readonly sum: number } {
  let [others, lowest, highest, sum] = [0, Infinity, -Infinity, 0];
  if (!samples) return { others, lowest, highest, sum };
  const { ids, at, receivedAt, values } = samples;
  const { index, width } = about;
  const receivedFrom = own.receivedAt - about.reachMs;
  const from = own.at - about.withinMs;
  for (let place = ids.length - 1; place >= 0; place -= 1) {
    if ((receivedAt[place] ?? 0) < receivedFrom) break;
    const then = at[place] ?? 0;
    if (then > own.at || then < from || (then === own.at && ids[place] === own.id)) continue;
    const seen = values[place * width + index] ?? Number.NaN;
    if (Number.isNaN(seen)) continue;
    others += 1;
    sum += seen;
    if (seen < lowest) lowest = seen;
    if (seen > highest) highest = seen;
  }
  return { others, lowest, highest, sum };
}

/** What the rule's expressions can name for an event other than the one at hand. */
export function contextFor(
  rule: CompiledRule,
  memory: { readonly windows: Pick<WindowSamples, 'of'> },
  event: GatewayEvent,
  at: number,
  around: Surroundings,
): Record<string, unknown> {
  const context = contextOf(event, at, around);
  context['params'] = rule.params;
  if (rule.windows.length > 0) openWindows(rule, memory.windows, event, context, around.latenessMs);
  return context;
}
