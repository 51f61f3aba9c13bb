import {
  Environment,
  EvaluationError,
  ParseError,
  TypeError as CelTypeError,
  type ASTNode,
  type ParseResult,
} from '@marcbachmann/cel-js';
import { serialize } from '@marcbachmann/cel-js/serialize';
import { RE2JS } from 're2js';
import { assertNever } from '../lib/assert-never.ts';
import { allReferences, childrenOf, findCelFault, type CelFault, type Records, type Reference } from './cel-bounds.ts';
import { createComparison } from './cel-comparison.ts';
import { createLogic, partsWithout, type Part } from './cel-logic.ts';
import { plateFields, type Fields, type FieldSpec } from './event-fields.ts';

/** Bounds of our own: the library has none at run time (decisions/cel-library.md). */
const limits = { maxAstNodes: 200, maxDepth: 40, maxListElements: 64, maxMapEntries: 64, maxCallArguments: 8 };

export type CelValue = string | number | boolean;
/** What an expression can name at run time: variables and records. A field that is undefined or null is absent. */
export type CelContext = Readonly<Record<string, unknown>>;

/** A plain record as the type checker knows it. Absent fields are left undefined. */
export class RecordView {
  [field: string]: unknown;
}
class PlateView extends RecordView {}

/** What an expression may name. */
export interface CelScope {
  readonly records: Records;
  /** Fields whose value is known when the rule is compiled: a rule's parameters. */
  readonly constants?: Readonly<Record<string, Readonly<Record<string, CelValue>>>>;
  readonly variables: Readonly<Record<string, 'number' | 'string' | 'boolean'>>;
}

/** A checked, compiled expression. */
export interface CelExpression {
  readonly source: string;
  readonly references: readonly Reference[];
  /** True where what can be said without `window` says already that the condition does not hold. */
  ruledOut(context: CelContext): boolean;
  /** The value; undefined where a field that it needs is absent. Throws where it fails, as 1 / 0 does. */
  run(context: CelContext): CelValue | undefined;
  /** The same; undefined also where it fails. */
  evaluate(context: CelContext): CelValue | undefined;
}

export type CompileResult =
  { readonly ok: true; readonly expression: CelExpression } | { readonly ok: false; readonly fault: CelFault };

/** Compiles many expressions over one scope. */
export interface CelCompiler {
  condition(source: string): CompileResult;
  value(source: string): CompileResult;
  number(source: string): CompileResult;
}

const arithmetic = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
} as const;

/** Every number of an event is a double; a whole literal may stand beside it, as people write (`portC - 5 > 40`). */
const base = new Environment({ limits });
for (const [operator, calculate] of Object.entries(arithmetic)) {
  base.registerOperator(`double ${operator} int`, (a: number, b: bigint) => calculate(a, Number(b)));
  base.registerOperator(`int ${operator} double`, (a: bigint, b: number) => calculate(Number(a), b));
}
base.registerOperator('double == int', (a: number, b: bigint) => a === Number(b));
base.registerOperator('double in list<int>', (a: number, list: Iterable<bigint>) =>
  [...list].some((b) => a === Number(b)),
);
base.registerFunction('text(double): string', (value: number) => formatNumber(value));
// `matches` of the library backtracks (9 s for "^(a+)+$"); patterns are literal, so each is compiled once.
const patterns = new Map<string, RE2JS>();
base.registerFunction('string.matchRe(string): bool', (value: string, pattern: string) =>
  compilePattern(pattern).matcher(value).find(),
);

function compilePattern(pattern: string): RE2JS {
  const known = patterns.get(pattern);
  if (known) return known;
  const compiled = RE2JS.compile(pattern);
  patterns.set(pattern, compiled);
  return compiled;
}

/** 61.20000001 → `61.2`: two decimals are enough for people. */
export function formatNumber(value: number): string {
  // Ports and counts, in every key: rounding costs more than the rest of the key.
  return Number.isSafeInteger(value) ? String(value) : String(Number(value.toFixed(2)));
}

