import { isNode, isPair, isMap, isScalar, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { z } from 'zod';
import { closest } from './cel-bounds.ts';
import type { RuleFault } from './fault.ts';
import { ruleDocumentSchema, type RuleDocument } from './rule-document.ts';

/** The text of one rule file. `file` is only named in faults. */
export interface RuleText {
  readonly file: string;
  readonly text: string;
}

type Path = readonly (string | number)[];

/** Makes a fault that points into one file. */
export interface FaultMaker {
  /** `offset`: a place inside the text at the path, in UTF-16 units of its value. */
  at(path: Path, message: string, options?: { allowed?: string | null; offset?: number; key?: boolean }): RuleFault;
  /** Whether something stands at the path. */
  exists(path: Path): boolean;
}

export type ReadRule =
  | { readonly ok: true; readonly document: RuleDocument; readonly faultAt: FaultMaker }
  | { readonly ok: false; readonly faults: readonly RuleFault[] };

/** Reads one rule document; every fault of its form is reported with line and column. */
export function readRule({ file, text }: RuleText): ReadRule {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const place = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  if (yaml.errors.length > 0) {
    return {
      ok: false,
      faults: yaml.errors.map((error) => ({
        file,
        ...place(error.pos[0]),
        path: '',
        value: null,
        message: `is not YAML: ${error.message}`,
        allowed: error.message.startsWith('Nested mappings') ? 'put a text with ": " in it between quotes' : null,
      })),
    };
  }
  const faultAt: FaultMaker = {
    exists: (path) => nodeAt(yaml, path, false) !== null,
    at: (path, message, options = {}) => {
      const node = nodeAt(yaml, path, true, options.key);
      const start = node?.range?.[0] ?? 0;
      const offset = options.offset === undefined || !isScalar(node) ? start : offsetInside(text, node, options.offset);
      const value = isScalar(node) && options.offset === undefined && options.key !== true ? shorten(node.value) : null;
      return { file, ...place(offset), path: formatPath(path), value, message, allowed: options.allowed ?? null };
    },
  };
  const parsed = ruleDocumentSchema.safeParse(yaml.toJS({ maxAliasCount: 0 }) ?? {});
  if (parsed.success) return { ok: true, document: parsed.data, faultAt };
  return { ok: false, faults: parsed.error.issues.flatMap((issue) => issueFaults(issue, [], faultAt, yaml)) };
}

function issueFaults(issue: z.core.$ZodIssue, base: Path, faultAt: FaultMaker, yaml: Document): RuleFault[] {
  const path: Path = [...base, ...issue.path.filter((step): step is string | number => typeof step !== 'symbol')];
  const missing = nodeAt(yaml, path, false) === null;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const known = knownKeys(path);
        const close = closest(key, known);
        const hint = close === null ? '' : `, did you mean "${close}"?`;
        return faultAt.at([...path, key], `unknown key${hint}`, {
          allowed: known.length > 0 ? known.join(', ') : null,
          key: true,
        });
      });
    case 'invalid_union': {
      // The branch that got furthest says what is wrong; if none got past the top, the union's own words do.
      const best = issue.errors
        .map((issues) => issues.filter((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'))
        .find((issues) => issues.length > 0);
      return best
        ? best.flatMap((inner) => issueFaults(inner, path, faultAt, yaml))
        : [faultAt.at(path, missing ? `is missing; ${issue.message}` : issue.message)];
    }
    case 'invalid_type':
      return [faultAt.at(path, missing ? 'is missing' : issue.message.replace('Invalid input: ', ''))];
    default:
      return [faultAt.at(path, missing ? `is missing; ${issue.message}` : issue.message)];
  }
}

/** The keys of the rule document itself; for inner blocks the message names them. */
const topKeys = Object.keys(ruleDocumentSchema.shape);
const innerKeys: Readonly<Record<string, readonly string[]>> = {
  title: ['zh', 'en'],
  message: ['zh', 'en'],
  tier: ['tier', 'if', 'to'],
  count: ['within', 'atLeast', 'distinct'],
  suppress: ['for', 'extend', 'atMost'],
  schedule: ['from', 'to', 'days', 'on'],
  together: ['name', 'when', 'if'],
  sequence: ['name', 'when', 'if', 'within'],
  absent: ['when', 'if', 'within'],
  without: ['when', 'if'],
  window: ['of', 'is', 'within'],
  given: ['wait'],
  expect: ['tier', 'key', 'kind', 'source', 'facts', 'message'],
  examples: ['name', 'startAt', 'startOn', 'given', 'expect'],
};
const knownKeys = (path: Path): readonly string[] => {
  if (path.length === 0) return topKeys;
  const block = path.filter((step): step is string => typeof step === 'string').at(-1);
  return (block === undefined ? undefined : innerKeys[block]) ?? [];
};

/** The YAML node at a path, or with `nearest` the closest that exists; with `key` the last step's key, not its value. */
function nodeAt(yaml: Document, path: Path, nearest = true, key = false): Node | null {
  let node: unknown = yaml.contents;
  let last: Node | null = isNode(node) ? node : null;
  for (const [depth, step] of path.entries()) {
    const next: unknown = isMap(node)
      ? node.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === step)
      : isNode(node) && 'get' in node
        ? (node as { get(key: unknown, keepScalar: boolean): unknown }).get(step, true)
        : undefined;
    if (next === undefined) return nearest ? last : null;
    if (isPair(next)) {
      if (key && depth === path.length - 1) return isNode(next.key) ? next.key : last;
      node = next.value;
      last = isNode(node) ? node : isNode(next.key) ? next.key : last;
    } else {
      node = next;
      if (isNode(next)) last = next;
    }
  }
  return last;
}

/**
 * Where in the file a place inside a scalar stands. Quotes, folding and indentation only add or change white space
 * around the value's characters, so the n-th visible character of the value is the n-th in the file; where escapes
 * make that untrue, the scalar's beginning is named.
 */
function offsetInside(text: string, node: Node & { value: unknown; type?: string }, offset: number): number {
  const start = node.range?.[0] ?? 0;
  const end = node.range?.[1] ?? start;
  if (typeof node.value !== 'string') return start;
  const source = text.slice(start, end);
  const header = /^[|>][^\n]*\n|^["']/.exec(source)?.[0].length ?? 0;
  const visible = (part: string): string => part.replace(/\s/g, '');
  const quoted = /^["']/.test(source);
  const body = source.slice(header, quoted ? -1 : undefined);
  if (visible(body) !== visible(node.value)) return start;
  let left = visible(node.value.slice(0, offset)).length;
  for (let index = 0; index < body.length; index += 1) {
    if (/\s/.test(body.charAt(index))) continue;
    if (left === 0) return start + header + index;
    left -= 1;
  }
  return start + header + body.trimEnd().length;
}

const formatPath = (path: Path): string =>
  path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );

function shorten(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
