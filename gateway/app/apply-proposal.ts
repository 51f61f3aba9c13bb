/** A proposed change of a rule, put in force by a person: written into the rule's file, loaded whole, on record. */
import type { Commit } from '../domain/change.ts';
import type { RuleProposal } from '../domain/proposal.ts';
import type { EpochMs } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import { rfc3339 } from '../lib/local-time.ts';
import type { RulesDesk } from './rules-desk.ts';

/** Who does it, and why: both stand in the file and in the audit log. */
export interface ProposalVerdict {
  readonly by: string;
  readonly why: string;
}

export interface AppliedProposal {
  readonly proposal: RuleProposal;
  readonly file: string;
  /** The rule's own examples that no longer hold: written for the value before, to be looked at. */
  readonly failing: readonly string[];
}

/** Throws 'proposal.unknown', 'proposal.not-applicable', and what the commit throws; then everything is as it was. */
export function createProposalApplier(given: {
  readonly find: (id: string) => RuleProposal | undefined;
  readonly desk: Pick<RulesDesk, 'apply'>;
  readonly commit: Commit;
  readonly now: () => EpochMs;
  readonly timeZone: string;
}): (id: string, verdict: ProposalVerdict) => Promise<AppliedProposal> {
  const { find, desk, commit, now, timeZone } = given;
  return async (id, { by, why }) => {
    const proposal = find(id);
    if (!proposal) throw new GatewayError('proposal.unknown', `there is no proposal ${id}`, { facts: { id } });
    if (proposal.applied) {
      throw new GatewayError('proposal.not-applicable', `${proposal.applied.by} has applied it already`, {
        facts: { id },
      });
    }
    const at = now();
    const { setting, from, to } = proposal.change;
    const what = `${setting} ${from ?? '–'} → ${to}`;
    const change = desk.apply({
      rule: proposal.rule,
      ruleVersion: proposal.ruleVersion,
      ...proposal.change,
      comment: [
        `${rfc3339(at, timeZone).slice(0, 16).replace('T', ' ')} ${by}: ${what} (alert ${proposal.alertId})`,
        why,
        proposal.reason.zh,
      ].filter((line) => line.trim() !== ''),
    });
    const { file, ruleVersion, failing } = change;
    const applied: RuleProposal = { ...proposal, applied: { at, by, why, ruleVersion } };
    try {
      await commit([
        { kind: 'proposal-made', proposal: applied },
        {
          kind: 'audited',
          ...{ at, by, action: 'proposal-applied' },
          subject: `${proposal.rule} ${what}, ${proposal.ruleVersion} → ${ruleVersion}, proposal ${id}`,
        },
      ]);
    } catch (error) {
      change.undo();
      throw error;
    }
    return { proposal: applied, file, failing };
  };
}
