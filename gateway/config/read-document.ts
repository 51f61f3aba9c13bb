import { readFileSync } from 'node:fs';
import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import { z } from 'zod';
import { codeOf } from '../lib/errors.ts';
import type { Fault } from './fault.ts';

export type ReadResult<T> =
  | { readonly ok: true; readonly value: T; readonly locate: Locate }
  | { readonly ok: false; readonly faults: readonly Fault[]; readonly locate: Locate };

/** Where in the file a path stands; the nearest ancestor that stands there, if the path itself does not. */
export type Locate = (path: readonly (string | number)[]) => { line: number; column: number } | null;

/** Reads a YAML file against a closed schema. Every fault is reported, each with its line. */
export function readDocument<Schema extends z.ZodType>(file: string, schema: Schema): ReadResult<z.output<Schema>> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const message =
      codeOf(error) === 'ENOENT'
        ? 'the file does not exist'
        : `the file cannot be read (${codeOf(error) ?? 'unknown'})`;
    const hint = 'kanmen init DIR writes a working one';
    return {
      ok: false,
      locate: () => null,
      faults: [{ file, line: null, column: null, path: '', value: null, message, allowed: hint }],
    };
  }
  return readText(file, text, schema);
}

/** As `readDocument`, for a text that is already in memory; `file` is only named in the faults. */
export function readText<Schema extends z.ZodType>(
  file: string,
  text: string,
  schema: Schema,
): ReadResult<z.output<Schema>> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const at = (offset: number): { line: number; column: number } => {
    const position = lines.linePos(offset);
    return { line: position.line, column: position.col };
  };
  const locate: Locate = (path) => {
    const offset = offsetOf(document, path);
    return offset === null ? null : at(offset);
  };
  if (document.errors.length > 0) {
    const faults = document.errors.map((error): Fault => {
      const { line, column } = at(error.pos[0]);
      return { file, line, column, path: '', value: null, message: `is not YAML: ${error.message}`, allowed: null };
    });
    return { ok: false, faults, locate };
  }
  const data: unknown = document.toJS({ maxAliasCount: 0 }) ?? {};
  const parsed = schema.safeParse(data, { reportInput: true });
  if (parsed.success) return { ok: true, value: parsed.data, locate };
  const faults = parsed.error.issues
    .flatMap((issue) => issueFaults(issue, schema))
    .map((raw): Fault => {
      const place = locate(raw.path);
      return {
        file,
        line: place?.line ?? null,
        column: place?.column ?? null,
        path: formatPath(raw.path),
        value: raw.value === undefined ? null : shorten(raw.value, raw.path),
        message: raw.message,
        allowed: raw.allowed,
      };
    });
  return { ok: false, faults: faults.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)), locate };
}

interface RawFault {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
  readonly message: string;
  readonly allowed: string | null;
}

function issueFaults(issue: z.core.$ZodIssue, schema: z.ZodType): RawFault[] {
  const path = issue.path.filter((step): step is string | number => typeof step !== 'symbol');
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(schema, path);
      return issue.keys.map((key) => {
        const close = known.find((candidate) => isClose(candidate, key));
        return {
          path: [...path, key],
          value: undefined,
          message: `unknown key${close === undefined ? '' : `, did you mean "${close}"?`}`,
          allowed: known.length > 0 ? known.join(', ') : null,
        };
      });
    }
    case 'invalid_value':
      return [
        {
          path,
          value: issue.input,
          message: missingOr(issue.input, 'is not one of the allowed values'),
          allowed: issue.values.map(String).join(', '),
        },
      ];
    case 'invalid_type':
      return [
        {
          path,
          value: issue.input,
          message: missingOr(issue.input, `must be ${article(issue.expected)}`),
          allowed: null,
        },
      ];
    case 'too_small':
      return [
        {
          path,
          value: issue.input,
          message: 'is too small',
          allowed: `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`,
        },
      ];
    case 'too_big':
      return [
        {
          path,
          value: issue.input,
          message: 'is too large',
          allowed: `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`,
        },
      ];
    default:
      return [{ path, value: issue.input, message: missingOr(issue.input, issue.message), allowed: null }];
  }
}

const missingOr = (input: unknown, message: string): string =>
  input === undefined ? `is missing; ${message}` : message;
const article = (expected: string): string =>
  ({
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    array: 'a list',
    object: 'a block of keys',
    record: 'a block of keys',
    boolean: 'true or false',
  })[expected] ?? expected;

/** The keys that an object schema at this path knows, looking through defaults, options and unions. */
function keysAt(schema: z.ZodType, path: readonly (string | number)[]): string[] {
  let current: unknown = schema;
  for (const step of path) current = descend(unwrap(current), step);
  const object = unwrap(current);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
}

function descend(schema: unknown, step: string | number): unknown {
  if (schema instanceof z.ZodObject) return (schema.shape as Record<string, unknown>)[String(step)];
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return undefined;
}

function unwrap(schema: unknown): unknown {
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable
  ) {
    return unwrap(schema.unwrap());
  }
  if (schema instanceof z.ZodPipe) return unwrap(schema.in);
  return schema;
}

function isClose(a: string, b: string): boolean {
  const x = a.toLowerCase();
  const y = b.toLowerCase();
  if (x === y || x.startsWith(y) || y.startsWith(x)) return true;
  let differing = Math.abs(x.length - y.length);
  for (let i = 0; i < Math.min(x.length, y.length); i += 1) if (x[i] !== y[i]) differing += 1;
  return differing <= 2;
}

export function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`))
    .join('');
}

/** Words that make a value secret, whatever it is. */
const secretPath = /secret|password|token|url$/i;

function shorten(value: unknown, path: readonly (string | number)[]): string {
  const raw = JSON.stringify(value);
  const text = secretPath.test(String(path.at(-1) ?? '')) ? raw.replace(/\/\/[^/@]*@/, '//***@') : raw;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Offset of the key (for a map entry) or the item that `path` names; the deepest that exists. */
function offsetOf(document: Document, path: readonly (string | number)[]): number | null {
  let node: unknown = document.contents;
  let offset: number | null = isNode(node) ? (node.range?.[0] ?? null) : null;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step),
      );
      if (!pair) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(step)];
      if (!isNode(item)) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  return offset;
}
