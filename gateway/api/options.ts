import { z } from 'zod';
import { listenAddress } from '../lib/listen-address.ts';
import { durationMs } from '../lib/quantities.ts';

/** Options of the HTTP API and the dashboard. */
export const apiOptions = z.strictObject({
  listen: listenAddress(
    { host: '0.0.0.0', port: 8080 },
    'Where the dashboard and the API listen; 127.0.0.1 behind a reverse proxy',
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
