import type { FastifyError, FastifyInstance } from 'fastify';
import { isGatewayError, messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';

/** An answer other than 2xx, in the one form that all of them have. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.code = code;
  }
}

const gatewayErrors: Readonly<Record<string, number>> = {
  'evidence.missing': 404,
  // For the one who looks it is the same: there is nothing to show. The log says which.
  'evidence.damaged': 404,
  'user.exists': 409,
  'user.unknown': 404,
  'user.invalid': 400,
  'user.last-admin': 409,
  'picture.unreadable': 400,
  'picture.too-large': 400,
  'store.commit-failed': 503,
  'store.closed': 503,
};

function toHttpError(error: unknown): HttpError | null {
  if (error instanceof HttpError) return error;
  if (isGatewayError(error)) {
    const status = gatewayErrors[error.code];
    return status === undefined ? null : new HttpError(status, error.code, error.message);
  }
  const { statusCode, code } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new HttpError(413, 'request.too-large', 'the body is too large');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new HttpError(statusCode, 'request.invalid', messageOf(error));
  }
  return null;
}

/** Gives every error the form `{error:{code,message}}`; what nobody foresaw is logged and told without details. */
export function registerErrors(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    const known = toHttpError(error);
    if (!known)
      logger.error({ route: `${request.method} ${request.routeOptions.url ?? '?'}`, err: error }, 'request failed');
    const { status, code, message } =
      known ?? new HttpError(500, 'internal', 'something went wrong at the desk; its log says what');
    return reply.status(status).send({ error: { code, message } });
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.status(404).send({ error: { code: 'request.unknown-route', message: 'there is nothing at this address' } }),
  );
}
