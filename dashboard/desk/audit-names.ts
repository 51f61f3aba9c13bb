import { i18n } from '../shared/language.ts';

/** What was done, in words; as it stands where we have none. */
export function auditNameOf(action: string): string {
  const { tm } = i18n.global;
  return (tm('audit.name') as Readonly<Record<string, string>>)[action] ?? action;
}
