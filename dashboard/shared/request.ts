/** An answer other than 2xx, or none at all (`status` 0, code `network`). */
export class RequestError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
    this.code = code;
  }
}

let onSignedOut: () => void = () => undefined;
/** Called whenever the server says that nobody is signed in any more. */
export function whenSignedOut(action: () => void): void {
  onSignedOut = action;
}

async function errorOf(reply: Response): Promise<RequestError> {
  let code = 'unknown';
  let message = `${reply.status}`;
  try {
    const body = (await reply.json()) as { error?: { code?: string; message?: string } };
    code = body.error?.code ?? code;
    message = body.error?.message ?? message;
  } catch {
    // A proxy's own page, not JSON: the status is all there is to tell.
    code = 'unknown';
  }
  return new RequestError(reply.status, code, message);
}

/** Fetches relative to the page, so that it works under any path. A Blob goes as it is. Throws RequestError. */
export async function send(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<Response> {
  let reply: Response;
  try {
    reply = await fetch(path, {
      method,
      credentials: 'same-origin',
      ...(body === undefined
        ? {}
        : body instanceof Blob
          ? { headers: { 'content-type': body.type }, body }
          : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  } catch (cause) {
    throw new RequestError(0, 'network', cause instanceof Error ? cause.message : String(cause));
  }
  if (reply.ok) return reply;
  const error = await errorOf(reply);
  if (error.code === 'auth.required') onSignedOut();
  throw error;
}

export async function getJson<Value>(path: string): Promise<Value> {
  return (await (await send('GET', path)).json()) as Value;
}
export async function postJson<Value>(path: string, body: unknown): Promise<Value> {
  return (await (await send('POST', path, body)).json()) as Value;
}

/** `?a=1&b=2` of what is given; what is empty is left out. */
export function queryOf(values: Readonly<Record<string, string | number | null | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** An id for an answer, so that a double click or a repeated request counts once. (`randomUUID` needs HTTPS.) */
export function newAnswerId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
