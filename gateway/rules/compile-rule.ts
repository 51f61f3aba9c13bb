import type { RuleId } from '../domain/ids.ts';
import { closest, type CelFault, type Records } from './cel-bounds.ts';
import { createCelCompiler, viewRecord, type CelCompiler, type CelExpression, type CompileResult } from './cel.ts';
import type {
  CompiledFilter,
  CompiledRule,
  CompiledSide,
  CompiledTemplate,
  CompiledTier,
  CompiledWindow,
  Pattern,
  SideRole,
} from './compiled-rule.ts';
import { versionOf } from './edit-rule.ts';
import { fieldsOf, joinedFields, type Fields, type FieldSpec } from './event-fields.ts';
import type { RuleFault } from './fault.ts';
import type { RuleSettings } from './options.ts';
import type { RuleDocument, RuleFilter, Scalar } from './rule-document.ts';
import { readRule, type FaultMaker, type RuleText } from './rule-yaml.ts';
import { compileTemplate } from './template.ts';

export type CompiledOrFaults =
  | { readonly ok: true; readonly rule: CompiledRule; readonly faultAt: FaultMaker }
  | {
      readonly ok: false;
      readonly faults: readonly RuleFault[];
      readonly id: string | null;
      readonly faultAt: FaultMaker | null;
    };

/** What the engine itself remembers of the condition at hand. */
const stateFields: Fields = {
  heldS: { type: 'number', nullable: false, values: null },
  count: { type: 'number', nullable: false, values: null },
  spanS: { type: 'number', nullable: false, values: null },
};
const variables = {
  now: 'number',
  hour: 'number',
  night: 'boolean',
  weekday: 'string',
  date: 'string',
  nightDate: 'string',
  workday: 'boolean',
  holiday: 'boolean',
  schoolDay: 'boolean',
  area: 'string',
  source: 'string',
  place: 'string',
} as const;
/** Names that mean something else in every rule. */
const reservedNames = new Set(['event', 'params', 'state', 'window', 'absent', 'without', ...Object.keys(variables)]);

/** What a site sets for all rules, as far as compiling needs it. */
export interface CompileDefaults {
  readonly latenessMs: number;
}

