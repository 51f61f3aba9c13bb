import type { ASTNode } from '@marcbachmann/cel-js';
import { allReferences, requiredReferences, type Reference } from './cel-bounds.ts';
import type { CelContext } from './cel.ts';

/** A part of a condition: true, false, or undefined where a field that it needs is absent. */
export type Part = (context: CelContext) => unknown;

/**
 * Splits a condition at `&&` and `||` and joins the parts by CEL's own logic: false && anything is false, true ||
 * anything is true, otherwise an absent part makes the whole absent. The library does the same by throwing and
 * catching errors; a part whose fields are absent is never run here (10 µs a throw against 0.26 µs, measured). `shortcut` gives the
 * parts that need no library at all.
 */
export function createLogic(
  node: ASTNode,
  names: ReadonlySet<string>,
  shortcut: (node: ASTNode) => Part | null,
  compile: (node: ASTNode) => Part,
): Part {
  const build = (current: ASTNode): Part => {
    if (current.op === '&&' || current.op === '||') {
      const parts = current.args.map(build);
      const [first, second] = [parts[0], parts[1]];
      if (!first || !second) throw new Error(`malformed condition: ${current.input}`);
      return current.op === '&&' ? joinParts(first, second, false) : joinParts(first, second, true);
    }
    if (current.op === '!_') {
      const inner = build(current.args);
      return (context) => {
        const value = inner(context);
        return value === undefined ? undefined : value !== true;
      };
    }
    return shortcut(current) ?? guard(requiredReferences(current, names), current);
  };
  const guard = (required: readonly Reference[], current: ASTNode): Part => {
    const run = compile(current);
    return (context) => (isAbsent(required, context) ? undefined : run(context));
  };
  return build(node);
}

/** Those of the parts joined by `&&` that never name this record and need no library. */
export function partsWithout(
  record: string,
  node: ASTNode,
  names: ReadonlySet<string>,
  shortcut: (node: ASTNode) => Part | null,
): readonly Part[] {
  if (node.op === '&&') return node.args.flatMap((part) => partsWithout(record, part, names, shortcut));
  if (allReferences(node, names).some(([named]) => named === record)) return [];
  const part = shortcut(node);
  return part ? [part] : [];
}

/** `decisive` alone settles the whole: false for `&&`, true for `||`. */
function joinParts(first: Part, second: Part, decisive: boolean): Part {
  return (context) => {
    const left = first(context);
    if (left === decisive) return decisive;
    const right = second(context);
    if (right === decisive) return decisive;
    return left === undefined || right === undefined ? undefined : !decisive;
  };
}

function isAbsent(required: readonly Reference[], context: CelContext): boolean {
  for (const [record, field] of required) {
    const value = context[record];
    if (value === undefined || value === null) return true;
    if (field !== null && ((value as Readonly<Record<string, unknown>>)[field] ?? undefined) === undefined) return true;
  }
  return false;
}
