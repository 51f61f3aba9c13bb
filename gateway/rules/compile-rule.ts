import { createHash } from 'node:crypto';
import type { RuleId } from '../domain/ids.ts';
import { closest, type CelFault, type Records } from './cel-bounds.ts';
import { createCelCompiler, viewRecord, type CelCompiler, type CelExpression, type CompileResult } from './cel.ts';
import type { CompiledFilter, CompiledRule, CompiledSide, CompiledTemplate, CompiledTier } from './compiled-rule.ts';
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
};
const variables = {
  now: 'number',
  hour: 'number',
  night: 'boolean',
  area: 'string',
  source: 'string',
  place: 'string',
} as const;

/** Reads, checks and compiles one rule document, with the site's settings for it. Every fault is reported. */
export function compileRule(text: RuleText, settingsOf: (id: string) => RuleSettings | undefined): CompiledOrFaults {
  const read = readRule(text);
  if (!read.ok) return { ok: false, faults: read.faults, id: null, faultAt: null };
  const { document, faultAt } = read;
  const faults: RuleFault[] = [...shapeFaults(document, faultAt)];
  const settings = settingsOf(document.id);
  const params: Record<string, Scalar> = { ...document.params, ...settings?.params };
  const paramFields = Object.fromEntries(Object.entries(document.params).map(([name, value]) => [name, specOf(value)]));
  const shared = { params: paramFields, state: stateFields };

  const take = (path: (string | number)[], result: CompileResult): CelExpression | null => {
    if (result.ok) return result.expression;
    faults.push(celFault(faultAt, path, result.fault));
    return null;
  };
  const takeTemplate = (path: string[], source: string, compiler: CelCompiler): CompiledTemplate => {
    const result = compileTemplate(source, compiler);
    if (result.ok) return result.template;
    faults.push(...result.faults.map((fault) => celFault(faultAt, path, fault)));
    return { render: () => '', renderAll: () => undefined };
  };

  const sideSources = document.together
    ? document.together.map((side, index) => ({ ...side, path: ['together', index] as (string | number)[] }))
    : [{ name: 'event', when: document.when ?? [], if: document.if, path: [] as (string | number)[] }];
  const records: Record<string, Fields> = {};
  const sides = sideSources.map((side): CompiledSide => {
    const kinds = [...new Set(side.when.map((filter) => filter.kind))];
    const fields = joinedFields(kinds);
    records[side.name] = fields;
    const compiler = createCelCompiler({ records: { params: paramFields, event: fields }, variables });
    const condition = side.if === undefined ? null : take([...side.path, 'if'], compiler.condition(side.if));
    const listed = faultAt.exists([...side.path, 'when', 0]);
    const filters = side.when.map((filter, index) => {
      const path = [...side.path, 'when', ...(listed ? [index] : [])];
      faults.push(...filterFaults(filter, path, faultAt));
      return compileFilter(filter);
    });
    return { name: side.name, filters, condition };
  });

  const compiler = createCelCompiler({ records: { ...shared, ...(records as Records) }, variables });
  const tiers = document.tier.map((choice, index): CompiledTier => ({
    tier: choice.tier,
    condition:
      'if' in choice && choice.if !== undefined ? take(['tier', index, 'if'], compiler.condition(choice.if)) : null,
    to: ('to' in choice ? choice.to : null) ?? null,
  }));
  const rule: CompiledRule = {
    id: document.id as RuleId,
    version: createHash('sha256').update(text.text).digest('hex').slice(0, 12),
    document,
    title: document.title,
    kind: document.kind,
    weight: document.weight,
    to: document.to,
    tiers,
    sides,
    forMs: document.for === undefined ? null : (settings?.for ?? document.for),
    count: document.count
      ? {
          withinMs: settings?.within ?? document.count.within,
          atLeast: document.count.atLeast,
          distinct:
            document.count.distinct === undefined
              ? null
              : takeTemplate(['count', 'distinct'], document.count.distinct, compiler),
        }
      : null,
    together: document.together
      ? { withinMs: settings?.within ?? document.within ?? 0, inArea: document.in !== 'site' }
      : null,
    suppressMs: settings?.suppress ?? document.suppress?.for ?? null,
    params: viewRecord(params),
    paramValues: params,
    key: document.key === undefined ? null : takeTemplate(['key'], document.key, compiler),
    per: document.per === undefined ? null : takeTemplate(['per'], document.per, compiler),
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

const celFault = (faultAt: FaultMaker, path: (string | number)[], fault: CelFault): RuleFault =>
  faultAt.at(path, fault.message, { allowed: fault.allowed, offset: fault.offset });

const specOf = (value: Scalar): FieldSpec => ({
  type: typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : 'string',
  nullable: false,
  values: null,
});

/** What single fields cannot know of each other. */
function* shapeFaults(document: RuleDocument, faultAt: FaultMaker): Generator<RuleFault> {
  if (document.together) {
    for (const field of ['when', 'if', 'for', 'count'] as const) {
      if (document[field] !== undefined) yield faultAt.at([field], 'cannot stand beside `together`');
    }
    if (document.within === undefined)
      yield faultAt.at(['together'], '`together` needs `within`', { allowed: 'within: 5m' });
    const reserved = new Set(['event', 'params', 'state', ...Object.keys(variables)]);
    const names = new Set<string>();
    for (const [index, side] of document.together.entries()) {
      if (reserved.has(side.name) || names.has(side.name)) {
        yield faultAt.at(
          ['together', index, 'name'],
          reserved.has(side.name) ? 'is a name of the engine' : 'stands twice',
        );
      }
      names.add(side.name);
    }
    return;
  }
  if (document.when === undefined) yield faultAt.at([], 'needs `when` or `together`');
  if (document.within !== undefined)
    yield faultAt.at(['within'], 'belongs to `together`; for `count` write count.within');
  if (document.in !== undefined) yield faultAt.at(['in'], 'belongs to `together`');
  if (document.for !== undefined && document.if === undefined) {
    yield faultAt.at(['for'], '`for` needs `if`: without a condition nothing would ever end the time');
  }
  if (document.for !== undefined && document.count !== undefined)
    yield faultAt.at(['count'], 'cannot stand beside `for`');
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