/** Reads, checks and compiles one rule document, with the site's settings for it. Every fault is reported. */
export function compileRule(
  text: RuleText,
  settingsOf: (id: string) => RuleSettings | undefined,
  defaults: CompileDefaults,
): CompiledOrFaults {
  const read = readRule(text);
  if (!read.ok) return { ok: false, faults: read.faults, id: null, faultAt: null };
  const { document, faultAt } = read;
  const faults: RuleFault[] = [...shapeFaults(document, faultAt)];
  const settings = settingsOf(document.id);
  const params: Record<string, Scalar> = { ...document.params, ...settings?.params };
  const constants = { params };
  const paramFields = Object.fromEntries(Object.entries(document.params).map(([name, value]) => [name, specOf(value)]));

  const take = (path: Path, result: CompileResult): CelExpression | null => {
    if (result.ok) return result.expression;
    faults.push(celFault(faultAt, path, result.fault));
    return null;
  };
  const takeTemplate = (path: Path, source: string, compiler: CelCompiler): CompiledTemplate => {
    const result = compileTemplate(source, compiler);
    if (result.ok) return result.template;
    faults.push(...result.faults.map((fault) => celFault(faultAt, path, fault)));
    return { references: [], render: () => '', renderAll: () => undefined };
  };
  const windowFields: Fields = Object.fromEntries(
    Object.keys(document.window ?? {}).map((name) => [name, { type: 'number', nullable: true, values: null }]),
  );
  const windowRecord: Records = document.window ? { window: windowFields } : {};
  const compileSide = (
    side: { readonly name: string; readonly when: readonly RuleFilter[]; readonly if?: string | undefined },
    role: SideRole,
    path: Path,
  ): CompiledSide => {
    const compiler = createCelCompiler({
      records: { params: paramFields, event: fieldsOfAll(side.when), ...(role === 'main' ? windowRecord : {}) },
      ...{ constants, variables },
    });
    const listed = faultAt.exists([...path, 'when', 0]);
    const filters = side.when.map((filter, index) => {
      const at = [...path, 'when', ...(listed ? [index] : [])];
      faults.push(...filterFaults(filter, at, faultAt));
      return compileFilter(filter);
    });
    const condition = side.if === undefined ? null : take([...path, 'if'], compiler.condition(side.if));
    return { name: side.name, role, filters, condition };
  };

  const joined = document.together ?? document.sequence;
  const joinedKey = document.together ? 'together' : 'sequence';
  const sides = joined
    ? joined.map((side, index) => compileSide(side, 'main', [joinedKey, index]))
    : [compileSide({ name: 'event', when: document.when ?? [], if: document.if }, 'main', [])];
  const absent = document.absent ? compileSide({ name: 'absent', ...document.absent }, 'absent', ['absent']) : null;
  const without = document.without
    ? compileSide({ name: 'without', ...document.without }, 'without', ['without'])
    : null;

  const records: Records = Object.fromEntries(
    joined ? joined.map((side) => [side.name, fieldsOfAll(side.when)]) : [['event', fieldsOfAll(document.when ?? [])]],
  );
  const compiler = createCelCompiler({
    records: { params: paramFields, state: stateFields, ...windowRecord, ...records },
    ...{ constants, variables },
  });
  // What the memory is kept for is asked of each event alone, whatever its part in the rule.
  const everyFilter = [...(joined ?? []), document, document.absent, document.without].flatMap(
    (part) => part?.when ?? [],
  );
  const perCompiler = createCelCompiler({
    records: { params: paramFields, event: fieldsOfAll(everyFilter) },
    ...{ constants, variables },
  });
  const windows = Object.entries(document.window ?? {}).flatMap(([name, { of, is, within }]): CompiledWindow[] => {
    const value = take(['window', name, 'of'], perCompiler.number(of));
    return value ? [{ name, is, withinMs: within, value }] : [];
  });
  const key = document.key === undefined ? null : takeTemplate(['key'], document.key, compiler);
  const pattern = patternOf(document, settings, {
    absent,
    without,
    distinct: (source) => takeTemplate(['count', 'distinct'], source, compiler),
  });
  const remembersByKey = pattern.kind === 'at-once' || pattern.kind === 'for' || pattern.kind === 'count';
  const rule: CompiledRule = {
    id: document.id as RuleId,
    version: versionOf(text.text),
    document,
    title: document.title,
    kind: document.kind,
    weight: document.weight,
    to: document.to,
    department: document.department ?? null,
    tiers: document.tier.map((choice, index): CompiledTier => ({
      tier: choice.tier,
      condition:
        'if' in choice && choice.if !== undefined ? take(['tier', index, 'if'], compiler.condition(choice.if)) : null,
      to: ('to' in choice ? choice.to : null) ?? null,
    })),
    sides,
    pattern,
    windows,
    waitMs: document.wait ?? (pattern.kind === 'absent' || without ? defaults.latenessMs : 0),
    joint: joined && document.if !== undefined ? take(['if'], compiler.condition(document.if)) : null,
    inArea: document.in !== 'site',
    suppress: suppressOf(document, settings),
    params: viewRecord(params),
    paramValues: params,
    key,
    per: document.per !== undefined ? takeTemplate(['per'], document.per, perCompiler) : remembersByKey ? key : null,
    message: {
      zh: takeTemplate(['message', 'zh'], document.message.zh, compiler),
      en: takeTemplate(['message', 'en'], document.message.en, compiler),
    },
    facts: Object.entries(document.facts).flatMap(([name, source]) => {
      const expression = take(['facts', name], compiler.value(source));
      return expression ? [[name, expression] as const] : [];
    }),
  };
  return faults.length > 0 ? { ok: false, faults, id: document.id, faultAt } : { ok: true, rule, faultAt };
}

type Path = (string | number)[];

const fieldsOfAll = (filters: readonly RuleFilter[]): Fields =>
  joinedFields([...new Set(filters.map((filter) => filter.kind))]);

/** The condition of time that the document describes; `shapeFaults` has seen to it that there is one at most. */
function patternOf(
  document: RuleDocument,
  settings: RuleSettings | undefined,
  parts: {
    readonly absent: CompiledSide | null;
    readonly without: CompiledSide | null;
    distinct(source: string): CompiledTemplate;
  },
): Pattern {
  const withinMs = settings?.within ?? document.within ?? 0;
  if (document.together) return { kind: 'together', withinMs };
  if (document.sequence) {
    const stepMs = document.sequence.map(({ within }) => within ?? null);
    return { kind: 'sequence', withinMs, stepMs, without: parts.without };
  }
  if (document.absent && parts.absent) {
    return { kind: 'absent', withinMs: settings?.within ?? document.absent.within, side: parts.absent };
  }
  if (document.count) {
    const { atLeast, distinct, within } = document.count;
    return {
      kind: 'count',
      withinMs: settings?.within ?? within,
      atLeast,
      distinct: distinct === undefined ? null : parts.distinct(distinct),
    };
  }
  if (document.for === undefined) return { kind: 'at-once' };
  return { kind: 'for', forMs: settings?.for ?? document.for, releaseMs: document.release ?? 0, tick: document.tick };
}

