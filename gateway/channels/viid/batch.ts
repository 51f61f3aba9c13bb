import { messageOf } from '../../lib/errors.ts';
import type { Exchange } from '../webhook/http-exchange.ts';
import { listRequest, type BuiltObject } from './objects.ts';
import { jsonOf, statusesOf, verdictOf } from './reply.ts';
import type { ViidSession } from './session.ts';

type Answer = Awaited<ReturnType<ViidSession['request']>>;

interface Waiting {
  readonly built: BuiltObject;
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
  readonly settle: (answer: Answer) => void;
}

const aborted: Answer = { kind: 'retry', reason: 'aborted', afterMs: null };

/**
 * Sends objects in lists, as the standard means them to be: what comes while a list of its kind is on its way goes together
 * in the next, up to `maxObjects` and `maxBytes`. Nothing waits for company, so a single object goes at once. The status
 * that carries an object's id decides about it; a refusal that names nobody is found out by sending each alone.
 */
export function createBatches(given: {
  readonly session: Pick<ViidSession, 'request'>;
  readonly maxObjects: number;
  readonly maxBytes: number;
  readonly now: () => number;
}): { send(built: BuiltObject, signal: AbortSignal): Promise<Answer> } {
  const { session } = given;
  const queues = new Map<BuiltObject['kind'], { waiting: Waiting[]; busy: boolean }>();

  const alone = ({ built, signal }: Waiting): Promise<Answer> => {
    const { uri, body } = listRequest([built]);
    return session.request({ method: 'POST', uri, body, objectId: built.id }, signal);
  };

  const together = async (batch: readonly Waiting[]): Promise<void> => {
    const [first] = batch;
    if (!first) return;
    if (batch.length === 1) {
      first.settle(await alone(first));
      return;
    }
    const { uri, body } = listRequest(batch.map(({ built }) => built));
    const ending = new AbortController();
    // Given up only when nobody waits for it any more.
    const check = (): void => {
      if (batch.every(({ signal }) => signal.aborted)) ending.abort();
    };
    for (const { signal } of batch) signal.addEventListener('abort', check, { once: true });
    const heard: { reply: Exchange | null } = { reply: null };
    const answer = await session.request(
      { method: 'POST', uri, body, objectId: null, onReply: (reply) => (heard.reply = reply) },
      ending.signal,
    );
    for (const { signal } of batch) signal.removeEventListener('abort', check);
    const { reply } = heard;
    const named = namedIn(reply);
    const unsure: Waiting[] = [];
    for (const one of batch) {
      if (reply !== null && named.has(one.built.id)) {
        const own = verdictOf(reply, one.built.id, given.now());
        one.settle(
          own.kind === 'unauthorised' || own.kind === 'rebooted'
            ? { kind: 'retry', reason: own.kind, afterMs: null }
            : own,
        );
      } else if (answer.kind === 'rejected') unsure.push(one);
      else if (answer.kind === 'retry' && named.size > 0 && reply !== null)
        one.settle({ kind: 'retry', reason: 'the platform says nothing of this object', afterMs: null });
      else one.settle(answer);
    }
    for (const one of unsure) one.settle(one.signal.aborted ? aborted : await alone(one));
  };

  const pump = (kind: BuiltObject['kind']): void => {
    const queue = queues.get(kind);
    if (!queue || queue.busy) return;
    const batch: Waiting[] = [];
    let sizeBytes = 0;
    while (queue.waiting.length > 0 && batch.length < given.maxObjects) {
      const next = queue.waiting[0];
      if (!next || (batch.length > 0 && sizeBytes + next.sizeBytes > given.maxBytes)) break;
      queue.waiting.shift();
      if (next.signal.aborted) continue;
      sizeBytes += next.sizeBytes;
      batch.push(next);
    }
    if (batch.length === 0) return;
    queue.busy = true;
    together(batch)
      .catch((error: unknown) => {
        for (const { settle } of batch) settle({ kind: 'retry', reason: messageOf(error), afterMs: null });
      })
      .finally(() => {
        queue.busy = false;
        pump(kind);
      });
  };

  return {
    send: (built, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) {
          resolve(aborted);
          return;
        }
        const onAbort = (): void => resolve(aborted);
        signal.addEventListener('abort', onAbort, { once: true });
        const settle = (answer: Answer): void => {
          signal.removeEventListener('abort', onAbort);
          resolve(answer);
        };
        let queue = queues.get(built.kind);
        if (!queue) queues.set(built.kind, (queue = { waiting: [], busy: false }));
        queue.waiting.push({ built, sizeBytes: JSON.stringify(built.body).length, signal, settle });
        pump(built.kind);
      }),
  };
}

/** Ids that the reply has a status of its own for. */
function namedIn(reply: Exchange | null): ReadonlySet<string> {
  if (reply?.kind !== 'reply') return new Set();
  return new Set(statusesOf(jsonOf(reply.body)?.value).flatMap(({ id }) => id ?? []));
}
