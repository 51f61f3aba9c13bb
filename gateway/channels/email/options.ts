import { z } from 'zod';
import { peopleFields } from '../people/options.ts';

/** One `channels.<id>` of kind email: a mail server of the estate or the station. */
export const emailOptions = z.strictObject({
  kind: z.literal('email'),
  host: z.string().min(1).describe('Mail server (SMTP submission).'),
  port: z.int().min(1).max(65_535).default(587).describe('Its port.'),
  security: z
    .enum(['starttls', 'tls', 'none'])
    .default('starttls')
    .describe('starttls: encrypted or not sent at all; tls: encrypted from the first byte (465); none: in the clear.'),
  username: z.string().min(1).optional().describe('User name at the server.'),
  passwordFile: z.string().min(1).optional().describe('File with the password at the server.'),
  from: z.email().describe('Address that the mail comes from.'),
  to: z.array(z.email()).min(1).max(50).describe('Addresses that it goes to.'),
  caFile: z.string().min(1).optional().describe('PEM file with the authority of the server, if not a public one.'),
  canary: z
    .enum(['reach', 'message'])
    .default('reach')
    .describe('How the channel is tried: only a login at the server, or with a mail that people see.'),
  ...peopleFields,
});
export type EmailOptions = z.output<typeof emailOptions>;
