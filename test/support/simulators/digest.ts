import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** HTTP Digest as RTSP 1.0 cameras speak it (RFC 2617 without qop, MD5: what ffmpeg, GStreamer and VLC all answer). */
export interface DigestGuard {
  challenge(): string;
  /** Whether an Authorization header answers one of our challenges for this method. */
  allows(header: string | undefined, method: string): boolean;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Nonces of one connection; another connection gets its own. */
export function createDigestGuard(realm: string, credentials: () => Credentials): DigestGuard {
  const nonce = randomBytes(16).toString('hex');
  return {
    challenge: () => `Digest realm="${realm}", nonce="${nonce}", algorithm=MD5`,
    allows: (header, method) => {
      if (!header?.toLowerCase().startsWith('digest ')) return false;
      const fields = new Map(
        [...header.slice(7).matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map((found) => [
          found[1]!.toLowerCase(),
          found[2] ?? found[3] ?? '',
        ]),
      );
      const { user, password } = credentials();
      const uri = fields.get('uri') ?? '';
      if (fields.get('username') !== user || fields.get('nonce') !== nonce || fields.get('realm') !== realm)
        return false;
      const expected = Buffer.from(md5(`${md5(`${user}:${realm}:${password}`)}:${nonce}:${md5(`${method}:${uri}`)}`));
      const given = Buffer.from((fields.get('response') ?? '').toLowerCase());
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}
