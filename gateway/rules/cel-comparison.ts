import type { ASTNode } from '@marcbachmann/cel-js';
import type { Records } from './cel-bounds.ts';
import type { CelContext, CelScope } from './cel.ts';
import { plateFields, type FieldSpec } from './event-fields.ts';

type Operand = (context: CelContext) => unknown;
/** A record of the context, as it is: what is null is absent, as what is undefined. */
type RecordOf = Readonly<Record<string, unknown>> | null | undefined;
interface Typed {
  readonly type: 'number' | 'string' | 'boolean';
  readonly read: Operand;
  /** What it always is; absent where it must be read. */
  readonly always?: Comparable;
}

type Comparable = string | number | boolean;
const comparisons: Readonly<Partial<Record<string, (a: Comparable, b: Comparable) => boolean>>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

/**
 * The commonest parts of conditions, run without the library's tree walk: a field against a literal, a parameter or
 * another field, a field in a list of texts, a field alone or of the plate, `has(event.field)`. Undefined where a field is absent;
 * null for everything else, which the library runs. A property test holds both ways against each other.
 */
export function createComparison(node: ASTNode, scope: CelScope): Operand | null {
  // Alone it is a yes/no field, or the whole of a template's value: what keys are made of.
  const operand = typedOperand(node, scope);
  if (operand) return operand.read;
  if (node.op === 'call' && node.args[0] === 'has') return presence(node.args[1][0], scope.records);
  if (node.op === 'in') return membership(node.args[0], node.args[1], scope);
  const compare = comparisons[node.op];
  if (!compare) return null;
  const [left, right] = (node.args as readonly [ASTNode, ASTNode]).map((side) => typedOperand(side, scope));
  if (!left || !right || left.type !== right.type) return null;
  // CEL orders texts by code point, JavaScript by UTF-16 unit; only numbers are ordered here.
  if (left.type !== 'number' && node.op !== '==' && node.op !== '!=') return null;
  if (right.always !== undefined) return compareWith(node.op, left.read, right.always);
  return (context) => {
    const a = left.read(context);
    const b = right.read(context);
    return a === undefined || b === undefined ? undefined : compare(a as Comparable, b as Comparable);
  };
}

/** `event.portC >= params.warnC`, where the parameter is known: most of what is asked of an event is this. */
function compareWith(op: string, read: Operand, b: Comparable): Operand | null {
  const when = (holds: (a: Comparable) => boolean): Operand => {
    return (context) => {
      const a = read(context);
      return a === undefined ? undefined : holds(a as Comparable);
    };
  };
  switch (op) {
    case '==':
      return when((a) => a === b);
    case '!=':
      return when((a) => a !== b);
    case '<':
      return when((a) => a < b);
    case '<=':
      return when((a) => a <= b);
    case '>':
      return when((a) => a > b);
    case '>=':
      return when((a) => a >= b);
    default:
      return null;
  }
}

function typedOperand(node: ASTNode, scope: CelScope): Typed | null {
  if (node.op === 'value') {
    const value = node.args;
    if (typeof value === 'bigint') {
      // Past 2^53 a double cannot say which whole number it is.
      return value <= BigInt(Number.MAX_SAFE_INTEGER) ? constant('number', Number(value)) : null;
    }
    return typeof value === 'number'
      ? constant('number', value)
      : typeof value === 'string'
        ? constant('string', value)
        : null;
  }
  if (node.op === 'id') {
    const name = node.args;
    const type = Object.hasOwn(scope.variables, name) ? scope.variables[name] : undefined;
    return type ? { type, read: (context) => context[name] } : null;
  }
  if (node.op === '+' || node.op === '-' || node.op === '*' || node.op === '/') return calculation(node, scope);
  if (node.op !== '.') return null;
  const [owner, field] = node.args;
  if (owner.op === '.' && owner.args[0].op === 'id') {
    const type =
      fieldOf(scope, owner.args[0].args, owner.args[1])?.type === 'plate' ? plateFields[field]?.type : undefined;
    if (!type || type === 'plate') return null;
    const plate = reader(owner.args[0].args, owner.args[1]);
    return { type, read: (context) => (plate(context) as RecordOf)?.[field] ?? undefined };
  }
  if (owner.op !== 'id') return null;
  const record = owner.args;
  const type = fieldOf(scope, record, field)?.type;
  if (!type || type === 'plate') return null;
  const known = scope.constants?.[record];
  const always = known && Object.hasOwn(known, field) ? known[field] : undefined;
  if (always !== undefined && typeof always === type) return { type, read: () => always, always };
  return { type, read: reader(record, field) };
}

const fieldOf = (scope: CelScope, record: string, field: string): FieldSpec | undefined =>
  Object.hasOwn(scope.records, record) ? scope.records[record]?.[field] : undefined;

/** Nearly everything is asked of the event: by its own name V8 finds it in one step. */
function reader(record: string, field: string): Operand {
  if (record === 'event') return (context) => (context['event'] as RecordOf)?.[field] ?? undefined;
  return (context) => (context[record] as RecordOf)?.[field] ?? undefined;
}

const arithmetic = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
} as const;

/** `params.hours * 3600`: doubles, as all fields are. Two whole literals would be CEL's integers, which divide otherwise. */
function calculation(node: ASTNode & { op: keyof typeof arithmetic }, scope: CelScope): Typed | null {
  const [left, right] = node.args.map((side) => typedOperand(side, scope));
  if (left?.type !== 'number' || right?.type !== 'number') return null;
  if (node.args.every(({ op }) => op === 'value')) return null;
  const calculate = arithmetic[node.op];
  return {
    type: 'number',
    read: (context) => {
      const a = left.read(context);
      const b = right.read(context);
      return a === undefined || b === undefined ? undefined : calculate(a as number, b as number);
    },
  };
}

const constant = (type: 'number' | 'string', value: Comparable): Typed => ({ type, read: () => value, always: value });

function presence(node: ASTNode | undefined, records: Records): Operand | null {
  if (node?.op !== '.' || node.args[0].op !== 'id' || !Object.hasOwn(records, node.args[0].args)) return null;
  const [record, field] = [node.args[0].args, node.args[1]];
  const read = reader(record, field);
  return (context) => read(context) !== undefined;
}

function membership(needle: ASTNode, list: ASTNode, scope: CelScope): Operand | null {
  const operand = typedOperand(needle, scope);
  if (operand?.type !== 'string' || list.op !== 'list') return null;
  const texts = new Set<unknown>(list.args.map((entry) => (entry.op === 'value' ? entry.args : undefined)));
  if (![...texts].every((text) => typeof text === 'string')) return null;
  return (context) => {
    const value = operand.read(context);
    return value === undefined ? undefined : texts.has(value);
  };
}