const dayMs = 86_400_000;

function suppressOf(document: RuleDocument, settings: RuleSettings | undefined): CompiledRule['suppress'] {
  const forMs = settings?.suppress ?? document.suppress?.for;
  if (forMs === undefined) return null;
  return { forMs, extend: document.suppress?.extend ?? false, atMostMs: document.suppress?.atMost ?? dayMs };
}

const celFault = (faultAt: FaultMaker, path: (string | number)[], fault: CelFault): RuleFault =>
  faultAt.at(path, fault.message, { allowed: fault.allowed, offset: fault.offset });

const specOf = (value: Scalar): FieldSpec => ({
  type: typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : 'string',
  nullable: false,
  values: null,
});

/** What single fields cannot know of each other. */
function* shapeFaults(document: RuleDocument, faultAt: FaultMaker): Generator<RuleFault> {
  const times = (['together', 'sequence', 'absent', 'count', 'for'] as const).filter(
    (name) => document[name] !== undefined,
  );
  const [first, ...others] = times;
  for (const name of others) yield faultAt.at([name], `cannot stand beside \`${first ?? ''}\``);
  const joined = document.together ?? document.sequence;
  if (joined) {
    const name = document.together ? 'together' : 'sequence';
    if (document.when !== undefined) yield faultAt.at(['when'], `cannot stand beside \`${name}\``);
    if (document.within === undefined) {
      yield faultAt.at([name], `\`${name}\` needs \`within\``, { allowed: 'within: 5m' });
    }
    const names = new Set<string>();
    for (const [index, side] of joined.entries()) {
      if (reservedNames.has(side.name) || names.has(side.name)) {
        yield faultAt.at(
          [name, index, 'name'],
          reservedNames.has(side.name) ? 'is a name of the engine' : 'stands twice',
        );
      }
      names.add(side.name);
    }
  } else {
    if (document.when === undefined) yield faultAt.at([], 'needs `when`, `together` or `sequence`');
    if (document.within !== undefined) {
      yield faultAt.at(
        ['within'],
        'belongs to `together` and `sequence`; for others write count.within, absent.within',
      );
    }
    if (document.in !== undefined) yield faultAt.at(['in'], 'belongs to `together` and `sequence`');
  }
  if (document.window !== undefined && (joined || document.absent)) {
    yield faultAt.at(['window'], 'stands beside `when` alone, `for` or `count`');
  }
  if (document.without !== undefined && !document.sequence) yield faultAt.at(['without'], 'belongs to `sequence`');
  if (document.release !== undefined && document.for === undefined) yield faultAt.at(['release'], 'belongs to `for`');
  if (document.for !== undefined && document.if === undefined) {
    yield faultAt.at(['for'], '`for` needs `if`: without a condition nothing would ever end the time');
  }
  const disprovable = document.for !== undefined || document.absent !== undefined || document.without !== undefined;
  if (document.wait !== undefined && !disprovable) {
    yield faultAt.at(
      ['wait'],
      'belongs to `for`, `absent` and `without`: nothing else can be disproved by a late event',
    );
  }
  if (document.wait !== undefined && document.wait > 0 && document.for !== undefined && !document.tick) {
    yield faultAt.at(['wait'], 'cannot stand beside `tick: false`: time alone ends the wait');
  }
}

function* filterFaults(filter: RuleFilter, path: (string | number)[], faultAt: FaultMaker): Generator<RuleFault> {
  const fields = fieldsOf(filter.kind);
  for (const [name, wanted] of Object.entries(filter)) {
    if (name === 'kind') continue;
    const spec = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!spec || spec.type === 'plate') {
      const close = closest(name, Object.keys(fields));
      yield faultAt.at(
        [...path, name],
        `an event of kind ${filter.kind} has no field ${name}${close === null ? '' : `, did you mean "${close}"?`}`,
        { allowed: Object.keys(fields).join(', ') },
      );
      continue;
    }
    for (const value of Array.isArray(wanted) ? wanted : [wanted]) {
      if (typeof value !== spec.type) {
        yield faultAt.at([...path, name], `must be a ${spec.type}`);
      } else if (spec.values && !spec.values.includes(String(value))) {
        yield faultAt.at([...path, name], `is never ${JSON.stringify(value)}`, { allowed: spec.values.join(', ') });
      }
    }
  }
}

function compileFilter(filter: RuleFilter): CompiledFilter {
  const { kind, ...fields } = filter;
  return {
    kind,
    fields: Object.entries(fields).map(([name, wanted]) => [
      name,
      new Set<unknown>(Array.isArray(wanted) ? wanted : [wanted]),
    ]),
  };
}
