import { z } from 'zod';
import { listenAddress } from '../lib/listen-address.ts';
import { durationMs } from '../lib/quantities.ts';

function isPlainHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === '');
}

/** Options of the HTTP API and the dashboard. */
export const apiOptions = z.strictObject({
  listen: listenAddress(
    { host: '0.0.0.0', port: 8080 },
    'Where the dashboard and the API listen; 127.0.0.1 behind a reverse proxy',
  ),
  publicUrl: z
    .string()
    .refine(
      isPlainHttpUrl,
      'an http:// or https:// address without user name, password, query or fragment, such as https://gate.example:8443',
    )
    .transform((text) => text.replace(/\/+$/, ''))
    .optional()
    .describe(
      'Address at which recipients reach this gateway, for links to pictures and clips (https, by a reverse proxy); absent: no links',
    ),
  sessionLifetime: durationMs({
    default: '12h',
    min: '5m',
    max: '30d',
    describe: 'How long a login lasts; one shift by default',
  }),
  secureCookies: z
    .boolean()
    .default(false)
    .describe('true when the dashboard is reached through HTTPS only, so that the cookie never travels in the clear'),
  liveVideo: z
    .strictObject({
      role: z
        .enum(['manager', 'admin'])
        .default('manager')
        .describe(
          'Least role that may look at live pictures, where faces are not blurred; each look is written into the audit log',
        ),
      transcodersAtOnce: z
        .int()
        .min(0)
        .max(8)
        .default(2)
        .describe(
          'Cameras transcoded at once for browsers that cannot play their codec; each encodes all the time it is watched (0 to 8, default 2)',
        ),
    })
    .prefault({})
    .describe('Live pictures in the dashboard'),
  metricsTokenFile: z
    .string()
    .optional()
    .describe(
      'File with the token that /metrics asks for (Bearer) from other machines; without it only loopback may read',
    ),
});
export type ApiOptions = z.output<typeof apiOptions>;
