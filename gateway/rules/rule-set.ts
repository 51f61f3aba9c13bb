import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventKind, GatewayEvent } from '../domain/event.ts';
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

/**
 * Sorts rules by kind of event and by that kind's leading choice (`alarm`, `change`, …), so that an event is shown only
 * to rules that could match it: its cost does not grow with the others.
 */
function createIndex(rules: readonly CompiledRule[]): RuleSet['candidates'] {
  const table = new Map<string, Candidate[]>();
  const slot = (kind: EventKind, value: string | null): string => (value === null ? kind : `${kind}\n${value}`);
  for (const rule of rules) {
    const sidesBySlot = new Map<string, Set<CompiledSide>>();
    for (const side of allSidesOf(rule)) {
      for (const filter of side.filters) {
        const sorting = sortingFields[filter.kind];
        const wanted = filter.fields.find(([name]) => name === sorting)?.[1];
        const values = sorting === null ? [null] : (fieldsOf(filter.kind)[sorting]?.values ?? []);
        for (const value of values) {
          if (wanted && !wanted.has(value)) continue;
          const name = slot(filter.kind, value);
          sidesBySlot.set(name, (sidesBySlot.get(name) ?? new Set()).add(side));
        }
      }
    }
    for (const [name, sides] of sidesBySlot) {
      table.set(name, [...(table.get(name) ?? []), { rule, sides: [...sides] }]);
    }
  }
  // Per kind: one lookup by the leading choice, no string built for each event.
  const byKind = new Map<EventKind, { field: string | null; byValue: Map<unknown, readonly Candidate[]> }>();
  for (const kind of Object.keys(sortingFields) as EventKind[]) {
    const field = sortingFields[kind];
    const values = field === null ? [null] : (fieldsOf(kind)[field]?.values ?? []);
    byKind.set(kind, { field, byValue: new Map(values.map((value) => [value, table.get(slot(kind, value)) ?? []])) });
  }
  const none: readonly Candidate[] = [];
  return (event) => {
    const entry = byKind.get(event.kind);
    if (!entry) return none;
    const value = entry.field === null ? null : (event as unknown as Record<string, unknown>)[entry.field];
    return entry.byValue.get(value) ?? none;
  };
}
