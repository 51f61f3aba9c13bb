import { IANAZone } from 'luxon';
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
    timeZone: z
      .string()
      .refine((zone) => IANAZone.isValidZone(zone), 'a time zone such as Asia/Shanghai')
      .default('Asia/Shanghai')
      .describe('What a day and a month are in the figures'),
    publicUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Where gateways and browsers reach this desk, such as https://desk.example; stands in invitations'),
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
    database: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('sqlite') }).describe('One file under dataDir: for a station'),
        z
          .strictObject({
            kind: z.literal('postgres'),
            urlFile: z
              .string()
              .min(1)
              .describe('File that holds postgres://user:password@host:port/database, for nobody else to read'),
          })
          .describe('A PostgreSQL server, 12 or newer: for a district'),
      ])
      .default({ kind: 'sqlite' })
      .describe('Where the desk keeps its data; pictures are files under dataDir in either case'),
    tls: z
      .strictObject({
        certFile: z.string().min(1).describe('Certificate with its chain, PEM; read again when it changes'),
        keyFile: z.string().min(1).describe('Its private key, PEM'),
      })
      .optional()
      .describe('TLS of its own; without it put a proxy in front that speaks HTTPS, or stay within the station'),
    trustProxy: z
      .boolean()
      .default(false)
      .describe('true behind a proxy of your own: login limits then go by X-Forwarded-For'),
    evidence: z
      .strictObject({
        keyFile: z
          .string()
          .min(1)
          .optional()
          .describe('Key that pictures, gateways’ keys and second factors are sealed under; default: dataDir/desk.key'),
        previousKeyFiles: z
          .array(z.string().min(1))
          .max(10)
          .default([])
          .describe('Keys of before, which still open what they sealed'),
        fetchUpTo: sizeBytes({
          default: '64MB',
          min: '0B',
          max: '1GB',
          describe: 'Pictures and clips that a gateway only names are fetched up to this size; 0B: never',
        }),
      })
      .prefault({})
      .describe('Pictures and clips, sealed on disk'),
    retention: z
      .strictObject({
        evidence: durationMs({
          default: '90d',
          min: '1d',
          max: '3650d',
          describe: 'How long pictures and clips of ended alerts are kept',
        }),
        alerts: durationMs({
          default: '1095d',
          min: '30d',
          max: '7300d',
          describe: 'How long ended alerts are kept with their answers',
        }),
        passages: durationMs({
          default: '30d',
          min: '1d',
          max: '3650d',
          describe: 'How long shared passages (plates) are kept',
        }),
        audit: durationMs({
          default: '400d',
          min: '180d',
          max: '7300d',
          describe: 'How long the audit log is kept; the law asks for six months',
        }),
      })
      .prefault({})
      .describe('What is deleted after how long; open alerts never are'),
    secondFactor: z
      .enum(['off', 'option', 'wanted'])
      .default('option')
      .describe('Codes of a telephone at login: off, for those who set one up, or wanted of everybody (the page asks)'),
    push: z
      .strictObject({
        enabled: z
          .boolean()
          .default(true)
          .describe('Web Push to browsers whose page is closed; needs HTTPS and the Internet'),
        contact: z
          .string()
          .regex(/^(mailto:|https:)/, 'mailto: or https:')
          .default('mailto:kanmen@localhost')
          .describe('Whom the push service may write to about these messages (VAPID)'),
        services: z
          .array(z.string().regex(/^(\*\.)?[a-z0-9.-]+$/i, 'a host name, or *.domain'))
          .max(50)
          .default(['fcm.googleapis.com', '*.push.services.mozilla.com', '*.notify.windows.com', '*.push.apple.com'])
          .describe('Hosts of push services that browsers may name; the desk sends nowhere else'),
        repeatEvery: durationMs({
          default: '1m',
          min: '10s',
          max: '1h',
          describe: 'How often a red alert that nobody has taken is pushed again',
        }),
      })
      .prefault({})
      .describe('Notifications'),
    gatewaySilentAlertAfter: durationMs({
      default: '5m',
      min: '2s',
      max: '7d',
      describe: 'A gateway that says nothing for this long is an alert of the desk itself',
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
