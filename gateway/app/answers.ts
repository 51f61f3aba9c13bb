/** Answers that come back over channels: taken only from those who were told of the alert. */
import type { GatewayConfiguration } from '../config/index.ts';
import type { Feedback } from '../domain/alert.ts';
import { GatewayError } from '../lib/errors.ts';
import type { Store } from '../store/index.ts';
import type { Refusals } from './refusals.ts';

export interface AnswerGate {
  /** Null: it may be taken. Else why not, counted and audited. */
  fault(feedback: Feedback): 'unknown-alert' | 'not-told' | null;
  /** The same as an error that channels pass over: `alert.unknown`, `alert.not-allowed`. */
  check(feedback: Feedback): void;
}

/**
 * Whoever was not told of an alert does not answer it: a far side that belongs to another department, or another tenant of
 * the same broker, cannot close what it was never shown. Channels to one origin are one far side.
 */
export function createAnswerGate(given: {
  readonly channels: GatewayConfiguration['channels'];
  readonly recipients: GatewayConfiguration['recipients'];
  readonly store: Pick<Store, 'findAlert' | 'deliveries'>;
  readonly refusals: Pick<Refusals, 'note'>;
}): AnswerGate {
  const { channels, recipients, store, refusals } = given;
  const farSideOf = (channel: string): string => {
    const options = channels[channel];
    return options !== undefined && 'url' in options && URL.canParse(options.url)
      ? `${options.kind} ${new URL(options.url).host}`
      : channel;
  };

  const fault: AnswerGate['fault'] = (feedback) => {
    const { recipient, alertId } = feedback;
    const channel = recipients.find(({ id }) => id === recipient)?.channel;
    // Given at the gateway itself.
    if (recipient === null || channel === undefined) return null;
    const why = !store.findAlert(alertId)
      ? 'unknown-alert'
      : store.deliveries(alertId).some((delivery) => farSideOf(delivery.channel) === farSideOf(channel))
        ? null
        : 'not-told';
    if (why !== null) refusals.note(`answer ${channel}`, why, `channel ${channel}`, `${feedback.kind} of ${alertId}`);
    return why;
  };

  return {
    fault,
    check: (feedback) => {
      const why = fault(feedback);
      if (why === null) return;
      const about = { facts: { alertId: feedback.alertId } };
      if (why === 'unknown-alert') throw new GatewayError('alert.unknown', 'no such alert', about);
      throw new GatewayError('alert.not-allowed', 'an answer of somebody who was not told of the alert', about);
    },
  };
}
