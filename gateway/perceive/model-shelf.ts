import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GatewayError, codeOf, messageOf } from '../lib/errors.ts';
import { chooseEntry, pathOf, readManifest, sha256Of, type ModelEntry, type ModelRole } from './model-store.ts';

/** One entry of the manifest, and how it stands on this machine. */
export interface ModelState {
  readonly id: string;
  readonly role: ModelRole;
  readonly name: string;
  /** Whether it does its role's work now. */
  readonly used: boolean;
  /** `absent`: optional, and nobody brought it. */
  readonly state: 'ok' | 'absent' | 'missing' | 'wrong';
  readonly optional: boolean;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly licence: string;
  readonly origin: string;
  readonly input: string;
  readonly labels: number | null;
  readonly scores: readonly string[];
  readonly path: string | null;
}

/** Every model of a folder's manifest. Reads and hashes the files. Throws GatewayError `models.missing` for the manifest. */
export async function listModels(dir: string, use: readonly string[] = []): Promise<ModelState[]> {
  const manifest = await readManifest(dir);
  return Promise.all(
    manifest.models.map(async (entry): Promise<ModelState> => {
      const path = placeOf(dir, entry);
      const { id, role, name, sha256, licence, origin, input, labels, scores } = entry;
      return {
        ...{ id, role, name },
        used: chooseEntry(manifest, role, use) === entry,
        state: await stateOf(path, entry),
        optional: entry.optional === true,
        sizeBytes: entry.bytes,
        ...{ sha256, licence, origin, input, scores, path },
        labels: typeof labels === 'string' ? Array.from(labels).length : null,
      };
    }),
  );
}

async function stateOf(path: string | null, entry: ModelEntry): Promise<ModelState['state']> {
  const bytes = path === null ? null : await readFile(path).catch(() => null);
  if (bytes === null) return entry.optional === true ? 'absent' : 'missing';
  return sha256Of(bytes) === entry.sha256 ? 'ok' : 'wrong';
}

/** Where an entry's file is or would be; null where it is part of a package that is not installed. */
function placeOf(dir: string, entry: ModelEntry): string | null {
  try {
    return pathOf(dir, entry);
  } catch (error) {
    if (error instanceof GatewayError) return null;
    throw error;
  }
}

/**
 * Brings a model that is not part of the installation from its pinned address into the folder. What arrives is only put
 * in place when its sha256 is the manifest's. Gives the path; a model that is there and right is not fetched again.
 * Throws GatewayError `models.unknown`, `models.download-failed`, `models.checksum`, `models.not-writable`.
 */
export async function pullModel(options: {
  readonly dir: string;
  readonly id: string;
  readonly signal?: AbortSignal;
}): Promise<{ readonly path: string; readonly fetched: boolean }> {
  const { dir, id } = options;
  const manifest = await readManifest(dir);
  const entry = manifest.models.find((model) => model.id === id);
  const pullable = manifest.models.filter(({ url }) => url !== undefined).map((model) => model.id);
  if (!entry) throw unknown(id, pullable);
  const path = pathOf(dir, entry);
  if ((await stateOf(path, entry)) === 'ok') return { path, fetched: false };
  if (entry.url === undefined) throw unknown(id, pullable);
  await putInPlace(path, entry, await download(entry.url, entry, options.signal));
  return { path, fetched: true };
}

const unknown = (id: string, known: readonly string[]): GatewayError =>
  new GatewayError('models.unknown', `no model ${id} can be pulled; there are: ${known.join(', ')}`, {
    facts: { id, known },
  });

/**
 * Puts a file that was brought by hand in the place of the manifest's model with the same sha256, whatever the file is
 * called. Throws GatewayError `models.checksum` where the manifest has no such model, `models.missing` without the file.
 */
export async function addModel(dir: string, file: string): Promise<{ readonly id: string; readonly path: string }> {
  const manifest = await readManifest(dir);
  let bytes: Uint8Array;
  try {
    // A model has at most some hundred million bytes; a film named by mistake is not read to its end.
    const { size } = await stat(file);
    const largest = Math.max(...manifest.models.map((model) => model.bytes));
    if (size > largest) throw new GatewayError('models.checksum', `${file} is larger than any model of the manifest`);
    bytes = await readFile(file);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError('models.missing', `${file} cannot be read (${codeOf(error) ?? messageOf(error)})`, {
      cause: error,
    });
  }
  const sha256 = sha256Of(bytes);
  const entry = manifest.models.find((model) => model.sha256 === sha256);
  if (!entry)
    throw new GatewayError('models.checksum', `${file} has sha256 ${sha256}, which no model of the manifest has`, {
      facts: { file, sha256 },
    });
  const path = pathOf(dir, entry);
  if ((await stateOf(path, entry)) !== 'ok') await putInPlace(path, entry, bytes);
  return { id: entry.id, path };
}

async function download(url: string, entry: ModelEntry, signal?: AbortSignal): Promise<Uint8Array> {
  const failed = (reason: string, cause?: unknown): GatewayError =>
    new GatewayError('models.download-failed', `${entry.id} could not be fetched from ${url}: ${reason}`, { cause });
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    const timeout = AbortSignal.timeout(downloadTimeoutMs);
    const response = await fetch(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    if (!response.ok || !response.body) throw failed(`the server answers ${response.status}`);
    for await (const part of response.body as AsyncIterable<Uint8Array>) {
      length += part.length;
      // More than was pinned is not that file; a server that never ends must not fill the memory.
      if (length > entry.bytes) throw failed(`it is longer than the ${entry.bytes} bytes of the manifest`);
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw failed(codeOf(cause) ?? messageOf(error), error);
  }
  return Buffer.concat(parts);
}

const downloadTimeoutMs = 5 * 60_000;

/** Writes beside the place and renames, so that a half-written model is never found. */
async function putInPlace(path: string, entry: ModelEntry, bytes: Uint8Array): Promise<void> {
  const sha256 = sha256Of(bytes);
  if (sha256 !== entry.sha256)
    throw new GatewayError(
      'models.checksum',
      `what came for ${entry.id} has sha256 ${sha256}, the manifest names ${entry.sha256}; it is not used`,
      { facts: { id: entry.id, sha256, expected: entry.sha256 } },
    );
  const beside = `${path}.${randomBytes(4).toString('hex')}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(beside, 'wx', 0o644);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    if (existsSync(beside)) await rm(beside, { force: true });
    throw new GatewayError('models.not-writable', `${path} cannot be written (${codeOf(error) ?? messageOf(error)})`, {
      cause: error,
      facts: { path },
    });
  }
}
