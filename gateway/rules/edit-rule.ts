import { createHash } from 'node:crypto';
import { isMap, isScalar, parseDocument, type Document } from 'yaml';
import { parseDurationMs } from '../lib/quantities.ts';
import { readRule, type RuleText } from './rule-yaml.ts';

/** One setting of a rule's document: `params.warnC`, or `suppress` (its `for`). */
export interface RuleEdit {
  readonly setting: string;
  /** What must stand there now; null: nothing. */
  readonly from: string | number | null;
  readonly to: string | number;
  /** Lines to stand above it: who, when, why. */
  readonly comment: readonly string[];
}

export type EditedRule = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string };

/** SHA-256 of a rule's document, first 12 hex digits: what matches and proposals name as its version. */
export function versionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** The document among these whose rule has this id. */
export function textOfRule(texts: readonly RuleText[], id: string): RuleText | undefined {
  return texts.find((text) => {
    const read = readRule(text);
    return read.ok && read.document.id === id;
  });
}

/**
 * Changes one value in a rule's document and says above it who did so and why. Every other character stays, so that
 * people find their own file again. Pure; refuses where what stands there is not what the change was made for.
 */
export function editRule(text: string, edit: RuleEdit): EditedRule {
  const yaml = parseDocument(text);
  if (yaml.errors.length > 0 || !isMap(yaml.contents)) return { ok: false, reason: 'the document is not YAML' };
  const path = edit.setting === 'suppress' ? ['suppress', 'for'] : edit.setting.split('.');
  const [block] = path;
  if (block === undefined || path.length !== 2 || !(block === 'params' || block === 'suppress')) {
    return { ok: false, reason: `${edit.setting} is nothing that can be changed in a rule's document` };
  }
  const comment = edit.comment.flatMap((line) => line.split(/\r?\n/)).map((line) => `# ${line.trim()}\n`);
  const node: unknown = yaml.getIn(path, true);
  if (node === undefined) {
    if (edit.from !== null || block === 'params' || yaml.has(block)) {
      return { ok: false, reason: `${edit.setting} does not stand in the document` };
    }
    const at = startOf(yaml, 'message') ?? startOf(yaml, 'examples') ?? text.length;
    const line = `${block}: { for: ${literal(edit.to)} }\n`;
    const lead = at > 0 && text[at - 1] !== '\n' ? '\n' : '';
    return checked(`${text.slice(0, at)}${lead}${comment.join('')}${line}${text.slice(at)}`, path, edit);
  }
  if (!isScalar(node) || !node.range) return { ok: false, reason: `${edit.setting} is not a single value` };
  const stands = node.value;
  if (!isSame(stands, edit.from)) {
    return { ok: false, reason: `${edit.setting} is ${String(stands)} now, not ${String(edit.from)}` };
  }
  const [from, to] = node.range;
  const at = startOf(yaml, block) ?? 0;
  const changed = `${text.slice(0, at)}${comment.join('')}${text.slice(at, from)}${literal(edit.to)}${text.slice(to)}`;
  return checked(changed, path, edit);
}

/** `10m` is `600s`. */
const isSame = (stands: unknown, from: string | number | null): boolean =>
  stands === from ||
  (typeof stands === 'string' &&
    typeof from === 'string' &&
    parseDurationMs(stands) !== null &&
    parseDurationMs(stands) === parseDurationMs(from));

const literal = (value: string | number): string =>
  typeof value === 'number' || /^[\w.-]+$/.test(value) ? String(value) : JSON.stringify(value);

/** Where the line of a top-level key begins. */
function startOf(yaml: Document, key: string): number | null {
  if (!isMap(yaml.contents)) return null;
  const pair = yaml.contents.items.find((item) => isScalar(item.key) && item.key.value === key);
  return pair && isScalar(pair.key) ? (pair.key.range?.[0] ?? null) : null;
}

/** A document that says what was wanted, and nothing else. */
function checked(text: string, path: readonly string[], { to }: RuleEdit): EditedRule {
  const yaml = parseDocument(text);
  return yaml.errors.length === 0 && yaml.getIn(path) === to
    ? { ok: true, text }
    : { ok: false, reason: 'the change cannot be written into this document; make it by hand' };
}
