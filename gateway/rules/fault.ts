import type { RuleFault } from '../domain/rule-report.ts';
import { GatewayError } from '../lib/errors.ts';

export type { RuleFault };

/** `over-power.yaml:12:5 tier[1].tier = "purple": is not one of … (allowed: …)`. */
export function formatRuleFault(fault: RuleFault): string {
  const what = fault.path === '' ? '' : ` ${fault.path}${fault.value === null ? '' : ` = ${fault.value}`}`;
  const allowed = fault.allowed === null ? '' : ` (allowed: ${fault.allowed})`;
  return `${fault.file}:${fault.line}:${fault.column}${what}: ${fault.message}${allowed}`;
}

/** The error that refuses a rule set whole: `facts.faults` lists every fault. */
export function rulesInvalid(faults: readonly RuleFault[]): GatewayError {
  const sorted = [...faults].sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column);
  const first = sorted[0] ? `: ${formatRuleFault(sorted[0])}` : '';
  const more = sorted.length > 1 ? `, and ${sorted.length - 1} more` : '';
  return new GatewayError('rules.invalid', `the rule set is refused whole${first}${more}`, {
    facts: { faults: sorted },
  });
}
