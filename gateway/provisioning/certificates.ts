import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import type { EpochMs } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';

/** Paths of what `makeCertificates` wrote. Only `caCertFile` may leave the box: devices trust it. */
export interface CertificateFiles {
  readonly caCertFile: string;
  readonly caKeyFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** SHA-256 of the authority's certificate, for comparing by eye. */
  readonly caFingerprint: string;
  readonly expiresAt: EpochMs;
}

const dayMs = 86_400_000;
const caDays = 3650;
/** Longer is refused by Apple's and other systems, also for private authorities. */
const serverDays = 825;
/** A device's clock may be behind. */
const backdateMs = dayMs;

/**
 * Makes the gateway's own certificate authority (10 years) and a server certificate (825 days) for `names` (host names
 * and IP addresses), as PEM files in `folder` (0700), each 0600. An authority that is there already is used again, so
 * that renewing the server certificate does not touch the devices. Throws `certificate.unreadable` if half of it is gone.
 */
export async function makeCertificates(input: {
  readonly folder: string;
  readonly site: string;
  readonly names: readonly string[];
  readonly now: EpochMs;
}): Promise<CertificateFiles> {
  const { folder, now } = input;
  const files = {
    caCertFile: join(folder, 'ca.pem'),
    caKeyFile: join(folder, 'ca.key'),
    certFile: join(folder, 'server.pem'),
    keyFile: join(folder, 'server.key'),
  };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const validFor = (days: number) => ({
    keyType: 'ec' as const,
    curve: 'P-256' as const,
    algorithm: 'sha256',
    notBeforeDate: new Date(now - backdateMs),
    notAfterDate: new Date(now + days * dayMs),
  });

  const readCa = async (): Promise<{ cert: string; key: string }> => {
    try {
      const cert = await readFile(files.caCertFile, 'utf8');
      const key = await readFile(files.caKeyFile, 'utf8');
      if (!new X509Certificate(cert).ca) throw new Error('not an authority');
      return { cert, key };
    } catch (error) {
      throw new GatewayError('certificate.unreadable', `the authority in ${folder} cannot be used`, {
        facts: { folder },
        cause: error,
      });
    }
  };
  const makeCa = async (): Promise<{ cert: string; key: string }> => {
    const made = await generate([{ name: 'commonName', value: `Kanmen ${input.site.replace(/[^\w.-]/g, '_')}` }], {
      ...validFor(caDays),
      extensions: [
        { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
        { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      ],
    });
    await writePrivate(files.caKeyFile, made.private);
    await writePrivate(files.caCertFile, made.cert);
    return { cert: made.cert, key: made.private };
  };
  const ca = existsSync(files.caCertFile) || existsSync(files.caKeyFile) ? await readCa() : await makeCa();

  const server = await generate([{ name: 'commonName', value: 'Kanmen gateway' }], {
    ...validFor(serverDays),
    ca,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [...new Set(['localhost', '127.0.0.1', '::1', ...input.names])].map((name) =>
          isIP(name) === 0 ? { type: 2 as const, value: name } : { type: 7 as const, ip: name },
        ),
      },
    ],
  });
  await writePrivate(files.keyFile, server.private);
  await writePrivate(files.certFile, `${server.cert.trimEnd()}\n${ca.cert.trimEnd()}\n`);
  return {
    ...files,
    caFingerprint: new X509Certificate(ca.cert).fingerprint256,
    expiresAt: (now + serverDays * dayMs) as EpochMs,
  };
}

/** Written beside and moved into place: a reader never sees half a key, and the mode is right from the first byte. */
async function writePrivate(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  await writeFile(beside, text, { mode: 0o600 });
  await chmod(beside, 0o600);
  await rename(beside, path);
}
