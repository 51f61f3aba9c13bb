import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventKind, GatewayEvent } from '../domain/event.ts';
import { messageOf } from '../lib/errors.ts';
import { closest } from './cel-bounds.ts';
import { compileRule, type CompileDefaults } from './compile-rule.ts';
import { allSidesOf, type CompiledRule, type CompiledSide } from './compiled-rule.ts';
import { fieldsOf, sortingFields } from './event-fields.ts';
import { rulesInvalid, type RuleFault } from './fault.ts';
import type { RuleSettings, Suppression } from './options.ts';
import type { RuleText } from './rule-yaml.ts';

/** A rule with those of its sides that an event of one sort may satisfy. */
export interface Candidate {
  readonly rule: CompiledRule;
  readonly sides: readonly CompiledSide[];
}

/** Rules in force, sorted by the events that they listen to. Never changes: a reload makes another. */
export interface RuleSet {
  /** SHA-256 over the rules' own versions and the settings, first 12 hex digits. */
  readonly version: string;
  readonly rules: readonly CompiledRule[];
  readonly byId: ReadonlyMap<string, CompiledRule>;
  readonly files: ReadonlyMap<string, string>;
  candidates(event: GatewayEvent): readonly Candidate[];
  /** Kinds of event that any rule in force listens to. */
  readonly kinds: ReadonlySet<EventKind>;
  /** The same with only these rules in force. */
  restrictedTo(ids: ReadonlySet<string>): RuleSet;
}

/** The rule documents of a folder, by file name. A folder that cannot be read is a fault. */
export function readRuleTexts(dir: string): readonly RuleText[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    throw rulesInvalid([wholeFile(dir, `the folder cannot be read: ${String(error)}`)]);
  }
  return names
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => ({ file: join(dir, name), text: readFileSync(join(dir, name), 'utf8') }));
}

/** Single documents, wherever they stand. Throws `rules.invalid` for each that cannot be read. */
export function readRuleFiles(files: readonly string[]): readonly RuleText[] {
  const faults: RuleFault[] = [];
  const texts = files.flatMap((file) => {
    try {
      return [{ file, text: readFileSync(file, 'utf8') }];
    } catch (error) {
      faults.push(wholeFile(file, `the file cannot be read: ${messageOf(error)}`));
      return [];
    }
  });
  if (faults.length > 0) throw rulesInvalid(faults);
  return texts;
}

/** Stands for the file in faults of `rules.settings`: this room does not know where the configuration stands. */
export const settingsFile = 'configuration';

const wholeFile = (file: string, message: string): RuleFault => ({
  file,
  line: 1,
  column: 1,
  path: '',
  value: null,
  message,
  allowed: null,
});

/**
 * Compiles a whole set. Throws GatewayError 'rules.invalid' with every fault of every document (`facts.faults`), so
 * that either all rules are in force or none of them.
 */
export function compileRuleSet(
  texts: readonly RuleText[],
  settings: Readonly<Record<string, RuleSettings>>,
  defaults: CompileDefaults & { readonly suppressions?: readonly Suppression[] },
): RuleSet {
  const faults: RuleFault[] = [];
  const rules: CompiledRule[] = [];
  const files = new Map<string, string>();
  for (const text of texts) {
    const result = compileRule(text, (id) => (Object.hasOwn(settings, id) ? settings[id] : undefined), defaults);
    const id = result.ok ? result.rule.id : result.id;
    if (id !== null) {
      const first = files.get(id);
      if (first !== undefined && result.faultAt) faults.push(result.faultAt.at(['id'], `stands in ${first} already`));
      else files.set(id, text.file);
    }
    if (result.ok) rules.push(result.rule);
    else faults.push(...result.faults);
  }
  faults.push(...settingsFaults(rules, [...files.keys()], settings));
  faults.push(...suppressionFaults([...files.keys()], defaults.suppressions ?? []));
  if (faults.length > 0) throw rulesInvalid(faults);
  // The weightiest first, whatever the files are called: it then opens the alert that lighter matches join.
  rules.sort((a, b) => b.weight - a.weight || (a.id < b.id ? -1 : 1));
  const version = createHash('sha256')
    .update(JSON.stringify([rules.map((rule) => [rule.id, rule.version]), settings]))
    .digest('hex')
    .slice(0, 12);
  const setOf = (inForce: readonly CompiledRule[]): RuleSet => ({
    version,
    rules,
    byId: new Map(inForce.map((rule) => [rule.id, rule])),
    files,
    candidates: createIndex(inForce),
    kinds: new Set(inForce.flatMap(kindsOf)),
    restrictedTo: (ids) => setOf(inForce.filter(({ id }) => ids.has(id))),
  });
  return setOf(rules.filter((rule) => settings[rule.id]?.enabled !== false));
}

/** Kinds of event that a rule listens to. */
export function kindsOf(rule: CompiledRule): readonly EventKind[] {
  return [...new Set(allSidesOf(rule).flatMap(({ filters }) => filters.map(({ kind }) => kind)))];
}

