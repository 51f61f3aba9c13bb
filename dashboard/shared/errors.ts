import { i18n } from './language.ts';
import { RequestError } from './request.ts';

/** What went wrong, for people. */
export function errorText(error: unknown): string {
  const { t, tm } = i18n.global;
  if (!(error instanceof RequestError)) return t('error.unknown', { message: String(error) });
  if (error.code === 'network') return t('error.network');
  const codes = tm('error.codes') as Readonly<Record<string, string>>;
  const known = codes[error.code];
  return known === undefined
    ? t('error.unknown', { message: error.message })
    : known.replace('{message}', error.message);
}
