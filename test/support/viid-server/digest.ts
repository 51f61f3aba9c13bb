import { createHash, randomBytes } from 'node:crypto';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** `response` of RFC 2617 section 3.2.2 for MD5, with qop=auth or without. */
export function digestResponse(given: {
  readonly username: string;
  readonly realm: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  readonly qop: { readonly nc: string; readonly cnonce: string } | null;
}): { readonly ha1: string; readonly ha2: string; readonly response: string } {
  const ha1 = md5(`${given.username}:${given.realm}:${given.password}`);
  const ha2 = md5(`${given.method}:${given.uri}`);
  const middle = given.qop === null ? given.nonce : `${given.nonce}:${given.qop.nc}:${given.qop.cnonce}:auth`;
  return { ha1, ha2, response: md5(`${ha1}:${middle}:${ha2}`) };
}

/** Challenges and checks; a nonce is good until it is told to be old, and each count of it once. */
export function createDigestDoor(realm: string, users: Readonly<Record<string, string>>, qop: boolean) {
  const nonces = new Map<string, number>();
  return {
    challenge: (): string => {
      const nonce = randomBytes(16).toString('hex');
      nonces.set(nonce, 0);
      const parts = [`realm="${realm}"`, ...(qop ? ['qop="auth"'] : []), 'algorithm=MD5', `nonce="${nonce}"`];
      return `Digest ${parts.join(', ')}, opaque="${md5(realm)}"`;
    },
    expire: (): void => nonces.clear(),
    /** Null where the header is a right answer; else what is wrong with it. */
    fault: (header: string | undefined, method: string, path: string): string | null => {
      if (header === undefined) return 'no Authorization';
      const fields = new Map(
        [...header.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map(([, name, quoted, plain]) => [
          name ?? '',
          quoted ?? plain ?? '',
        ]),
      );
      const field = (name: string): string => fields.get(name) ?? '';
      const nonce = field('nonce');
      const used = nonces.get(nonce);
      if (used === undefined) return 'nonce unknown or too old';
      const uri = field('uri');
      if (new URL(uri, 'http://platform').pathname !== path) return 'uri is of another request';
      if (field('realm') !== realm || field('opaque') !== md5(realm)) return 'realm or opaque is not ours';
      const password = users[field('username')];
      if (password === undefined) return 'no such user';
      if (qop) {
        const count = Number.parseInt(field('nc'), 16);
        if (!/^[0-9a-f]{8}$/.test(field('nc')) || count <= used || field('qop') !== 'auth') return 'nc or qop is wrong';
        nonces.set(nonce, count);
      }
      const expected = digestResponse({
        ...{ username: field('username'), realm, password, method, uri, nonce },
        qop: qop ? { nc: field('nc'), cnonce: field('cnonce') } : null,
      });
      return expected.response === field('response') ? null : 'response is wrong';
    },
  };
}