function* settingsFaults(
  rules: readonly CompiledRule[],
  ids: readonly string[],
  settings: Readonly<Record<string, RuleSettings>>,
): Generator<RuleFault> {
  const at = (path: string, message: string, allowed: string | null): RuleFault => ({
    ...wholeFile(settingsFile, message),
    path: `rules.settings.${path}`,
    allowed,
  });
  for (const [id, setting] of Object.entries(settings)) {
    if (!ids.includes(id)) {
      const close = closest(id, ids);
      yield at(id, `there is no such rule${close === null ? '' : `, did you mean "${close}"?`}`, ids.join(', '));
    }
    const rule = rules.find((candidate) => candidate.id === id);
    if (!rule) continue;
    const own = rule.document.params;
    for (const [name, value] of Object.entries(setting.params)) {
      if (!Object.hasOwn(own, name)) {
        yield at(`${id}.params.${name}`, 'the rule has no such parameter', Object.keys(own).join(', ') || null);
      } else if (typeof own[name] !== typeof value) {
        yield at(`${id}.params.${name}`, `must be a ${typeof own[name]}`, null);
      }
    }
    const { pattern } = rule;
    if (setting.for !== undefined && pattern.kind !== 'for') yield at(`${id}.for`, 'the rule has no `for`', null);
    if (setting.within !== undefined && !('withinMs' in pattern)) {
      yield at(`${id}.within`, 'the rule has no `within`', null);
    }
  }
}

/** A window that names a rule which is not there keeps nothing back, and nobody would know. */
function* suppressionFaults(ids: readonly string[], windows: readonly Suppression[]): Generator<RuleFault> {
  for (const [index, window] of windows.entries()) {
    for (const [place, id] of window.rules.entries()) {
      if (ids.includes(id)) continue;
      const close = closest(id, ids);
      yield {
        ...wholeFile(settingsFile, `there is no such rule${close === null ? '' : `, did you mean "${close}"?`}`),
        path: `rules.suppressions[${index}].rules[${place}]`,
        value: JSON.stringify(id),
        allowed: ids.join(', '),
      };
    }
  }
}

/** Fields by which a site aims a rule at one place or thing; a rule that names one is shown nothing else. */
const aims = ['area', 'device', 'camera', 'zone', 'part'] as const;

/** Rules for one kind of event and one leading choice. */
interface Slot {
  /** Those that could match any such event, and the place of each among all rules: the weightiest first. */
  readonly general: Candidate[];
  /** Those aimed at single areas, devices, …: by field, then by value. */
  readonly aimed: Map<string, Map<unknown, Candidate[]>>;
}

/**
 * Sorts rules by kind of event, by that kind's leading choice (`alarm`, `change`, …) and by what they are aimed at, so
 * that an event is shown only to rules that could match it: its cost does not grow with the others.
 */
function createIndex(rules: readonly CompiledRule[]): RuleSet['candidates'] {
  const kinds = new Map<EventKind, { readonly field: string | null; readonly slots: Map<unknown, Slot> }>();
  const order = new Map(rules.map((rule, place) => [rule, place]));
  for (const rule of rules) {
    for (const [kind, choice, sides, filters] of listeningOf(rule)) {
      const entry = kinds.get(kind) ?? { field: sortingFields[kind], slots: new Map<unknown, Slot>() };
      kinds.set(kind, entry);
      const slot = entry.slots.get(choice) ?? { general: [], aimed: new Map<string, Map<unknown, Candidate[]>>() };
      entry.slots.set(choice, slot);
      const aim = aims.find((name) => filters.every(({ fields }) => fields.some(([field]) => field === name)));
      const candidate: Candidate = { rule, sides };
      if (aim === undefined) {
        slot.general.push(candidate);
        continue;
      }
      const values = new Set(
        filters.flatMap(({ fields }) => [...(fields.find(([field]) => field === aim)?.[1] ?? [])]),
      );
      const byValue = slot.aimed.get(aim) ?? new Map<unknown, Candidate[]>();
      slot.aimed.set(aim, byValue);
      for (const value of values) byValue.set(value, [...(byValue.get(value) ?? []), candidate]);
    }
  }
  const none: readonly Candidate[] = [];
  return (event) => {
    const entry = kinds.get(event.kind);
    if (!entry) return none;
    const fields = event as unknown as Readonly<Record<string, unknown>>;
    const slot = entry.slots.get(entry.field === null ? null : fields[entry.field]);
    if (!slot) return none;
    if (slot.aimed.size === 0) return slot.general;
    let found: Candidate[] | null = null;
    for (const [field, byValue] of slot.aimed) {
      const aimed = byValue.get(fields[field]);
      if (aimed) found = [...(found ?? slot.general), ...aimed];
    }
    return found ? found.sort((a, b) => (order.get(a.rule) ?? 0) - (order.get(b.rule) ?? 0)) : slot.general;
  };
}

type Filters = CompiledSide['filters'];

/** For each kind and leading choice that a rule listens to: the sides that do, and their filters. */
function listeningOf(
  rule: CompiledRule,
): readonly (readonly [kind: EventKind, choice: string | null, sides: readonly CompiledSide[], filters: Filters])[] {
  const found = new Map<string, [EventKind, string | null, CompiledSide[], Filters[number][]]>();
  for (const side of allSidesOf(rule)) {
    for (const filter of side.filters) {
      const sorting = sortingFields[filter.kind];
      const wanted = filter.fields.find(([name]) => name === sorting)?.[1];
      const choices = sorting === null ? [null] : (fieldsOf(filter.kind)[sorting]?.values ?? []);
      for (const choice of choices) {
        if (wanted && !wanted.has(choice)) continue;
        const name = `${filter.kind} ${choice ?? ''}`;
        const entry = found.get(name) ?? [filter.kind, choice, [], []];
        if (!entry[2].includes(side)) entry[2].push(side);
        entry[3].push(filter);
        found.set(name, entry);
      }
    }
  }
  return [...found.values()];
}
