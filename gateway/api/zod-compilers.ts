import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';

/** `limit: a number of at least 1; text: …`: every fault of a request in one line. */
function describeIssues(part: string | undefined, error: z.ZodError): Error {
  const lines = error.issues.map((issue) => {
    const path = issue.path.map(String).join('.');
    return `${path === '' ? (part ?? 'request') : path}: ${issue.message}`;
  });
  return new Error(lines.join('; '));
}

/** Lets Fastify check requests and write replies with the Zod schemas that stand in its routes. */
export function useZod(app: FastifyInstance): void {
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const checked = schema as unknown as z.ZodType;
    return (data: unknown) => {
      const result = checked.safeParse(data);
      return result.success ? { value: result.data } : { error: describeIssues(httpPart, result.error) };
    };
  });
  // What a reply's schema does not name is left out: a column added to a table is not published by accident.
  app.setSerializerCompiler(({ schema }) => {
    const shape = schema as unknown as z.ZodType;
    return (data: unknown) => JSON.stringify(shape.parse(data));
  });
}
