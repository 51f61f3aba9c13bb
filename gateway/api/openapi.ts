import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { components } from './schemas/shapes.ts';
import { cookieName } from './sign-in.ts';

type Json = Record<string, unknown>;
const refTo = (id: string): string => `#/components/schemas/${id}`;

function withoutIds(schema: Json): Json {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema' && key !== '$id'));
}

/** JSON Schemas by name, each naming the others by reference. */
function toSchemas(all: Iterable<readonly [z.ZodType, string]>, io: 'input' | 'output'): Record<string, Json> {
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of all) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: refTo, io });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutIds(schema as Json)]));
}

/** One schema as JSON Schema; in replies, named parts become references. */
function toJson(schema: z.ZodType, io: 'input' | 'output'): Json {
  const name = components.get(schema);
  if (name !== undefined && io === 'output') return { $ref: refTo(name) };
  const named = io === 'output' ? [...components] : [];
  return toSchemas([...named, [schema, 'this']], io)['this'] ?? {};
}

function isZod(value: unknown): value is z.ZodType {
  return value instanceof z.ZodType;
}

/** OpenAPI 3.1 from the very schemas that requests and replies are parsed with, at /openapi.json. */
export async function registerOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Kanmen gateway API',
        description: 'Times are RFC 3339 in UTC. Every error is {"error":{"code","message"}}.',
        version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          session: { type: 'apiKey', in: 'cookie', name: cookieName, description: 'Set by POST /api/login' },
        },
      },
      security: [{ session: [] }],
    },
    hideUntagged: false,
    transform: ({ schema, url }) => {
      // The page is no part of the API.
      const plain = schema as Record<string, unknown>;
      if (url === '/*' || url === '/openapi.json') return { schema: { hide: true }, url };
      const json: Json = {};
      for (const [key, value] of Object.entries(plain)) {
        if (key === 'response') {
          json[key] = Object.fromEntries(
            Object.entries(value as Json).map(([status, reply]) => [
              status,
              isZod(reply) ? toJson(reply, 'output') : reply,
            ]),
          );
        } else json[key] = isZod(value) ? toJson(value, 'input') : value;
      }
      return { schema: json, url };
    },
    transformObject: (document) => {
      if (!('openapiObject' in document)) return document.swaggerObject;
      const { openapiObject } = document;
      return {
        ...openapiObject,
        components: { ...openapiObject.components, schemas: toSchemas(components, 'output') },
      } as typeof openapiObject;
    },
  });
  app.route({
    method: 'GET',
    url: '/openapi.json',
    schema: { hide: true },
    handler: (_request, reply) => reply.type('application/json; charset=utf-8').send(JSON.stringify(app.swagger())),
  });
}
