/** Reading what platforms answer (standards.md 1.5), as tolerantly as they differ. */
import { judge } from '../webhook/codec.ts';
import type { Exchange } from '../webhook/http-exchange.ts';

/** One ResponseStatusObject. */
export interface ViidStatus {
  readonly id: string | null;
  readonly code: number;
  readonly text: string;
}

/** What a reply comes to for the request it answers. */
export type Verdict =
  | { readonly kind: 'ok'; readonly receipt: string }
  /** 401: not registered, or the nonce is too old. `challenge`: the values of WWW-Authenticate. */
  | { readonly kind: 'unauthorised'; readonly challenge: readonly string[] }
  /** Status 9: the platform was restarted and has forgotten who is registered. */
  | { readonly kind: 'rebooted'; readonly reason: string }
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number | null }
  | { readonly kind: 'rejected'; readonly reason: string };

/** Status codes of GA/T 1400.4. */
const names = new Map([
  [0, 'OK'],
  [1, 'OtherError'],
  [2, 'Device Busy'],
  [3, 'Device Error'],
  [4, 'Invalid Operation'],
  [5, 'Invalid XML Format'],
  [6, 'Invalid XML Content'],
  [7, 'Invalid JSON Format'],
  [8, 'Invalid JSON Content'],
  [9, 'Reboot'],
]);

/** Every object with a StatusCode in a body, wherever it stands and however it is spelt. Never throws. */
export function statusesOf(body: unknown): ViidStatus[] {
  const found: ViidStatus[] = [];
  const walk = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null || depth > 6 || found.length > 1000) return;
    if (Array.isArray(value)) {
      for (const item of value as unknown[]) walk(item, depth + 1);
      return;
    }
    const byName = new Map(Object.entries(value).map(([key, inner]) => [key.toLowerCase(), inner as unknown]));
    const code = numberOf(byName.get('statuscode'));
    if (code === null) {
      for (const inner of byName.values()) walk(inner, depth + 1);
      return;
    }
    const id = byName.get('id');
    const text = byName.get('statusstring');
    found.push({
      id: typeof id === 'string' && id !== '' ? id : null,
      code,
      text: typeof text === 'string' ? text.slice(0, 200) : '',
    });
  };
  walk(body, 0);
  return found;
}

function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isInteger(value) ? value : null;
  return typeof value === 'string' && /^\d{1,3}$/.test(value.trim()) ? Number(value) : null;
}

/** The JSON of a body, or null where there is none; a byte order mark is passed over. */
export function jsonOf(body: Uint8Array): { readonly value: unknown } | null {
  const text = new TextDecoder().decode(body).trim();
  if (text === '') return null;
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
}

/**
 * Judges a reply, per object: the status that carries `id` decides, else the worst there is. A 2xx without any status is
 * taken for success if its body is empty or JSON; a page of HTML is not, since it comes from something in between.
 */
export function verdictOf(exchange: Exchange, id: string | null, nowMs: number): Verdict {
  if (exchange.kind === 'reply' && exchange.status === 401) {
    const challenge = exchange.header('www-authenticate');
    return { kind: 'unauthorised', challenge: challenge === null ? [] : splitChallenges(challenge) };
  }
  const parsed = exchange.kind === 'reply' ? jsonOf(exchange.body) : null;
  const statuses = statusesOf(parsed?.value);
  const own = statuses.find((status) => status.id !== null && status.id === id);
  const worst = own ?? statuses.find(({ code }) => code !== 0) ?? statuses[0];
  const byHttp = judge(exchange, nowMs);
  if (worst && worst.code !== 0 && (byHttp === 'received' || byHttp.kind === 'rejected')) return ofStatus(worst);
  if (byHttp !== 'received') return byHttp;
  if (exchange.kind === 'failed') throw new Error('a failed exchange cannot be a receipt');
  if (!worst && parsed === null && exchange.body.byteLength > 0)
    return { kind: 'retry', reason: `status ${exchange.status}, but the reply is no JSON`, afterMs: null };
  return { kind: 'ok', receipt: worst ? `${exchange.status} ${worst.text || 'OK'}` : `${exchange.status}` };
}

function ofStatus({ code, text }: ViidStatus): Verdict {
  const reason = `StatusCode ${code} ${names.get(code) ?? 'unknown'}${text === '' ? '' : `: ${text}`}`;
  if (code === 9) return { kind: 'rebooted', reason };
  // 1 and 3 say nothing against the object: platforms give them for a database that is down.
  if (code >= 4 && code <= 8) return { kind: 'rejected', reason };
  return { kind: 'retry', reason, afterMs: null };
}

/** Several challenges may have been joined into one header line by commas. */
function splitChallenges(header: string): string[] {
  return header.split(/,\s*(?=(?:basic|digest)\s)/i);
}
