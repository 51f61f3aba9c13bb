import { z } from 'zod';
import { cameraCauses } from '../../domain/event.ts';
import { plateColors, plateKinds } from '../../domain/plate.ts';
import { named, place, time } from './shapes.ts';

const cameraName = z.object({ id: z.string(), name: z.string() });

export const passage = named(
  'Passage',
  z.object({
    id: z.string(),
    at: time.describe('Capture time'),
    receivedAt: time,
    place,
    camera: cameraName,
    subject: z.enum(['vehicle', 'person']),
    direction: z.enum(['in', 'out', 'unknown']),
    plate: z
      .object({
        text: z.string(),
        accepted: z.boolean().describe('False: not sure enough for the log'),
        confidenceRatio: z.number(),
        kind: z.enum(plateKinds),
        color: z.enum(plateColors),
      })
      .nullable(),
    registered: z.boolean().nullable(),
    clip: z.string().nullable().describe('Id of its clip, which is there some seconds later; null where none is kept'),
    evidence: z.string().nullable().describe('Id for /api/evidence'),
    late: z.boolean(),
  }),
);
export type PassageJson = z.infer<typeof passage>;

export const session = named(
  'ChargingSession',
  z.object({
    id: z.string(),
    device: z.string(),
    port: z.number().int(),
    place,
    order: z.string().nullable(),
    startedAt: time,
    endedAt: time.nullable().describe('Null while it goes on'),
    lastAt: time,
    energyKwh: z.number().nullable(),
    meanPowerW: z.number().nullable(),
    peakPowerW: z.number().nullable(),
    maxPortC: z.number().nullable(),
    stopReason: z.string().nullable(),
  }),
);
export type SessionJson = z.infer<typeof session>;

export const device = named(
  'Device',
  z.object({
    key: z.string(),
    deviceClass: z.string(),
    id: z.string(),
    place,
    state: z.enum(['never', 'online', 'offline', 'silent']),
    lastHeardAt: time.nullable(),
    lastFault: z.string().nullable(),
    lastFaultAt: time.nullable(),
    createdAt: time,
  }),
);
export type DeviceJson = z.infer<typeof device>;

export const camera = named(
  'Camera',
  z.object({
    id: z.string(),
    name: z.string(),
    place,
    direction: z.enum(['in', 'out', 'both']).nullable(),
    state: z
      .enum(['connecting', 'connected', 'silent', 'failed', 'ended'])
      .describe('ended: a video file that has been played'),
    cause: z.enum(cameraCauses).nullable().describe('Why there is no picture; null while there is one'),
    reason: z.string().nullable().describe('The same in one line of English, with what the camera or the network said'),
    lastFrameAt: time.nullable(),
    passages: z.number().int(),
    rejected: z.record(z.string(), z.number().int()).describe('Reads that did not become a plate, by reason'),
    stream: z
      .object({
        bitsPerSecond: z.number().describe('Over the last 10 s'),
        pictures: z.number().int().describe('Received since the start, decoded or not'),
        packetsLost: z.number().int(),
        picturesLost: z.number().int(),
        lastKeyAt: time.nullable(),
        gate: z.enum(['open', 'closed']),
        gateOpenRatio: z.number().nullable().describe('Share of the time with movement'),
        decodingMs: z.number(),
        decodedWith: z.string(),
        framesDropped: z.number().int().describe('Decoded, but a newer one came before anyone looked'),
        gopsDropped: z.number().int().describe('Groups of pictures that no decoder was free for'),
        reconnects: z.number().int(),
        driftPpm: z
          .number()
          .nullable()
          .describe('Parts per million that its clock runs faster than ours; null for the first two minutes'),
      })
      .describe('What is known of the stream'),
    blind: z
      .object({
        since: time,
        kind: z.enum(['dark', 'covered', 'blurred', 'turned']).nullable(),
        reason: z.string().nullable(),
      })
      .nullable()
      .describe('Since when its pictures show nothing (covered, dark, blurred, turned away); null while it sees'),
    zones: z
      .array(
        z.object({
          id: z.string(),
          name: z.string(),
          use: z.string().describe('reading, ignore, or what it is watched for'),
          points: z
            .array(z.tuple([z.number(), z.number()]))
            .describe('Corners as shares of the picture, from its top left'),
          occupiedSince: time.nullable().describe('Since when something stands in it'),
        }),
      )
      .describe('Zones drawn in its picture'),
  }),
);
export type CameraJson = z.infer<typeof camera>;

export const quarantined = named(
  'QuarantinedMessage',
  z.object({
    id: z.string(),
    at: time,
    device: z.string(),
    topic: z.string(),
    reason: z.string(),
    sizeBytes: z.number().int(),
    text: z.string().describe('The first 2000 characters, read as UTF-8'),
  }),
);
