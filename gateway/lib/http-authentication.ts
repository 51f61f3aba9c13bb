import { createHash } from 'node:crypto';

/** One `WWW-Authenticate` challenge: RFC 7616 (Digest, MD5 and SHA-256, with or without qop) or RFC 7617 (Basic). */
export type Challenge =
  | { readonly scheme: 'basic'; readonly realm: string }
  | {
      readonly scheme: 'digest';
      readonly realm: string;
      readonly nonce: string;
      readonly opaque: string | null;
      readonly algorithm: 'MD5' | 'SHA-256';
      readonly qop: 'auth' | null;
    };

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/**
 * The strongest challenge that we can answer among the `WWW-Authenticate` values of one response; null if there is none.
 * Cameras and platforms send one header a scheme, some with the scheme's name in odd case.
 */
export function chooseChallenge(values: readonly string[]): Challenge | null {
  const challenges = values.map(parseChallenge).filter((challenge) => challenge !== null);
  const rank = (challenge: Challenge): number =>
    challenge.scheme === 'basic' ? 2 : challenge.algorithm === 'MD5' ? 1 : 0;
  return challenges.sort((a, b) => rank(a) - rank(b))[0] ?? null;
}

function parseChallenge(value: string): Challenge | null {
  const found = /^\s*(basic|digest)\s+(.*)$/is.exec(value);
  if (!found) return null;
  const fields = new Map<string, string>();
  for (const [, name, quoted, plain] of (found[2] ?? '').matchAll(
    /([a-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/gi,
  )) {
    if (name !== undefined) fields.set(name.toLowerCase(), quoted ?? plain ?? '');
  }
  const realm = fields.get('realm') ?? '';
  if (found[1]?.toLowerCase() === 'basic') return { scheme: 'basic', realm };
  const algorithm = (fields.get('algorithm') ?? 'MD5').toUpperCase();
  const nonce = fields.get('nonce');
  if (nonce === undefined || (algorithm !== 'MD5' && algorithm !== 'SHA-256')) return null;
  const offered = (fields.get('qop') ?? '').split(',').map((word) => word.trim().toLowerCase());
  return {
    scheme: 'digest',
    realm,
    nonce,
    opaque: fields.get('opaque') ?? null,
    algorithm,
    qop: offered.includes('auth') ? 'auth' : null,
  };
}

/**
 * Value of the `Authorization` header for one request. `count` is how often this nonce was used (1, 2, …), `cnonce` any
 * unpredictable text.
 */
export function authorize(
  challenge: Challenge,
  credentials: Credentials,
  request: { readonly method: string; readonly uri: string },
  use: { readonly count: number; readonly cnonce: string },
): string {
  const { username, password } = credentials;
  if (challenge.scheme === 'basic') return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const hash = (text: string): string =>
    createHash(challenge.algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex');
  const ha1 = hash(`${username}:${challenge.realm}:${password}`);
  const ha2 = hash(`${request.method}:${request.uri}`);
  const count = use.count.toString(16).padStart(8, '0');
  const response = hash(
    challenge.qop === null
      ? `${ha1}:${challenge.nonce}:${ha2}`
      : `${ha1}:${challenge.nonce}:${count}:${use.cnonce}:auth:${ha2}`,
  );
  const parts = [
    `username="${username.replace(/["\\]/g, '\\$&')}"`,
    `realm="${challenge.realm}"`,
    `nonce="${challenge.nonce}"`,
    `uri="${request.uri}"`,
    `response="${response}"`,
    `algorithm=${challenge.algorithm}`,
  ];
  if (challenge.qop !== null) parts.push(`qop=auth`, `nc=${count}`, `cnonce="${use.cnonce}"`);
  if (challenge.opaque !== null) parts.push(`opaque="${challenge.opaque}"`);
  return `Digest ${parts.join(', ')}`;
}
