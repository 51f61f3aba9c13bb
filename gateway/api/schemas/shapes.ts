import { z } from 'zod';
import { roles } from '../../domain/user.ts';
import { tiers } from '../../domain/tier.ts';

/** Schemas with a name stand as components in the OpenAPI document. */
export const components = new Map<z.ZodType, string>();

export function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  components.set(schema, id);
  return schema;
}

export const time = z.string().meta({ format: 'date-time', description: 'RFC 3339, UTC' });
export const bilingual = named('Bilingual', z.object({ zh: z.string(), en: z.string() }));
export const tier = z.enum(tiers);
export const facts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));
export const place = named(
  'Place',
  z.object({
    site: z.object({ id: z.string(), name: z.string() }),
    area: z.object({ id: z.string(), name: z.string() }).nullable(),
    grid: z.object({ id: z.string(), name: z.string(), people: z.array(z.string()) }).nullable(),
  }),
);

export const errorReply = named(
  'Error',
  z.object({
    error: z.object({
      code: z
        .string()
        .describe(
          'Stable: auth.required, auth.wrong, auth.too-many-tries, auth.not-allowed, request.invalid, request.too-large, request.unknown-route, internal, or a code of gateway/domain/error-codes.ts',
        ),
      message: z.string().describe('What is wrong and how to mend it, in English'),
    }),
  }),
);

/** Query part that every list has. */
export const pageQuery = {
  before: z.string().max(200).optional().describe('The `next` of the page before'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
};
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().describe('Pass it as `before` to read on; null at the end'),
  });
}

const instant = z.iso.datetime({ offset: true }).describe('RFC 3339 with offset');
export const timeRange = { from: instant.optional(), to: instant.optional() };

export const me = named(
  'Me',
  z.object({
    user: z.object({ name: z.string(), role: z.enum(roles) }),
    title: z.string().describe("The site's name"),
    version: z.string(),
    now: time.describe("The gateway's clock"),
  }),
);
export const credentials = z.strictObject({
  name: z.string().min(1).max(64),
  // argon2 takes any length; the bound keeps a hash from becoming a burden.
  password: z.string().min(1).max(256),
});
