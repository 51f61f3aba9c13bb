import { z } from 'zod';

/** A fault before it is known where in the text it stands. */
export interface RawFault {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
  readonly message: string;
  readonly allowed: string | null;
}

/** What a schema's issue says to the person who wrote the file; `data` is the whole of what he wrote. */
export function issueFaults(issue: z.core.$ZodIssue, schema: z.ZodType, data: unknown): RawFault[] {
  const path = issue.path.filter((step): step is string | number => typeof step !== 'symbol');
  // Zod's own `input` is the whole block where a check of the block speaks of a part of it.
  const value = valueAt(data, path);
  const one = (message: string, allowed: string | null): RawFault[] => [
    { path, value, message: value === undefined ? 'is missing' : message, allowed },
  ];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(schema, path);
      return issue.keys.map((key) => {
        const close = closest(key, known);
        return {
          path: [...path, key],
          value: valueAt(data, [...path, key]),
          message: `unknown key${close === null ? '' : `, did you mean "${close}"?`}`,
          allowed: known.length > 0 ? known.join(', ') : null,
        };
      });
    }
    case 'invalid_value':
      return one('does not fit', `one of ${issue.values.map(String).join(', ')}`);
    case 'invalid_type':
      return one('does not fit', hasOwnWords(issue) ? issue.message : article(issue.expected));
    case 'too_small':
      return one('is too small', `${issue.inclusive === false ? 'more than' : 'at least'} ${sizeOf(issue)}`);
    case 'too_big':
      return one('is too large', `${issue.inclusive === false ? 'less than' : 'at most'} ${sizeOf(issue)}`);
    case 'invalid_union': {
      const kinds = kindsAt(schema, path);
      return one('does not fit', kinds.length > 0 ? `one of ${kinds.join(', ')}` : issue.message);
    }
    case 'invalid_key':
      return one('is no name that can stand here', issue.issues[0]?.message ?? null);
    case 'custom':
      // A schema that knows what is wrong, and not only what would be right, says so.
      return issue.params?.['says'] === 'fault' ? one(issue.message, null) : one('does not fit', issue.message);
    default:
      return one('does not fit', issue.message);
  }
}

/** Whether the schema says in its own words what belongs here; zod's own message begins otherwise. */
const hasOwnWords = (issue: z.core.$ZodIssue): boolean => !issue.message.startsWith('Invalid input');

function sizeOf(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const bound = issue.code === 'too_small' ? issue.minimum : issue.maximum;
  const units: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' };
  return `${bound}${units[issue.origin] ?? ''}`;
}

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
  return [...new Set(objectsIn(current).flatMap((object) => Object.keys(object.shape)))];
}

/** The `kind`s that may stand where a union is chosen by its kind. */
function kindsAt(schema: z.ZodType, path: readonly (string | number)[]): string[] {
  if (path.at(-1) !== 'kind') return [];
  let current: unknown = schema;
  for (const step of path.slice(0, -1)) current = descend(unwrap(current), step);
  return objectsIn(current).flatMap((object) => {
    const kind: unknown = (object.shape as Readonly<Record<string, unknown>>)['kind'];
    return kind instanceof z.ZodLiteral ? [...kind.values].map(String) : [];
  });
}

function objectsIn(schema: unknown): z.ZodObject[] {
  const found = unwrap(schema);
  if (found instanceof z.ZodObject) return [found];
  return found instanceof z.ZodUnion ? found.options.flatMap((option) => objectsIn(option)) : [];
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

/** The candidate that `key` is most likely a slip for: the same but for case, a part of it, or few letters off. */
function closest(key: string, candidates: readonly string[]): string | null {
  const x = key.toLowerCase();
  const near = candidates.flatMap((candidate) => {
    const y = candidate.toLowerCase();
    const distance = editDistance(x, y);
    const isNear = x.startsWith(y) || y.startsWith(x) || distance <= Math.min(2, Math.floor(y.length / 3));
    return isNear ? [{ candidate, distance }] : [];
  });
  return near.sort((a, b) => a.distance - b.distance)[0]?.candidate ?? null;
}

function valueAt(data: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (at, step) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, step)
        ? (at as Readonly<Record<string | number, unknown>>)[step]
        : undefined,
    data,
  );
}

/** Letters to add, take away, change or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j += 1) {
      const changed = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : changed;
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, changed, swapped));
    }
  }
  return at(a.length, b.length);
}