const celType = (spec: FieldSpec): string => {
  switch (spec.type) {
    case 'number':
      return 'double';
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'plate':
      return 'Plate';
    default:
      return assertNever(spec.type);
  }
};
const celFields = (fields: Fields): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).map(([name, spec]) => [name, celType(spec)]));

/** A compiler for one scope. Records share one CEL type that has all their fields; `findCelFault` holds each to its own. */
export function createCelCompiler(scope: CelScope, { shortcuts } = { shortcuts: true }): CelCompiler {
  const everyField = Object.assign({}, ...Object.values(scope.records).map(celFields)) as Record<string, string>;
  const environment = base
    .clone()
    .registerType('Plate', { ctor: PlateView, fields: celFields(plateFields) })
    .registerType('Record', { ctor: RecordView, fields: everyField });
  for (const name of Object.keys(scope.records)) environment.registerVariable(name, 'Record');
  for (const [name, type] of Object.entries(scope.variables)) {
    environment.registerVariable(name, type === 'number' ? 'double' : type === 'boolean' ? 'bool' : 'string');
  }
  const names = new Set([...Object.keys(scope.records), ...Object.keys(scope.variables)]);
  const shortcut = (node: ASTNode): Part | null => (shortcuts ? createComparison(node, scope) : null);
  const compile = (source: string, types: readonly string[], wanted: string): CompileResult => {
    try {
      const prepared = prepareMatches(source, environment.parse(source).ast);
      if ('message' in prepared) return { ok: false, fault: prepared };
      const parsed = environment.parse(prepared.source);
      const fault = findCelFault(parsed.ast, scope.records);
      if (fault) return { ok: false, fault };
      const checked = parsed.check();
      if (!checked.valid) return { ok: false, fault: errorFault(checked.error, names) };
      if (!types.includes(checked.type ?? '')) {
        return {
          ok: false,
          fault: { message: `is ${checked.type ?? 'unknown'}, not ${wanted}`, allowed: null, offset: 0 },
        };
      }
      return {
        ok: true,
        expression: createExpression(
          source,
          parsed,
          environment.parse(prepared.source).ast,
          names,
          environment,
          shortcut,
        ),
      };
    } catch (error) {
      return { ok: false, fault: errorFault(error, names) };
    }
  };
  return {
    condition: (source) => compile(source, ['bool'], 'yes or no (bool)'),
    value: (source) => compile(source, ['string', 'double', 'int', 'bool'], 'a text, a number or yes/no'),
    number: (source) => compile(source, ['double', 'int'], 'a number'),
  };
}

