import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Clock } from '../lib/clock.ts';
import { createRepeatedFault } from '../lib/repeated-fault.ts';

/** Why something sent to this desk was not taken. Stable: gateways log it, `/health` counts it. */
export const refusalReasons = {
  'gateway.unknown': { status: 404, message: 'no gateway of this id is configured at this desk' },
  'signature.missing': {
    status: 401,
    message: 'the headers webhook-id, webhook-timestamp and webhook-signature are needed',
  },
  'signature.timestamp': { status: 401, message: 'webhook-timestamp must be Unix seconds' },
  'signature.too-old': { status: 401, message: 'the signature is more than 300 s old; compare the clocks' },
  'signature.too-new': { status: 401, message: 'the signature is more than 300 s in the future; compare the clocks' },
  'signature.wrong': {
    status: 401,
    message: 'no signature fits: the content was changed on the way, or the secret is not that of this gateway',
  },
  'notice.media-type': {
    status: 415,
    message: 'content-type must be application/cloudevents+json or application/json',
  },
  'notice.too-large': { status: 413, message: 'the notice is larger than this desk accepts (notices.maxSize)' },
  'notice.not-json': { status: 400, message: 'the body is not JSON' },
  'notice.invalid': { status: 422, message: 'the body is not a notice as published' },
  'notice.id-differs': { status: 422, message: 'webhook-id and the id of the event must be the same' },
  'notice.unknown-version': {
    status: 422,
    message: 'this desk is too old for this form of notice and cannot show it; update the desk',
  },
  'alert.of-another-gateway': { status: 403, message: 'this alert belongs to another gateway' },
  'poll.invalid': { status: 400, message: 'the request for answers has a wrong parameter' },
  'store.failed': { status: 503, message: 'the desk cannot store at the moment; send again' },
} as const;
export type RefusalReason = keyof typeof refusalReasons;

export interface Refusals {
  /** Counts it and logs it, the first at once and then once a minute. */
  note(reason: RefusalReason, gateway: string, facts?: Record<string, unknown>): void;
  counts(): Readonly<Partial<Record<RefusalReason, number>>>;
}

/** Somebody without the right key, with an old message, or about what is another's. The rest is a fault of a version or a disk. */
export const intrusions = [
  'gateway.unknown',
  'signature.missing',
  'signature.timestamp',
  'signature.too-old',
  'signature.too-new',
  'signature.wrong',
  'alert.of-another-gateway',
] as const satisfies readonly RefusalReason[];
export type Intrusion = (typeof intrusions)[number];
const isIntrusion = (reason: RefusalReason): reason is Intrusion => intrusions.some((one) => one === reason);

export function createRefusals(options: {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The audit log; what is no mere fault stands in it, like in the other log the first at once and then once a minute. */
  readonly audit?: (by: string, action: `refused.${Intrusion}`, subject: string) => Promise<void>;
}): Refusals {
  const counts: Partial<Record<RefusalReason, number>> = {};
  const report = createRepeatedFault(options.clock, (_key, count, facts) => {
    options.logger.warn({ ...facts, count }, 'refused what a gateway sent');
    const { gateway, reason } = facts as { readonly gateway: string; readonly reason: RefusalReason };
    if (!options.audit || !isIntrusion(reason)) return;
    options
      .audit('gateway', `refused.${reason}`, count > 1 ? `${gateway} (${count} times)` : gateway)
      .catch((error: unknown) => options.logger.error({ reason: messageOf(error) }, 'refusal not audited'));
  });
  return {
    note: (reason, gateway, facts = {}) => {
      counts[reason] = (counts[reason] ?? 0) + 1;
      report(`${gateway} ${reason}`, { gateway, reason, ...facts });
    },
    counts: () => ({ ...counts }),
  };
}
