import { z } from 'zod';
import { idPattern } from '../domain/ids.ts';
import { durationMs } from '../lib/quantities.ts';
import { hardwareKinds } from './camera/decoding-kinds.ts';
import { sensitivityNames } from './camera/gate/tuning.ts';
import { zonesOptions } from './zone-options.ts';

const id = (what: string) =>
  z
    .string()
    .regex(idPattern, { error: 'an id of letters, digits, _, . and -, at most 64, beginning with a letter or digit' })
    .describe(what);

/** One camera. */
export const cameraOptions = z.strictObject({
  id: id('Name of the camera in topics, files and addresses; stays the same for ever'),
  name: z.string().min(1).max(80).describe('Name shown to people'),
  url: z
    .string()
    .regex(/^(rtsps?:\/\/\S+|file:\S+|https?:\/\/[^\s/@]+(\/\S*)?)$/, {
      error:
        'an address such as rtsp://user:password@10.0.0.7/stream1 or file:clip.mp4; http:// without user and password',
    })
    .describe(
      'Where the pictures come from; user and password may stand in it and are never shown. file:clip.mp4 (relative to this file) plays a video once, at speed, with the times of the file',
    ),
  area: id('The area it looks at, one of areas[].id').optional(),
  direction: z
    .enum(['in', 'out', 'both'])
    .default('both')
    .describe('What coming towards the camera means: in, out, or both when only the motion tells'),
  framesPerSecond: z
    .number()
    .min(0.5)
    .max(15)
    .default(3)
    .describe(
      'Pictures looked at each second; 3 is enough to read a car that slows at a barrier (0.5 to 15, default 3)',
    ),
  silentAfter: durationMs({
    default: '10s',
    min: '2s',
    max: '10m',
    describe: 'A camera without a picture for this long is silent',
  }),
  transport: z
    .enum(['tcp', 'udp'])
    .default('tcp')
    .describe('How RTSP video travels: tcp loses nothing; udp for cameras that only do that'),
  sensitivity: z
    .enum(sensitivityNames)
    .default('normal')
    .describe('How easily movement wakes the decoder: low, normal, high, or always decoding'),
  lookEvery: durationMs({
    default: '5s',
    min: '1s',
    max: '5m',
    describe: 'While nothing moves, a key frame is looked at this often',
  }),
  audio: z
    .boolean()
    .default(false)
    .describe(
      "Whether clips keep the camera's audio (AAC or G.711, over rtsp and rtsps); nobody hears it otherwise. Recording voices needs a legal basis of its own (default false)",
    ),
  plates: z.boolean().default(true).describe('Whether vehicles are looked for'),
  faces: z.boolean().default(true).describe('Whether persons passing are noticed; nobody is ever identified'),
  zones: zonesOptions,
  blindCheck: z
    .boolean()
    .default(true)
    .describe(
      'Whether a covered, sprayed, blurred, dark or turned camera is noticed; off for one that is meant to move',
    ),
  blindAfter: durationMs({
    default: '2m',
    min: '20s',
    max: '1h',
    describe: 'A camera that has seen nothing for this long is blind; three times as long where it shows another view',
  }),
  startsAt: z.iso
    .datetime({ offset: true, error: 'a time with its offset, such as 2026-11-22T08:00:00+08:00' })
    .optional()
    .describe(
      "For a file: when its first picture was taken; absent: the file's creation_time, or else its modification time less its length",
    ),
});
export type CameraOptions = z.output<typeof cameraOptions>;

export const camerasOptions = z.array(cameraOptions).default([]).describe('The cameras of the compound');

export const modelsOptions = z
  .strictObject({
    dir: z
      .string()
      .min(1)
      .optional()
      .describe('Folder with manifest.json and models to use in place of those that come with Kanmen'),
    use: z
      .array(z.string().min(1).max(41))
      .max(8)
      .default([])
      .describe(
        'Ids of models to use in place of the first of their role, such as hyperlpr3-640; see kanmen models list',
      ),
  })
  .prefault({});
export type ModelsOptions = z.output<typeof modelsOptions>;

export const perceptionOptions = z
  .strictObject({
    workers: z
      .int()
      .min(1)
      .max(16)
      .optional()
      .describe('Worker threads, each with one set of models; absent: one for two cores, at most 4 (1 to 16)'),
    decoders: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe('Cameras decoded at once, in turns when more have movement; absent: two per core (1 to 64)'),
    hardwareDecoding: z
      .enum(['off', 'auto', ...hardwareKinds])
      .default('off')
      .describe('Decoding by the graphics part of the box; falls back to software by itself (default off)'),
    maxWidthPx: z
      .int()
      .min(320)
      .max(3840)
      .default(1280)
      .describe('Live pictures wider than this are scaled down (320 to 3840 px, default 1280)'),
    minPlateWidthPx: z
      .int()
      .min(20)
      .max(400)
      .default(36)
      .describe(
        'Plates narrower than this are counted as too small and not read; of two rows 0.6 to 0.9 of it, as their characters are larger (20 to 400 px, default 36)',
      ),
    goneAfter: durationMs({
      default: '4s',
      min: '1s',
      max: '5m',
      describe: 'A vehicle or person not seen for this long has left; seen again within it, it is the same visit',
    }),
    sameVisitWithin: durationMs({
      default: '20s',
      min: '1s',
      max: '30m',
      describe: 'The same plate at the same camera again within this time is the same visit',
    }),
    ebikePlates: z
      .array(z.string().refine(isPattern, { error: 'a regular expression such as ^宁波[A-Z0-9]{6}$' }))
      .default([])
      .describe(
        'Forms of e-bike plates at this site, as regular expressions with the upper row first, such as ^宁波[A-Z][0-9]{5}$; there is no national form',
      ),
  })
  .prefault({});
export type PerceptionOptions = z.output<typeof perceptionOptions>;

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u').source.length <= 120;
  } catch {
    return false;
  }
}
