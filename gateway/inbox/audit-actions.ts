import { feedbackKinds, type FeedbackKind } from '../domain/alert.ts';
import { intrusions, type Intrusion } from './refusals.ts';

const ownActions = [
  'login.in',
  'login.out',
  'login.wrong',
  'login.wrong-code',
  'evidence.viewed',
  'evidence.unblurred',
  'evidence.downloaded',
  'search.passages',
  'shift.handed-over',
  'duty.put',
  'duty.removed',
  'gateway.invited',
  'gateway.invite-cancelled',
  'gateway.pair-wrong',
  'gateway.paired',
  'gateway.key-made',
  'gateway.key-in-use',
  'gateway.renamed',
  'gateway.revoked',
  'plan.image',
  'plan.points',
  'user.added',
  'user.changed',
  'user.removed',
  'user.password',
  'second-factor.on',
  'second-factor.off',
  'second-factor.off-refused',
  'second-factor.recovery',
  'backup.made',
] as const;

/** What a line of the desk's audit log can say was done; the page has a name for each. */
export type DeskAuditAction = (typeof ownActions)[number] | `alert.${FeedbackKind}` | `refused.${Intrusion}`;

export const deskAuditActions: readonly DeskAuditAction[] = [
  ...ownActions,
  ...feedbackKinds.map((kind) => `alert.${kind}` as const),
  ...intrusions.map((reason) => `refused.${reason}` as const),
];
