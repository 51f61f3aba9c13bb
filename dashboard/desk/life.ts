import { i18n } from '../shared/language.ts';
import type { TimeLineEntry } from '../shared/types.ts';
import type { DeskAlertDetail } from './types.ts';

/** An alert's life in words, one entry for each of `alert.life`, in its order. */
export function lifeOf(alert: DeskAlertDetail): readonly TimeLineEntry[] {
  const { t } = i18n.global;
  return alert.life.map((step, index) => {
    const outcome = step.feedback?.kind === 'outcome' ? (step.feedback.outcome ?? 'true') : null;
    return {
      key: String(index),
      at: step.at,
      what:
        outcome === null
          ? t(`news.${step.kind}`)
          : t('answer.saysOutcome', { verdict: t(`answer.verdicts.${outcome}`) }),
      // What the gateway did by itself needs no name.
      by: step.by === 'gateway' ? '' : step.by,
      text: step.text,
    };
  });
}
