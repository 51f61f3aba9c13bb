import { signWebhook, verifyWebhook, webhookHeaders } from '../../lib/standard-webhooks.ts';
import type { Exchange } from './http-exchange.ts';

/** How a reply is signed: `good`, not at all, or what is wrong with it. `replayed`: signed for another request. */
export type ReplySignature = 'good' | 'unsigned' | 'wrong-signature' | 'expired' | 'replayed';

/** Signs what goes out and checks what comes back, with the keys of one channel. */
export interface Signer {
  /** Headers over a body; `nowMs` is the moment of this try. */
  headers(id: string, body: string | Uint8Array, nowMs: number): Record<string, string>;
  /** Whether a reply carries our far side's signature for the request of this id. */
  judge(reply: Extract<Exchange, { kind: 'reply' }>, id: string, nowMs: number): ReplySignature;
}

/** `keys`: the current one first, then those of before while a secret is being changed. */
export function createSigner(keys: readonly Uint8Array[]): Signer {
  return {
    headers: (id, body, nowMs) => signWebhook({ keys, id, timestampS: Math.floor(nowMs / 1000), body }),
    judge: (reply, id, nowMs) => {
      if (Object.values(webhookHeaders).every((name) => reply.header(name) === null)) return 'unsigned';
      const verdict = verifyWebhook({ keys, header: reply.header, body: reply.body, nowMs });
      if (verdict.kind === 'valid') return verdict.id === id ? 'good' : 'replayed';
      return verdict.reason === 'too-old' || verdict.reason === 'too-new' ? 'expired' : 'wrong-signature';
    },
  };
}
