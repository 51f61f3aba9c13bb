/**
 * takes: rule documents (YAML with CEL), events in the order the line has them, ticks, stored memory rows
 * gives: matches that explain themselves, and the rows that keep the rules' memory; every fault of a wrong set; what
 *        rules would have matched on recorded events
 * keeps: per rule and key what conditions of time and `suppress` need, bounded, on disk through its changes; the last
 *        minutes' events in memory, read again after a restart
 * never: writes, waits, looks at the wall clock, throws for an event, or puts half a rule set in force
 * spec: design section 6; standards 4.6 (thresholds); CEL (cel-spec) within decisions/cel-library.md's bounds
 */
export { createRules, type RuleResult, type Rules, type RulesSetup, type RuleStateRow } from './rules.ts';
export {
  createBacktest,
  planBacktest,
  runBacktest,
  type BacktestPass,
  type BacktestRules,
  type BacktestRun,
} from './backtest.ts';
export { editRule, textOfRule, versionOf, type EditedRule, type RuleEdit } from './edit-rule.ts';
export { formatRuleFault, type RuleFault } from './fault.ts';
export {
  draftSet,
  originOf,
  ownCopyHead,
  readRuleFolders,
  ruleFolders,
  type RuleFolders,
  type RuleOrigin,
} from './rule-folders.ts';
export { readRuleFiles, readRuleTexts, settingsFile } from './rule-set.ts';
export type { RuleText } from './rule-yaml.ts';
export { testRules, type ExampleResult } from './examples.ts';
export { ruleJsonSchema } from './json-schema.ts';
export { rulesOptions, type RulesOptions, type RuleSettings } from './options.ts';
