import { z } from 'zod';
import { durationMs } from '../lib/quantities.ts';

/** Configuration key `register`: the vehicles that the estate knows. */
export const registerOptions = z
  .strictObject({
    vehiclesFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        'CSV file (UTF-8, with header) of known vehicles: plate, category (resident, tenant, visitor, service), unit, until; absent = no register',
      ),
    lookEvery: durationMs({
      default: '2s',
      min: '100ms',
      max: '1h',
      describe: 'How often the file is looked at for a change',
    }),
  })
  .prefault({})
  .describe('The register of vehicles');

export type RegisterOptions = z.output<typeof registerOptions>;
