import { z } from 'zod';
import { durationMs, sizeBytes } from '../lib/quantities.ts';

/** What is kept as evidence, and the keys that it is sealed with. */
export const evidenceOptions = z.strictObject({
  keyFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File with the 32-byte key (hex) that evidence is sealed with; absent: made in dataDir at the first start',
    ),
  previousKeyFiles: z
    .array(z.string().min(1))
    .default([])
    .describe('Keys from before a change, for evidence that still stands'),
  clips: z
    .strictObject({
      alerts: z
        .boolean()
        .default(true)
        .describe('Whether an alert gets a clip from each camera of its area, beside the picture'),
      passages: z
        .boolean()
        .default(false)
        .describe('Whether each passage gets a clip; about 4 MB each, kept as long as faces are (retention.faces)'),
      before: durationMs({ default: '10s', min: '0s', max: '60s', describe: 'How much of a clip is from before' }),
      after: durationMs({ default: '5s', min: '1s', max: '60s', describe: 'How much of a clip is from after' }),
      reach: durationMs({
        default: '30s',
        min: '5s',
        max: '5m',
        describe: "How far back a camera's last moments reach in memory; never less than `before` and 24 s more",
      }),
      memory: sizeBytes({
        default: '20MB',
        min: '1MB',
        max: '256MB',
        describe: "Most memory for one camera's last moments, whatever `reach` says; 20MB are 40 s at 4 Mbit/s",
      }),
    })
    .prefault({})
    .describe('Clips, cut out of the stream as the camera sent it'),
});
export type EvidenceOptions = z.output<typeof evidenceOptions>;
