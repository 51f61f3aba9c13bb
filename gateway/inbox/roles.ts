/** Who may do what at the desk. */

export const deskRoles = ['admin', 'leader', 'duty', 'community', 'viewer'] as const;
/**
 * admin 管理员: people, gateways, plans, and everything below; leader 领导: figures, audit, duty list, and answers; duty
 * 值班民警: answers, shift, search; community 社区民警: answers for the gateways that are his; viewer 只读: looks.
 */
export type DeskRole = (typeof deskRoles)[number];

export const permissions = [
  /** Answer alerts. */
  'answer',
  /** Close a shift, write its sheet. */
  'shift',
  /** Change the duty list. */
  'duty',
  /** Search passages (plates are personal: a reason is asked for, and kept). */
  'search-passages',
  /** Read the audit log. */
  'audit',
  /** Place areas and devices on plans. */
  'plans',
  /** Invite, revoke and rename gateways. */
  'gateways',
  /** Add, change and remove people. */
  'users',
] as const;
export type Permission = (typeof permissions)[number];

const may: Readonly<Record<DeskRole, readonly Permission[]>> = {
  admin: permissions,
  leader: ['answer', 'shift', 'duty', 'search-passages', 'audit'],
  duty: ['answer', 'shift', 'search-passages'],
  community: ['answer'],
  viewer: [],
};

export const permissionsOf = (role: DeskRole): readonly Permission[] => may[role];

/** `manager` is what the gateway calls those who answer, and what desks called them before they had roles of their own. */
export function parseDeskRole(text: string): DeskRole | null {
  if (text === 'manager') return 'duty';
  return (deskRoles as readonly string[]).includes(text) ? (text as DeskRole) : null;
}
