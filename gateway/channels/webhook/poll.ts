import type { Feedback } from '../../domain/alert.ts';
import type { RecipientId } from '../../domain/ids.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { isGatewayError, messageOf } from '../../lib/errors.ts';
import { pause } from '../../lib/pause.ts';
import type { Random } from '../../lib/random.ts';
import { createRepeatedFault } from '../../lib/repeated-fault.ts';
import { readFeedback, retryAfterMs } from './codec.ts';
import { createReceiptCheck, readMissing, type Receipts } from './lost.ts';
import type { Nudge } from './nudge.ts';
import type { SendContext } from './send.ts';

/** Seconds that the far side may hold a poll: below the 30 s after which many proxies cut idle requests. */
export const pollWaitS = 25;
/** How much longer than that the answer may take. */
const graceMs = 15_000;
/** 100 answers of at most 4 000 characters each. */
const maxReplyBytes = 2_000_000;

/** The request target of a poll, which is also the text that is signed (README.md, "Answers over the long poll"). */
export function pollTarget(
  feedbackUrl: string,
  cursor: string,
  source: string,
  have: readonly string[] = [],
  waitS = pollWaitS,
): URL {
  const url = new URL(feedbackUrl);
  url.hash = '';
  const asked = have.length === 0 ? '' : `&have=${have.map(encodeURIComponent).join(',')}`;
  const added = `after=${encodeURIComponent(cursor)}&waitS=${waitS}&source=${encodeURIComponent(source)}${asked}`;
  url.search = url.search === '' ? added : `${url.search.slice(1)}&${added}`;
  return url;
}

type Polled =
  | {
      readonly kind: 'answered';
      readonly feedback: readonly Feedback[];
      readonly cursor: string;
      /** Of what the poll asked about: what the far side does not have. */
      readonly missing: readonly string[];
    }
  | { readonly kind: 'failed'; readonly reason: string; readonly afterMs: number | null };

/** One poll. Never throws for what the far side does. */
async function poll(
  feedbackUrl: string,
  cursor: string,
  ask: { readonly have: readonly string[]; readonly waitS: number },
  context: SendContext & { readonly random: Random; readonly recipient: RecipientId | null },
  signal: AbortSignal,
): Promise<Polled> {
  const { clock, signer, logger, channel } = context;
  const url = pollTarget(feedbackUrl, cursor, context.source, ask.have, ask.waitS);
  const id = `poll-${context.random.id()}`;
  const exchange = await context.client.exchange({
    method: 'GET',
    url,
    headers: {
      accept: 'application/json',
      'user-agent': 'kanmen',
      ...signer.headers(id, `${url.pathname}${url.search}`, clock.now()),
    },
    body: null,
    timeoutMs: pollWaitS * 1000 + graceMs,
    maxReplyBytes,
    signal,
  });
  if (exchange.kind === 'failed') return { kind: 'failed', reason: exchange.reason, afterMs: null };
  if (exchange.status !== 200) {
    const afterMs = retryAfterMs(exchange.header('retry-after'), clock.now());
    return { kind: 'failed', reason: `status ${exchange.status}`, afterMs };
  }
  if (exchange.cut) return { kind: 'failed', reason: `more than ${maxReplyBytes} bytes`, afterMs: null };
  const signature = signer.judge(exchange, id, clock.now());
  if (signature !== 'good') {
    context.refused(signature, 'the reply to a poll');
    return { kind: 'failed', reason: `the reply is not signed by the far side: ${signature}`, afterMs: null };
  }
  const read = readFeedback(exchange.body, context.recipient);
  if (read.cursor === null) return { kind: 'failed', reason: 'the reply has no cursor', afterMs: null };
  if (read.faults.length > 0) logger.warn({ channel, faults: read.faults.slice(0, 5) }, 'feedback not understood');
  const missing = ask.have.length === 0 ? [] : readMissing(exchange.body);
  return { kind: 'answered', feedback: read.feedback, cursor: read.cursor, missing };
}

/**
 * Asks for answers until the signal aborts. An answer is confirmed by the next poll's cursor only after `onFeedback` has
 * resolved; where it rejects, the same answers are asked for again. An answer to an alert that is not there is passed over.
 * Each poll also asks whether the far side still has what it gave receipts for (lost.ts).
 */
export async function listenByPoll(
  feedbackUrl: string,
  context: SendContext & {
    readonly random: Random;
    readonly recipient: RecipientId | null;
    readonly receipts?: Receipts;
    readonly nudge: Nudge;
  },
  onFeedback: (feedback: Feedback) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger, channel } = context;
  const policy = { firstMs: 1000, maxMs: 60_000, factor: 2, jitterRatio: 0.3 };
  const fault = createRepeatedFault(clock, (what, count, facts) =>
    logger.warn({ channel, what, count, ...facts }, 'answers cannot be asked for'),
  );
  const check = context.receipts ? createReceiptCheck(context.receipts) : null;
  let cursor = '';
  let failures = 0;
  const backOff = async (what: string, reason: string, afterMs: number | null): Promise<void> => {
    failures += 1;
    fault(what, { reason });
    const waitMs = backoffMs(policy, failures, () => context.random.unit());
    // Whoever says when to come again is not asked before; else a notice that gets through ends the wait, too.
    if (afterMs !== null) await pause(clock, Math.max(waitMs, Math.min(afterMs, policy.maxMs)), signal);
    else await context.nudge.pause(waitMs, policy.firstMs, signal);
  };
  // A call, because the signal changes while the loop waits.
  const ended = (): boolean => signal.aborted;
  while (!ended()) {
    const askedMs = clock.monotonic();
    const walking = check?.walking() === true;
    const ask = { have: check?.next() ?? [], waitS: walking ? 0 : pollWaitS };
    const polled = await poll(feedbackUrl, cursor, ask, context, signal);
    if (ended()) return;
    if (polled.kind === 'failed') {
      await backOff('poll', polled.reason, polled.afterMs);
      continue;
    }
    try {
      for (const item of polled.feedback) await take(item, onFeedback, context);
      await check?.heard(polled.missing);
    } catch (error) {
      await backOff('store', messageOf(error), null);
      continue;
    }
    if (polled.missing.length > 0)
      logger.error({ channel, deliveries: polled.missing.length }, 'the far side has lost what it had received');
    failures = 0;
    // A far side that answers at once although it has nothing, or never moves its cursor on, is not to be hammered.
    const nothing = polled.feedback.length === 0 || polled.cursor === cursor;
    const idle = nothing && !walking && check?.walking() !== true;
    cursor = polled.cursor;
    const tookMs = clock.monotonic() - askedMs;
    if (idle && tookMs < 1000) await pause(clock, 1000 - tookMs, signal);
  }
}

async function take(
  item: Feedback,
  onFeedback: (feedback: Feedback) => Promise<void>,
  { logger, channel }: SendContext,
): Promise<void> {
  try {
    await onFeedback(item);
  } catch (error) {
    if (!isGatewayError(error, 'alert.unknown') && !isGatewayError(error, 'alert.not-allowed')) throw error;
    logger.warn({ channel, feedbackId: item.id, alertId: item.alertId, code: error.code }, 'feedback refused');
  }
}
