import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import type { z } from 'zod';
import { accessOf, type Identity } from './access.ts';
import { ApiError } from './errors.ts';
import { errorReply } from './schemas/shapes.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the access hook for every route; null on public ones for those who are not signed in. */
    identity: Identity | null;
  }
}

/** What a handler is given: already parsed by the route's schemas. */
export interface Parsed<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Who asks. Throws where the route is public and nobody is signed in. */
  readonly identity: Identity;
}

type Parse<Schema extends z.ZodType | undefined> = Schema extends z.ZodType ? z.output<Schema> : undefined;

export interface RouteDefinition<
  Params extends z.ZodType | undefined,
  Query extends z.ZodType | undefined,
  Body extends z.ZodType | undefined,
  Reply extends z.ZodType,
> {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly summary: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly reply: Reply;
  /** Error statuses that a caller may meet, beside 400, 401, 403 and 500. */
  readonly errors?: readonly number[];
  handle(parsed: Parsed<Parse<Params>, Parse<Query>, Parse<Body>>): Promise<z.input<Reply>>;
}

/** Registers one JSON route whose request and reply are parsed with Zod schemas, the ones that stand in the OpenAPI document. */
export function defineRoute<
  Reply extends z.ZodType,
  Params extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
>(app: FastifyInstance, definition: RouteDefinition<Params, Query, Body, Reply>): void {
  const access = accessOf(definition.method, definition.url);
  const statuses = new Set([
    ...((definition.params ?? definition.query ?? definition.body) ? [400] : []),
    ...(access === 'public' ? [] : [401, 403]),
    ...(definition.errors ?? []),
    500,
  ]);
  // Its type is widened here: Fastify would otherwise infer the reply's type from a schema it does not know.
  const schema: FastifySchema = {
    summary: definition.summary,
    ...(access === 'public' ? { security: [] } : { description: `Role: ${access} or higher.` }),
    ...(definition.params ? { params: definition.params } : {}),
    ...(definition.query ? { querystring: definition.query } : {}),
    ...(definition.body ? { body: definition.body } : {}),
    response: {
      200: definition.reply,
      ...Object.fromEntries([...statuses].map((status) => [status, errorReply])),
    },
  };
  app.route({
    method: definition.method,
    url: definition.url,
    schema,
    handler: async (request, reply): Promise<unknown> => {
      const result = await definition.handle({
        // Fastify has put the validator's outputs there; their types are those of the schemas.
        params: request.params as Parse<Params>,
        query: request.query as Parse<Query>,
        body: request.body as Parse<Body>,
        request,
        reply,
        get identity(): Identity {
          if (!request.identity) throw new ApiError(401, 'auth.required', 'sign in first: POST /api/login');
          return request.identity;
        },
      });
      return result;
    },
  });
}
