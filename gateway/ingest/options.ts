import { z } from 'zod';
import { listenAddress } from '../lib/listen-address.ts';
import { durationMs, sizeBytes } from '../lib/quantities.ts';

/** Where the embedded broker listens when nothing is said. All interfaces: the devices are on the network, not in the box. */
export const defaultMqttListen = { host: '0.0.0.0', port: 1883 } as const;
const defaultMqttsListen = { host: '0.0.0.0', port: 8883 } as const;

const tlsOptions = z.strictObject({
  listen: listenAddress(defaultMqttsListen, 'Where the embedded broker listens for MQTT over TLS'),
  certFile: z.string().min(1).describe('PEM file of the server certificate, chain included'),
  keyFile: z.string().min(1).describe('PEM file of its private key, readable by the gateway only'),
});

const externalOptions = z.strictObject({
  url: z
    .string()
    .regex(/^(mqtt|mqtts|tcp|tls|ws|wss):\/\/[^\s/@]+(\/\S*)?$/, {
      error: 'a broker such as mqtt://broker.example:1883 or mqtts://…, without user and password in it',
    })
    .describe('Address of the external broker; user name and password stand apart'),
  username: z.string().min(1).optional().describe('User name at the external broker, if it wants one'),
  passwordFile: z.string().min(1).optional().describe('File that holds the password at the external broker'),
  caFile: z.string().min(1).optional().describe('PEM file of the authority that signed the broker certificate'),
  protocol: z.enum(['5', '3.1.1']).default('5').describe('MQTT version to speak (5 or 3.1.1, default 5)'),
  connections: z
    .int()
    .min(1)
    .max(32)
    .default(4)
    .describe('Connections in the shared group; each handles one message at a time (1 to 32, default 4)'),
  share: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/, { error: 'a name of letters, digits, _ and -, at most 32' })
    .default('kanmen')
    .describe('Name of the shared subscription group; gateways that share one estate use the same'),
  clientId: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,48}$/, { error: 'a name of letters, digits, _ and -, at most 48' })
    .optional()
    .describe('Start of the client ids, different for each gateway; default kanmen-<site>'),
  sessionExpiry: durationMs({
    default: '1d',
    min: '1m',
    max: '30d',
    describe: 'How long the broker is asked to keep messages for this gateway while it is away (MQTT 5)',
  }),
});

/** Configuration key `mqtt`. With `external` and no `listen` the embedded broker does not run. */
export const mqttOptions = z
  .strictObject({
    listen: listenAddress(defaultMqttListen, 'Where the embedded broker listens for devices')
      .unwrap()
      .optional()
      .describe(
        'Where the embedded broker listens for devices (default 0.0.0.0:1883; without it and with external, nowhere)',
      ),
    tls: tlsOptions.optional().describe('The same over TLS, beside the plain address'),
    external: externalOptions.optional().describe('An external broker to take messages from'),
    maxClients: z
      .int()
      .min(1)
      .max(20_000)
      .default(5000)
      .describe('Connections the embedded broker accepts at once (1 to 20000, default 5000)'),
    maxPayloadBytes: sizeBytes({
      default: '16kB',
      min: '512B',
      max: '1MB',
      describe: 'Largest MQTT packet a device may send; the canonical ones are under 1 kB',
    }),
    maxMessagesPerMinute: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(1200)
      .describe('Messages a device may send in a minute before its socket is left unread (1 to 1000000, default 1200)'),
    silentAfter: z
      .strictObject({
        charger: durationMs({
          default: '10m',
          min: '1s',
          max: '7d',
          describe: 'A pile that has said nothing for this long is silent; piles beat every 3 min',
        }),
        fire: durationMs({
          default: '26h',
          min: '1s',
          max: '30d',
          describe: 'A fire sensor that has said nothing for this long is silent; battery sensors report once a day',
        }),
      })
      .prefault({})
      .describe('How long each class of device may say nothing'),
    clockSkew: durationMs({
      default: '5m',
      min: '5s',
      max: '1d',
      describe: 'A device whose clock differs from the gateway by more than this is reported once',
    }),
  })
  .prefault({})
  .describe('Devices that speak MQTT');

export type MqttOptions = z.output<typeof mqttOptions>;
export type ExternalBrokerOptions = z.output<typeof externalOptions>;
export type MqttTlsOptions = z.output<typeof tlsOptions>;
