import { z } from 'zod';
import { idPattern } from '../domain/ids.ts';
import { listenAddress } from '../lib/listen-address.ts';
import { durationMs, sizeBytes } from '../lib/quantities.ts';

const idForm = 'letters, digits, _ . -, up to 64, beginning with a letter or digit';

const gatewaySchema = z
  .strictObject({
    id: z
      .string()
      .regex(idPattern, `an id: ${idForm}`)
      .describe(`Stands in the URL that the gateway sends to, /notices/<id>: ${idForm}`),
    name: z.string().min(1).max(100).describe('What officers call it: the name of the compound'),
    secretFile: z
      .string()
      .min(1)
      .describe('File with the secret shared with this gateway, whsec_…; relative to the configuration file'),
    previousSecretFile: z
      .string()
      .min(1)
      .optional()
      .describe('The secret before the last change: accepted as well, so that it can be changed without a gap'),
  })
  .describe('One gateway that sends here');

/** The whole of desk.yaml. Closed: an unknown key is an error. */
export const deskOptionsSchema = z
  .strictObject({
    dataDir: z.string().min(1).default('data').describe('Folder for database and evidence; relative to this file'),
    title: z
      .string()
      .min(1)
      .max(100)
      .default('Kanmen 值班台')
      .describe("The station's name, shown at the top of the page"),
    listen: listenAddress({ host: '0.0.0.0', port: 8090 }, 'Where gateways and browsers reach the desk'),
    webRoot: z
      .string()
      .min(1)
      .optional()
      .describe('Folder of the built page; default: the one that comes with the program'),
    gateways: z
      .array(gatewaySchema)
      .max(1000)
      .default([])
      .superRefine((gateways, context) => {
        const seen = new Map<string, number>();
        gateways.forEach((gateway, index) => {
          const first = seen.get(gateway.id);
          if (first === undefined) seen.set(gateway.id, index);
          else
            context.addIssue({
              code: 'custom',
              path: [index, 'id'],
              message: `two gateways with the id ${gateway.id}; the first is gateways[${first}]`,
              params: { says: 'fault' },
            });
        });
      })
      .describe('The gateways that may send here, each with its own secret'),
    maxNoticeBytes: sizeBytes({
      default: '16MB',
      min: '100kB',
      max: '100MB',
      // A sender inlines pictures up to 8 MB in all (channels/webhook); base64 makes them a third larger.
      describe: 'Largest notice accepted, evidence included',
    }),
    gatewaySilentAfter: durationMs({
      default: '90s',
      min: '1s',
      max: '1d',
      describe: 'A gateway that says nothing for this long is shown as silent; it asks for answers every 25 s',
    }),
    sessionLifetime: durationMs({
      default: '12h',
      min: '5m',
      max: '30d',
      describe: 'How long a login lasts; one shift by default',
    }),
    secureCookies: z
      .boolean()
      .default(false)
      .describe('true when the desk is reached through HTTPS only, so that the cookie never travels in the clear'),
    log: z
      .strictObject({
        level: z
          .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
          .default('info')
          .describe('Least severity that is written'),
      })
      .prefault({})
      .describe('Log lines, JSON on stderr'),
  })
  .describe("Configuration of a station's desk");

export type DeskOptions = z.output<typeof deskOptionsSchema>;
