import { z } from 'zod';
import { listenAddress } from '../../lib/listen-address.ts';
import { durationMs, sizeBytes } from '../../lib/quantities.ts';
import { httpUrl } from '../plain-url.ts';
import { deviceIdPattern, orgCodePattern } from './ids.ts';
import { profiles, profileSchema } from './profile.ts';

const code = (what: string) =>
  z.string().regex(deviceIdPattern, '20 digits, as the station issues them').describe(what);

const deviceOptions = z.strictObject({
  id: code('ApeID of the camera.'),
  name: z.string().min(1).max(100).optional().describe('Name at the platform; absent: that of the camera.'),
  tollgateId: code('TollgateID of the gate at which it stands.').optional(),
  model: z.string().max(100).default('').describe('Model of the camera.'),
  ipAddress: z.string().max(30).default('').describe('Address of the camera, if the platform is to know it.'),
  port: z.int().min(0).max(65_535).default(0).describe('Port of the camera, if the platform is to know it.'),
  longitude: z.number().min(-180).max(180).optional().describe('Degrees east.'),
  latitude: z.number().min(-90).max(90).optional().describe('Degrees north.'),
  placeCode: z
    .string()
    .regex(/^\d{6}$/, '6 digits')
    .optional()
    .describe('Code of the district (行政区划).'),
  place: z.string().max(256).optional().describe('Where it stands.'),
  functionType: z
    .enum(['1', '2', '3', '4', '5', '6', '99'])
    .default('1')
    .describe('1 vehicle gate, 2 person gate, 3 small gate, 4 feature camera, 5 plain, 6 high place, 99 other.'),
  laneNo: z.int().min(1).max(99).default(1).describe('Lane, the leftmost is 1.'),
  inwards: z
    .enum(['1', '2', '3', '4', '5', '6', '7', '8', '9'])
    .optional()
    .describe('Direction of a vehicle that comes in: 1 W→E, 2 E→W, 3 N→S, 4 S→N, 5 to 8 diagonal, 9 other.'),
});
export type ViidDevice = z.output<typeof deviceOptions>;

/** One `channels.<id>` of kind viid: a platform that speaks GA/T 1400. File names are relative to the configuration's folder. */
export const viidOptions = z.strictObject({
  kind: z.literal('viid'),
  url: httpUrl('Address of the platform, without /VIID.'),
  deviceId: code('Code of this gateway at the platform.'),
  serverId: code('Code of the platform; asked of whoever calls the gateway.').optional(),
  username: z.string().min(1).max(64).optional().describe('Name for Digest; absent: deviceId.'),
  passwordFile: z.string().min(1).optional().describe('File with the password for Digest; absent: an empty one.'),
  orgCode: z
    .string()
    .regex(orgCodePattern, '12 digits, as the station issues them')
    .describe('Code of the organisation.'),
  devices: z
    .record(z.string(), deviceOptions)
    .default({})
    .describe('The platform’s codes for the cameras, by camera id; a camera without one is not known to the platform.'),
  profile: z
    .union([z.enum(Object.keys(profiles) as [keyof typeof profiles]), profileSchema])
    .default('standard')
    .describe('The ways of the city: standard, ningbo, or its differences from the standard.'),
  passagesBy: z
    .enum(['push', 'subscription', 'both'])
    .default('push')
    .describe('Passages go to the platform as they come, only to its subscriptions, or both.'),
  keepaliveEvery: durationMs({
    default: '60s',
    min: '1s',
    max: '10m',
    describe: 'How often the platform is told that the gateway is there.',
  }),
  keepaliveMisses: z.int().min(1).max(20).default(3).describe('Keep-alives that fail in a row before health says so.'),
  timeout: durationMs({ default: '15s', min: '100ms', max: '2m', describe: 'How long one request may take.' }),
  picturesUpTo: sizeBytes({
    default: '500kB',
    min: '0B',
    max: '4MB',
    describe: 'A picture up to this size goes along, with its faces blurred; 0B: none.',
  }),
  batch: z
    .strictObject({
      objects: z
        .int()
        .min(1)
        .max(100)
        .default(20)
        .describe('Passages in one list at most; 1 for a platform that takes them one by one.'),
      size: sizeBytes({ default: '4MB', min: '100kB', max: '32MB', describe: 'Size of one list at most.' }),
    })
    .prefault({})
    .describe(
      'Passages that come while a list is on its way go together in the next; outbox.passageParallel bounds it, too.',
    ),
  faces: z
    .strictObject({
      legalBasis: z
        .string()
        .min(8)
        .max(500)
        .describe(
          'Law, order or agreement under which faces are handed over; stands in the audit log with each picture.',
        ),
    })
    .optional()
    .describe('Persons’ passages go as FaceObject with the face as seen. Off unless this stands here.'),
  watchList: z
    .strictObject({
      accept: z.boolean().default(true).describe('Whether the platform may order plates to be watched for.'),
      possible: z
        .boolean()
        .default(false)
        .describe('Whether plates that may be the ordered one (one character that cameras confuse) are told, too.'),
      maxPlates: z.int().min(1).max(50_000).default(5000).describe('Plates under watch at once; more are refused.'),
    })
    .prefault({})
    .describe('Dispositions of plates. Those of persons and faces are always refused.'),
  server: z
    .strictObject({
      listen: listenAddress({ host: '0.0.0.0', port: 8120 }, 'Where the platform calls the gateway'),
      allowFrom: z
        .array(z.string().min(1))
        .min(1)
        .describe('Addresses or networks (10.1.0.0/16) from which the platform calls; others are refused.'),
      maxSubscriptions: z.int().min(1).max(1000).default(50).describe('Subscriptions at once; more are refused.'),
    })
    .optional()
    .describe('Where the platform may subscribe and order. Absent: the gateway opens no port.'),
  allowPrivate: z.boolean().default(true).describe('Whether it may connect to private addresses.'),
  allowHosts: z
    .array(z.string().min(1))
    .default([])
    .describe('Hosts besides that of url that a subscription may name to be notified at.'),
  tls: z
    .strictObject({
      caFile: z
        .string()
        .min(1)
        .optional()
        .describe('PEM file with the authority of the platform, if not a public one.'),
    })
    .prefault({})
    .describe('How the platform is known.'),
});
export type ViidOptions = z.output<typeof viidOptions>;
