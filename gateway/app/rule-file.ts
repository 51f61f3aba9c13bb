/** Writes one change into a rule's file, or into the site's own copy of a rule of the pack; whole or not at all. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf, GatewayError, isGatewayError, messageOf } from '../lib/errors.ts';
import {
  editRule,
  ownCopyHead,
  readRuleFolders,
  ruleJsonSchema,
  testRules,
  textOfRule,
  versionOf,
  type RuleEdit,
  type RuleFolders,
  type RulesOptions,
} from '../rules/index.ts';

export interface RuleFileChange extends RuleEdit {
  readonly rule: string;
  /** The version that the change was worked out on. */
  readonly ruleVersion: string;
}

export interface WrittenRule {
  readonly file: string;
  readonly version: string;
  /** The rule's own examples that do not hold with the change: they were written for the value before. */
  readonly failing: readonly string[];
  /** Puts the text back that was there, if nobody has written the file since. */
  undo(): void;
}

/**
 * Writes the change beside the file and puts it in its place. What ships with the program is left as it is: an upgrade
 * would replace it, and often nobody may write there. The site gets its own copy of that one rule. Throws 'proposal.not-applicable' with the file as it was:
 * the rule is another one by now, the site's own settings stand before the file, the set would not compile with it, or the
 * folder cannot be written.
 */
export function writeRuleChange(
  change: RuleFileChange,
  given: { readonly folders: RuleFolders; readonly timeZone: string; readonly options: RulesOptions },
): WrittenRule {
  const { folders, timeZone, options } = given;
  const refuse = (why: string, cause?: unknown): GatewayError =>
    new GatewayError('proposal.not-applicable', why, {
      facts: { rule: change.rule },
      ...(cause !== undefined && { cause }),
    });
  const texts = readRuleFolders(folders);
  const found = textOfRule(texts, change.rule);
  if (!found) throw refuse(`there is no rule ${change.rule} any more`);
  const { file, text } = found;
  if (versionOf(text) !== change.ruleVersion) {
    throw refuse(`${file} was changed since this was proposed (version ${change.ruleVersion}, now ${versionOf(text)})`);
  }
  const own = options.settings[change.rule];
  const [block, name = ''] = change.setting.split('.');
  if (block === 'params' ? own !== undefined && Object.hasOwn(own.params, name) : own?.suppress !== undefined) {
    throw refuse(
      `rules.settings.${change.rule}.${change.setting} in the configuration stands before the file: change it there`,
    );
  }
  const edited = editRule(text, change);
  if (!edited.ok) throw refuse(`${file}: ${edited.reason}`);
  let failing: readonly string[];
  try {
    // Compiles the rule; what its examples make of another threshold is for people to judge.
    const results = testRules([{ file, text: edited.text }], { timeZone, options });
    failing = results.flatMap(({ ok, example }) => (ok ? [] : [example]));
  } catch (error) {
    if (!isGatewayError(error, 'rules.invalid')) throw error;
    throw refuse(`${file}: with the change the rule would be refused: ${messageOf(error)}`, error);
  }
  const shipped = folders.own !== null && dirname(file) !== folders.own;
  const target = shipped ? join(folders.own, basename(file)) : file;
  const written = shipped ? withHead(edited.text, ownCopyHead(text)) : edited.text;
  try {
    if (readFileSync(file, 'utf8') !== text) throw refuse(`${file} is being changed by somebody else`);
    if (shipped) {
      // A file of this name that holds another rule is somebody's work.
      if (existsSync(target)) throw refuse(`${target} is there already and holds another rule`);
      openOwnFolder(folders.own);
    }
    replaceFile(target, written);
  } catch (error) {
    if (isGatewayError(error)) throw error;
    const hint = 'let the gateway write there, or make the change in the configuration (rules.settings)';
    throw refuse(`${target} cannot be written (${codeOf(error) ?? messageOf(error)}): ${hint}`, error);
  }
  return {
    file: target,
    version: versionOf(written),
    failing,
    undo: () => {
      if (readFileSync(target, 'utf8') !== written) return;
      if (shipped) rmSync(target);
      else replaceFile(target, text);
    },
  };
}

/** Comment lines behind the first, which tells editors the schema. */
function withHead(text: string, head: readonly string[]): string {
  const lines = head.map((line) => `# ${line}\n`).join('');
  const first = /^#[^\n]*\n/.exec(text)?.[0] ?? '';
  return first + lines + text.slice(first.length);
}

/** The folder, with the schema that editors complete and check by. */
function openOwnFolder(dir: string): void {
  mkdirSync(dir, { recursive: true });
  const schema = join(dir, 'rule.schema.json');
  if (!existsSync(schema)) writeFileSync(schema, `${JSON.stringify(ruleJsonSchema(), null, 2)}\n`);
}

/** On disk before it takes the name: a crash leaves the old file or the new one, never half of one. */
function replaceFile(file: string, text: string): void {
  const beside = join(dirname(file), `.${basename(file)}.new`);
  const handle = openSync(beside, 'w', statSync(file, { throwIfNoEntry: false })?.mode ?? 0o644);
  try {
    writeFileSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  try {
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}
