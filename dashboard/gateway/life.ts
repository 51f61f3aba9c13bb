import { i18n } from '../shared/language.ts';
import type { AlertDetail, TimeLineEntry } from '../shared/types.ts';

type Feedback = AlertDetail['feedback'][number];

function saysOf(feedback: Feedback): string {
  const { t } = i18n.global;
  return feedback.kind === 'outcome'
    ? t('answer.saysOutcome', { verdict: t(`answer.verdicts.${feedback.outcome ?? 'true'}`) })
    : t(feedback.mark === null ? `news.${feedback.kind}` : `mark.${feedback.mark}`);
}

/** Steps of an alert's life and what people said, oldest first. */
export function lifeOf(alert: AlertDetail): readonly TimeLineEntry[] {
  const { t } = i18n.global;
  const answers = alert.feedback.map((feedback) => ({
    key: `f${feedback.id}`,
    at: feedback.at,
    what: saysOf(feedback),
    by: feedback.recipient === null ? feedback.by : `${feedback.by} · ${feedback.recipient.name}`,
    text: [feedback.to === null ? '' : t('alert.toWhom', { name: feedback.to }), feedback.text]
      .filter(Boolean)
      .join(' · '),
  }));
  // A step that an answer made is told by the answer itself, in its own words.
  const people = new Set(alert.feedback.map((feedback) => feedback.by));
  const steps = alert.life
    .filter((step) => !people.has(step.by))
    .map((step, index) => ({
      key: `s${index}`,
      at: step.at,
      what: step.step === 'escalate' || step.step === 'reopen' ? t(`lifeStep.${step.step}`) : t(`step.${step.to}`),
      by: '',
      text: step.step === 'escalate' ? step.why : '',
    }));
  return [...steps, ...answers].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}
