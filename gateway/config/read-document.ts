import { readFileSync } from 'node:fs';
import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { z } from 'zod';
import { codeOf } from '../lib/errors.ts';
import { issueFaults } from './explain-issue.ts';
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
  const parsed = schema.safeParse(data);
  if (parsed.success) return { ok: true, value: parsed.data, locate };
  const faults = parsed.error.issues
    .flatMap((issue) => issueFaults(issue, schema, data))
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

export function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`))
    .join('');
}

/** Keys whose value is a secret, wherever they stand; the name of a file that holds one is none. */
const secretKey = /(secret|password|passwd|token|key)$/i;

/** A value as people wrote it, for a fault: at most 60 letters, without passwords and secrets. */
export function shorten(value: unknown, path: readonly (string | number)[]): string {
  const masked = (key: string, inner: unknown): unknown => {
    if (secretKey.test(key)) return '***';
    if (typeof inner !== 'string') return inner;
    // Whoever forgets the scheme of an address still has a password before the last @.
    return inner.replace(/^([a-z]+:\/\/)?\S*@/i, '$1***@').replace(/whsec_\S*/, '***');
  };
  const text = JSON.stringify(masked(String(path.at(-1) ?? ''), value), masked);
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
