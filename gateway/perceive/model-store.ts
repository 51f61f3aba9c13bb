import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { GatewayError, codeOf } from '../lib/errors.ts';

const fileFields = {
  /** npm package the file comes with; absent: it lies beside the manifest. */
  package: z.string().optional(),
  file: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.number().int().positive(),
};
const fileReference = z.strictObject(fileFields);

const manifestSchema = z.strictObject({
  version: z.literal(1),
  models: z.array(
    z.strictObject({
      role: z.enum(['plate-finder', 'plate-reader', 'face-finder']),
      name: z.string(),
      ...fileFields,
      /** Text file, one label a line. */
      labels: fileReference.optional(),
      input: z.string(),
      output: z.string(),
      licence: z.string(),
      /** Where the weights come from, and what was done to them. */
      origin: z.string(),
      /** What it reached, on what, measured how. */
      scores: z.array(z.string()),
    }),
  ),
});

/** `models/manifest.json` as written. */
export type ModelManifest = z.infer<typeof manifestSchema>;
export type ModelRole = ModelManifest['models'][number]['role'];

/** A model's verified bytes. */
export interface LoadedModel {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** One entry a line; empty where the model has none. */
  readonly labels: readonly string[];
}

const require = createRequire(import.meta.url);

/** The folder with the models that come with the product: found upwards, so that `dist/` and the sources agree. */
export function shippedModelsDir(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const candidate = join(folder, 'models');
    if (existsSync(join(candidate, 'manifest.json'))) return candidate;
    if (dirname(folder) === folder)
      throw new GatewayError('models.missing', 'models/manifest.json is not part of this installation');
  }
}

/** Reads and checks `manifest.json`. Throws GatewayError `models.missing`. */
export async function readManifest(dir: string): Promise<ModelManifest> {
  const path = join(dir, 'manifest.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new GatewayError('models.missing', `${path} cannot be read`, { cause: error, facts: { path } });
  }
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new GatewayError('models.missing', `${path} is not a models manifest`, { cause: error, facts: { path } });
  }
}

type FileReference = z.infer<typeof fileReference>;

function pathOf(dir: string, reference: FileReference): string {
  if (reference.package === undefined) return isAbsolute(reference.file) ? reference.file : join(dir, reference.file);
  // `exports` of a package may hide its assets from require.resolve, so the folders are searched as Node would.
  for (const folder of require.resolve.paths(reference.package) ?? []) {
    const path = join(folder, reference.package, reference.file);
    if (existsSync(path)) return path;
  }
  throw new GatewayError(
    'models.missing',
    `${reference.file} of the npm package ${reference.package} is not installed`,
    {
      facts: { package: reference.package, file: reference.file },
    },
  );
}

async function readVerified(dir: string, reference: FileReference): Promise<Uint8Array> {
  const path = pathOf(dir, reference);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new GatewayError('models.missing', `${path} cannot be read (${codeOf(error) ?? 'unknown'})`, {
      cause: error,
      facts: { path },
    });
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== reference.sha256)
    throw new GatewayError('models.checksum', `${path} has sha256 ${sha256}, the manifest names ${reference.sha256}`, {
      facts: { path, sha256, expected: reference.sha256 },
    });
  return bytes;
}

/**
 * Loads the model for a role after its sha256 was found right; of several for one role the first is used.
 * Throws GatewayError `models.missing`, `models.checksum`.
 */
export async function loadModel(dir: string, role: ModelRole): Promise<LoadedModel> {
  const manifest = await readManifest(dir);
  const entry = manifest.models.find((model) => model.role === role);
  if (!entry) throw new GatewayError('models.missing', `${dir}/manifest.json names no ${role}`, { facts: { role } });
  const bytes = await readVerified(dir, entry);
  const labels = entry.labels ? Buffer.from(await readVerified(dir, entry.labels)).toString('utf8') : '';
  return { name: entry.name, bytes, labels: labels.replace(/\r?\n$/, '').split(/\r?\n/) };
}

/** What is wrong with the models in a folder, one GatewayError each; empty when all are there and right. */
export async function verifyModels(dir: string): Promise<GatewayError[]> {
  const faults: GatewayError[] = [];
  const note = (error: unknown): void => {
    if (!(error instanceof GatewayError)) throw error;
    faults.push(error);
  };
  try {
    const manifest = await readManifest(dir);
    for (const model of manifest.models) {
      for (const reference of model.labels ? [model, model.labels] : [model])
        await readVerified(dir, reference).catch(note);
    }
    for (const role of ['plate-finder', 'plate-reader', 'face-finder'] as const) {
      if (!manifest.models.some((model) => model.role === role))
        note(new GatewayError('models.missing', `${dir}/manifest.json names no ${role}`, { facts: { role } }));
    }
  } catch (error) {
    note(error);
  }
  return faults;
}
