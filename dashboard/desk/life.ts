import { i18n } from '../shared/language.ts';
import type { TimeLineEntry } from '../shared/types.ts';
import type { DeskAlertDetail, DeskFeedback } from './types.ts';

/** What an answer says, in words. */
function saysOf(feedback: DeskFeedback): string {
  const { t } = i18n.global;
  if (feedback.kind === 'outcome') {
    return t('answer.saysOutcome', { verdict: t(`answer.verdicts.${feedback.outcome ?? 'true'}`) });
  }
  return t(feedback.mark === null ? `news.${feedback.kind}` : `mark.${feedback.mark}`);
}

/**
 * An alert's life in words, one entry for each of `alert.life`, in its order, and its end. `recipients`: what ids of those it was
 * transferred to are called.
 */
export function lifeOf(
  alert: DeskAlertDetail,
  recipients: readonly { readonly id: string; readonly name: string }[],
): readonly TimeLineEntry[] {
  const { t } = i18n.global;
  const nameOf = (to: string): string => recipients.find(({ id }) => id === to)?.name ?? to;
  const told = alert.life.map((step, index) => {
    const { feedback } = step;
    const byItself = ['kanmen', 'gateway', 'desk'].includes(step.by);
    const whom = feedback?.to == null ? '' : t('alert.toWhom', { name: nameOf(feedback.to) });
    return {
      key: String(index),
      at: step.at,
      what: feedback === null ? t(`news.${step.kind}`) : saysOf(feedback),
      // What was done by itself needs no name, and says in words of its own what the heading says already.
      by: byItself ? '' : step.by,
      text: byItself ? countOf(step) : [whom, step.text].filter(Boolean).join(' · '),
    };
  });
  // The last answer closes it without news of its own: the end is said all the same.
  if (alert.state !== 'closed' || alert.closedAt === null || alert.life.some(({ kind }) => kind === 'closed'))
    return told;
  return [...told, { key: 'closed', at: alert.closedAt, what: t('news.closed'), by: '', text: '' }];
}

/** A repeat tells how often the same was seen by then. */
function countOf(step: DeskAlertDetail['life'][number]): string {
  const { t } = i18n.global;
  const count = step.kind === 'repeated' ? Number(step.text) : NaN;
  return Number.isInteger(count) && count > 0 ? t('alert.count', { n: count }, count) : '';
}
