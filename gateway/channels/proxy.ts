import { z } from 'zod';
import { httpUrl } from './plain-url.ts';
import { readSecretFile } from './secret-file.ts';
import type { ChannelSetup } from './setup.ts';

/** The proxy through which a channel reaches its far side, where the compound has no other way out. */
export const proxyOptions = z
  .strictObject({
    url: httpUrl('Address of the HTTP proxy: https goes through CONNECT, http as a request to the proxy.'),
    username: z.string().min(1).max(100).optional().describe('Name at the proxy (Basic).'),
    passwordFile: z.string().min(1).optional().describe('File with the password at the proxy.'),
  })
  .optional()
  .describe(
    'Proxy on the way out. Names are then looked up by the proxy, so allowPrivate: false only refuses addresses written as numbers.',
  );
export type ProxyOptions = z.output<typeof proxyOptions>;

/** A proxy ready to be used. */
export interface Proxy {
  readonly url: URL;
  /** Value of `Proxy-Authorization`; null where it asks for none. */
  readonly authorization: string | null;
}

/** Reads what a proxy needs; null where none is configured. GatewayError `config.secret-missing`. */
export async function openProxy(setup: ChannelSetup, options: ProxyOptions): Promise<Proxy | null> {
  if (options === undefined) return null;
  const { url, username, passwordFile } = options;
  const password =
    passwordFile === undefined ? '' : (await readSecretFile(setup, passwordFile, 'password at the proxy')).trim();
  return {
    url: new URL(url),
    authorization: username === undefined ? null : `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
  };
}
