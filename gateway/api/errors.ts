import type { FastifyError, FastifyInstance } from 'fastify';
import { isGatewayError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';

/** An answer other than 2xx, in the one form that all of them have. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }
}

/** What rooms throw that a caller can do something about. */
const gatewayErrorStatus: Readonly<Record<string, number>> = {
  'proposal.unknown': 404,
  'proposal.not-applicable': 409,
  'alert.unknown': 404,
  'alert.not-allowed': 409,
  'device.unknown': 404,
  'device.exists': 409,
  'user.unknown': 404,
  'user.exists': 409,
  'evidence.missing': 404,
  'store.commit-failed': 503,
  'store.closed': 503,
};

function toApiError(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error;
  if (isGatewayError(error)) {
    const status = gatewayErrorStatus[error.code];
    return status === undefined ? null : new ApiError(status, error.code, error.message);
  }
  const { statusCode, validation, code } = error as Partial<FastifyError>;
  if (validation) return new ApiError(400, 'request.invalid', messageOf(error));
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new ApiError(413, 'request.too-large', 'the body is too large');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ApiError(statusCode, 'request.invalid', messageOf(error));
  }
  return null;
}

/** Gives every error the form `{error:{code,message}}`; what nobody foresaw is logged and told without details. */
export function registerErrors(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    const known = toApiError(error);
    if (!known) {
      const route = `${request.method} ${request.routeOptions.url ?? '?'}`;
      logger.error({ route, err: error }, 'request failed');
    }
    const { status, code, message } =
      known ?? new ApiError(500, 'internal', 'something went wrong in the gateway; its log says what');
    return reply
      .status(status)
      .type('application/json; charset=utf-8')
      .send(JSON.stringify({ error: { code, message } }));
  });
  app.setNotFoundHandler((_request, reply) =>
    reply
      .status(404)
      .type('application/json; charset=utf-8')
      .send(JSON.stringify({ error: { code: 'request.unknown-route', message: 'there is nothing at this address' } })),
  );
}
