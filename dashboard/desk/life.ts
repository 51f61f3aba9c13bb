import { i18n } from '../shared/language.ts';
import type { TimeLineEntry } from '../shared/types.ts';
import type { DeskAlertDetail } from './types.ts';

/** An alert's life in words, one entry for each of `alert.life`, in its order. */
export function lifeOf(alert: DeskAlertDetail): readonly TimeLineEntry[] {
  const { t } = i18n.global;
  return alert.life.map((step, index) => {
    const outcome = step.feedback?.kind === 'outcome' ? (step.feedback.outcome ?? 'true') : null;
    const byItself = ['kanmen', 'gateway'].includes(step.by);
    return {
      key: String(index),
      at: step.at,
      what:
        outcome === null
          ? t(`news.${step.kind}`)
          : t('answer.saysOutcome', { verdict: t(`answer.verdicts.${outcome}`) }),
      // What the gateway did by itself needs no name, and says in words of its own what the heading says already.
      by: byItself ? '' : step.by,
      text: byItself ? countOf(step) : step.text,
    };
  });
}

/** A repeat tells how often the same was seen by then. */
function countOf(step: DeskAlertDetail['life'][number]): string {
  const { t } = i18n.global;
  const count = step.kind === 'repeated' ? Number(step.text) : NaN;
  return Number.isInteger(count) && count > 0 ? t('alert.count', { n: count }, count) : '';
}
