import { signWebhook, verifyWebhook } from '../../lib/standard-webhooks.ts';
import type { Exchange } from './http-exchange.ts';

/** Signs what goes out and checks what comes back, with the keys of one channel. */
export interface Signer {
  /** Headers over a body; `nowMs` is the moment of this try. */
  headers(id: string, body: string | Uint8Array, nowMs: number): Record<string, string>;
  /** Whether a reply carries our far side's signature for the request of this id. */
  isSigned(reply: Extract<Exchange, { kind: 'reply' }>, id: string, nowMs: number): boolean;
}

/** `keys`: the current one first, then those of before while a secret is being changed. */
export function createSigner(keys: readonly Uint8Array[]): Signer {
  return {
    headers: (id, body, nowMs) => signWebhook({ keys, id, timestampS: Math.floor(nowMs / 1000), body }),
    isSigned: (reply, id, nowMs) => {
      const verdict = verifyWebhook({ keys, header: reply.header, body: reply.body, nowMs });
      return verdict.kind === 'valid' && verdict.id === id;
    },
  };
}
