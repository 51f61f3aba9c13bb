import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { textOfRule, versionOf } from './edit-rule.ts';
import { readRuleTexts } from './rule-set.ts';
import { readRule, type RuleText } from './rule-yaml.ts';

/**
 * Where a gateway's rules stand. An upgrade replaces the pack, and often nobody may write there; what the site has changed or
 * added stands in its own folder, whose documents come before those of the pack with the same id.
 */
export interface RuleFolders {
  readonly pack: string;
  /** Need not be there yet. Null where the site keeps a whole set of its own (`rules.dir`): then `pack` is that. */
  readonly own: string | null;
}

/** The folders of a gateway: the shipped pack and `rules` beside its data, or the one folder that `rules.dir` names. */
export function ruleFolders(given: {
  readonly dir: string | null;
  readonly shipped: string;
  readonly dataDir: string | null;
}): RuleFolders {
  if (given.dir !== null) return { pack: given.dir, own: null };
  return { pack: given.shipped, own: given.dataDir === null ? null : join(given.dataDir, 'rules') };
}

/** Every document in force, by folder and file name. Throws 'rules.invalid' where a folder that is there cannot be read. */
export function readRuleFolders({ pack, own }: RuleFolders): readonly RuleText[] {
  const shipped = readRuleTexts(pack);
  const mine = own === null || !existsSync(own) ? [] : readRuleTexts(own);
  return draftSet(shipped, mine).texts;
}

/**
 * A set of documents with drafts in the place of those of the same id, and the drafts' ids. A draft whose id cannot be
 * read is added as it is: compiling the set says what is wrong with it.
 */
export function draftSet(
  texts: readonly RuleText[],
  drafts: readonly RuleText[],
): { readonly texts: readonly RuleText[]; readonly ids: readonly string[] } {
  const ids = drafts.flatMap((draft) => idOf(draft) ?? []);
  const others = ids.length === 0 ? texts : texts.filter((text) => !ids.includes(idOf(text) ?? ''));
  return { texts: [...others, ...drafts], ids };
}

function idOf(text: RuleText): string | null {
  const read = readRule(text);
  return read.ok ? read.document.id : null;
}

/** The first lines of a site's own copy of a rule of the pack: what it is, and what it was made from. */
export function ownCopyHead(text: string): readonly string[] {
  return [
    '本小区自己的副本，替代随程序发布的同名规则；删去本文件即恢复原规则。',
    "The site's own copy: it stands in the place of the pack's rule of this id. Delete it to have the pack's again.",
    `pack version: ${versionOf(text)}`,
  ];
}

/** Where a rule's document stands: in the pack, or in the site's own folder; and whether the pack's has changed since its copy was made. */
export type RuleOrigin = 'pack' | 'own' | 'own, the pack has a newer one';

export function originOf(
  rule: { readonly id: string; readonly file: string; readonly text: string },
  folders: RuleFolders,
): RuleOrigin {
  if (folders.own === null || !rule.file.startsWith(join(folders.own, '/'))) return 'pack';
  const made = /^# pack version: ([0-9a-f]{12})$/m.exec(rule.text)?.[1];
  if (made === undefined) return 'own';
  const shipped = textOfRule(readRuleTexts(folders.pack), rule.id);
  return shipped && versionOf(shipped.text) !== made ? 'own, the pack has a newer one' : 'own';
}
