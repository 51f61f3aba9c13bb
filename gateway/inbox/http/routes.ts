import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema, RouteOptions } from 'fastify';
import { z } from 'zod';
import type { Login, Logins } from '../logins.ts';
import { permissionsOf, type Permission } from '../roles.ts';
import type { Scope } from '../scope.ts';
import { HttpError } from './errors.ts';

export const cookieName = 'kanmen_desk';

/** By which a browser is known when it comes again (login-throttle.ts). Outlives the login. */
export const deviceCookieName = 'kanmen_desk_device';

/** Who may use a route: anybody, a gateway that signs, whoever is signed in, or who has that permission (roles.ts). */
export type Access = 'public' | 'signature' | 'signed-in' | Permission;

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
}

const signedIn = new WeakMap<FastifyRequest, Login>();

/** The login that a request came with; every route but public ones has one. */
export function loginOf(request: FastifyRequest): Login {
  const login = signedIn.get(request);
  if (!login) throw new HttpError(401, 'auth.required', 'sign in first: POST /api/login');
  return login;
}

/** Which gateways the one who asks sees. */
export const scopeOf = (request: FastifyRequest): Scope => loginOf(request).user.gateways;

/** Holds every route to its access before its body is read. A route without one is a fault of the program. */
export function registerAccess(app: FastifyInstance, logins: Logins): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    routes.push(route);
  });
  app.addHook('onReady', (done) => {
    const open = routes.filter((route) => route.config?.access === undefined);
    done(open.length > 0 ? new Error(`no access stated for ${open.map(({ url }) => url).join(', ')}`) : undefined);
  });
  app.addHook('onRequest', async (request) => {
    const { config, url } = request.routeOptions;
    const access = config.access ?? (url === undefined ? 'public' : 'users');
    if (access === 'public' || access === 'signature') return;
    const token = request.cookies[cookieName];
    const login = token === undefined ? null : await logins.find(token);
    if (!login) throw new HttpError(401, 'auth.required', 'sign in first: POST /api/login');
    if (access !== 'signed-in' && !permissionsOf(login.user.role).includes(access)) {
      throw new HttpError(403, 'auth.not-allowed', `this needs the permission "${access}"; you are ${login.user.role}`);
    }
    signedIn.set(request, login);
  });
}

type Replied<Schema extends z.ZodType | undefined> = Schema extends z.ZodType ? z.input<Schema> : void;
type Parsed<Schema extends z.ZodType | undefined> = Schema extends z.ZodType ? z.output<Schema> : undefined;

export interface RouteDefinition<
  Query extends z.ZodType | undefined,
  Body extends z.ZodType | undefined,
  Reply extends z.ZodType | undefined,
> {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly access: Access;
  readonly summary: string;
  readonly query?: Query;
  readonly body?: Body;
  /** Undefined: 204, without a body. */
  readonly reply?: Reply;
  /** Largest body in bytes; default: the server's, 32 kB. */
  readonly bodyLimit?: number;
  /** Further statuses of the OpenAPI document. */
  readonly errors?: readonly number[];
  handle(call: {
    readonly request: FastifyRequest;
    readonly reply: FastifyReply;
    readonly params: Readonly<Record<string, string>>;
    readonly query: Parsed<Query>;
    readonly body: Parsed<Body>;
  }): Promise<Replied<Reply>> | Replied<Reply>;
}

const errorReply = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** JSON Schema of a Zod schema, as it stands in the OpenAPI document. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const whole = Object.entries(z.toJSONSchema(schema, { io, unrepresentable: 'any' }));
  // OpenAPI 3.1 names the dialect once, for the whole document.
  return Object.fromEntries(whole.filter(([key]) => key !== '$schema'));
}

/** One JSON route. Its schemas check what comes in, shape what goes out and stand in the OpenAPI document. */
export function defineRoute<
  Reply extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
>(app: FastifyInstance, definition: RouteDefinition<Query, Body, Reply>): void {
  const { method, url, access, summary, query, body } = definition;
  const statuses = [
    ...(query || body ? [400] : []),
    ...(access === 'public' ? [] : [401]),
    ...(access === 'public' || access === 'signature' ? [] : [403]),
    ...(definition.errors ?? []),
  ];
  const schema: FastifySchema = {
    summary,
    ...(access === 'public' ? { security: [] } : { description: `Access: ${access}.` }),
    ...(query ? { querystring: jsonSchema(query, 'input') } : {}),
    ...(body ? { body: jsonSchema(body, 'input') } : {}),
    response: {
      ...(definition.reply
        ? { 200: jsonSchema(definition.reply, 'output') }
        : { 204: { type: 'null', description: 'Done' } }),
      ...Object.fromEntries(statuses.map((status) => [status, jsonSchema(errorReply, 'output')])),
    },
  };
  app.route({
    method,
    url,
    schema,
    config: { access },
    ...(definition.bodyLimit === undefined ? {} : { bodyLimit: definition.bodyLimit }),
    handler: async (request, reply): Promise<unknown> => {
      const result = await definition.handle({
        request,
        reply,
        params: request.params as Record<string, string>,
        query: parse(query, request.query, 'the query') as Parsed<Query>,
        body: parse(body, request.body, 'the body') as Parsed<Body>,
      });
      // What the schema does not name is left out: a column added to a table is not told by accident.
      return definition.reply ? definition.reply.parse(result) : reply.status(204).send();
    },
  });
}

/** Parses once, at the wall; every fault of a request in one line. */
function parse(schema: z.ZodType | undefined, value: unknown, part: string): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.map(String).join('.') || part}: ${issue.message}`);
  throw new HttpError(400, 'request.invalid', faults.join('; '));
}

/** Fastify's own checking and writing are replaced: Zod does both, in `defineRoute`. */
export function useZodOnly(app: FastifyInstance): void {
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
}