function createExpression(
  source: string,
  parsed: ParseResult,
  /** The same text parsed anew: checking puts macros' own nodes into the tree. */
  root: ASTNode,
  names: ReadonlySet<string>,
  environment: Environment,
  shortcut: (node: ASTNode) => Part | null,
): CelExpression {
  const references = allReferences(root, names);
  const mentioned = [...new Set(references.map(([record]) => record))];
  const library = (part: ParseResult): Part => {
    return (context) => part(scopeFor(context, mentioned)) as unknown;
  };
  const parts = new Map<ASTNode, ParseResult | null>();
  const partOf = (node: ASTNode): Part => {
    const part = node === root ? parsed : parsePart(environment, node);
    parts.set(node, part);
    return library(part ?? parsed);
  };
  const split = createLogic(root, names, shortcut, partOf);
  // Where a part's text cannot be cut out safely, the library runs the whole, and throws for what is absent.
  const logic = [...parts.values()].includes(null) ? library(parsed) : split;
  const run = (context: CelContext): CelValue | undefined => {
    try {
      const value: unknown = logic(context);
      return typeof value === 'bigint' ? Number(value) : (value as CelValue | undefined);
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  };
  const early = partsWithout('window', root, names, shortcut);
  return {
    source,
    references,
    ruledOut: (context) => early.some((part) => part(context) === false),
    run,
    evaluate: (context) => {
      try {
        return run(context);
      } catch {
        // Told where conditions are run: a template or a fact that fails is shown as absent.
        return undefined;
      }
    },
  };
}

const absence: ReadonlySet<string> = new Set(['no_such_key', 'unknown_variable']);
const isAbsence = (error: unknown): boolean => error instanceof EvaluationError && absence.has(error.code);

/** The node alone, as an expression of its own; null where neither its source text nor its serialised form gives the same tree. */
function parsePart(environment: Environment, node: ASTNode): ParseResult | null {
  const wanted = treeOf(node);
  for (const text of [node.input.slice(node.start, node.end), serialize(node)]) {
    try {
      const part = environment.parse(text);
      if (treeOf(part.ast) === wanted && part.check().valid) return part;
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
    }
  }
  return null;
}

/** The tree as text, for comparing two of them. */
function treeOf(node: ASTNode): string {
  const own =
    node.op === 'value'
      ? `${typeof node.args} ${String(node.args)}`
      : JSON.stringify(Array.isArray(node.args) ? node.args.filter((part) => typeof part === 'string') : []);
  const name = node.op === 'id' ? node.args : '';
  return `${node.op} ${own} ${name}(${childrenOf(node).map(treeOf).join()})`;
}

/**
 * Sends `x.matches("…")` to the linear-time engine: the word is replaced by one of the same length, so that every
 * position in messages stays right. Refuses a pattern that is not a literal or that RE2 does not know.
 */
function prepareMatches(source: string, ast: ASTNode): { readonly source: string } | CelFault {
  const nodes: (ASTNode & { op: 'rcall' })[] = [];
  const visit = (node: ASTNode): void => {
    if (node.op === 'rcall' && node.args[0] === 'matches') nodes.push(node);
    childrenOf(node).forEach(visit);
  };
  visit(ast);
  let prepared = source;
  for (const node of nodes) {
    const [, receiver, callArguments] = node.args;
    const pattern = callArguments[0];
    const found = /^[\s.)]*matches/.exec(source.slice(receiver.end));
    if (callArguments.length !== 1 || pattern?.op !== 'value' || typeof pattern.args !== 'string' || !found) {
      return { message: 'matches() takes one literal pattern', allowed: 'text.matches("^A[0-9]+$")', offset: node.pos };
    }
    try {
      compilePattern(pattern.args);
    } catch {
      return { message: 'is not a pattern that RE2 knows', allowed: 'RE2 syntax', offset: pattern.pos };
    }
    const end = receiver.end + found[0].length;
    prepared = `${prepared.slice(0, end - 'matches'.length)}matchRe${prepared.slice(end)}`;
  }
  return { source: prepared };
}

function errorFault(error: unknown, names: ReadonlySet<string>): CelFault {
  if (!(error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError)) throw error;
  const offset = error.range?.start ?? 0;
  const summary = error.summary.replaceAll('matchRe', 'matches');
  switch (error.code) {
    case 'unknown_variable':
      return { message: summary.toLowerCase(), allowed: [...names].join(', '), offset };
    default:
      return { message: error instanceof ParseError ? `is not CEL: ${summary}` : summary, allowed: null, offset };
  }
}

/** The names that an expression mentions, as the library wants them. Most conditions never get here (`cel-comparison.ts`). */
function scopeFor(context: CelContext, mentioned: readonly string[]): Record<string, unknown> {
  const scope: Record<string, unknown> = {};
  for (const name of mentioned) {
    const value = context[name];
    scope[name] = typeof value === 'object' && value !== null ? viewOf(value) : value;
  }
  return scope;
}

/** The record seen last: several rules ask about one event in turn. */
let seen: { readonly record: object; readonly view: RecordView } | null = null;

function viewOf(record: object): RecordView {
  if (record instanceof RecordView) return record;
  if (seen?.record !== record) seen = { record, view: viewRecord(record as Readonly<Record<string, unknown>>) };
  return seen.view;
}

/** The record as the library sees it: null becomes absent, a plate becomes a record of its own. */
export function viewRecord(record: Readonly<Record<string, unknown>>): RecordView {
  const view = new RecordView();
  for (const name in record) {
    const value = record[name];
    if (value === null || value === undefined) continue;
    view[name] = typeof value === 'object' ? Object.assign(new PlateView(), value) : value;
  }
  return view;
}
