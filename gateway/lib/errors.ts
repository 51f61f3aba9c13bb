/** An error that a person can act on: a stable code, what went wrong, the facts, and the cause kept. */
export class GatewayError extends Error {
  readonly code: string;
  readonly facts: Readonly<Record<string, unknown>>;
  /** True where trying the same thing again may work; decided where the foreign error is known, never from text. */
  readonly retryable: boolean;

  constructor(
    code: string,
    message: string,
    options: { readonly facts?: Record<string, unknown>; readonly cause?: unknown; readonly retryable?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.facts = options.facts ?? {};
    this.retryable = options.retryable ?? false;
  }
}

export function isGatewayError(error: unknown, code?: string): error is GatewayError {
  return error instanceof GatewayError && (code === undefined || error.code === code);
}

/** The message of whatever was thrown, for a log line's fact. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error or GatewayError (`ECONNREFUSED`, …), or null. */
export function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
