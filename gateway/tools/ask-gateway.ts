import { readRunFile } from '../lib/run-file.ts';

/** Asks the gateway that runs on this data directory; null where none runs. */
export async function askGateway(
  dataDir: string,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<Response | null> {
  const run = readRunFile(dataDir);
  if (run?.api == null) return null;
  const headers = { 'x-kanmen-control': run.token };
  return fetch(`${run.api}${path}`, {
    method,
    ...(body === undefined
      ? { headers }
      : { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
}
