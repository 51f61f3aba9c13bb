/** Writes one change into a rule's file, whole or not at all. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf, GatewayError, isGatewayError, messageOf } from '../lib/errors.ts';
import {
  editRule,
  readRuleTexts,
  testRules,
  textOfRule,
  versionOf,
  type RuleEdit,
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
 * Writes the change beside the file and puts it in its place. Throws 'proposal.not-applicable' with the file as it was:
 * the rule is another one by now, the site's own settings stand before the file, the set would not compile with it, or the
 * folder cannot be written.
 */
export function writeRuleChange(
  change: RuleFileChange,
  given: { readonly dir: string; readonly timeZone: string; readonly options: RulesOptions },
): WrittenRule {
  const { dir, timeZone, options } = given;
  const refuse = (why: string, cause?: unknown): GatewayError =>
    new GatewayError('proposal.not-applicable', why, {
      facts: { rule: change.rule },
      ...(cause !== undefined && { cause }),
    });
  const texts = readRuleTexts(dir);
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
  try {
    if (readFileSync(file, 'utf8') !== text) throw refuse(`${file} is being changed by somebody else`);
    replaceFile(file, edited.text);
  } catch (error) {
    if (isGatewayError(error)) throw error;
    const hint = 'give the site its own folder of rules (rules.dir), or make the change in the configuration';
    throw refuse(`${file} cannot be written (${codeOf(error) ?? messageOf(error)}): ${hint}`, error);
  }
  return {
    file,
    version: versionOf(edited.text),
    failing,
    undo: () => {
      if (readFileSync(file, 'utf8') === edited.text) replaceFile(file, text);
    },
  };
}

/** On disk before it takes the name: a crash leaves the old file or the new one, never half of one. */
function replaceFile(file: string, text: string): void {
  const beside = join(dirname(file), `.${basename(file)}.new`);
  const handle = openSync(beside, 'w', statSync(file).mode);
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
