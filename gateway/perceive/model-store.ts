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

/** What a model is for; without the first three nothing runs, a second reader is asked where the first is unsure. */
const requiredRoles = ['plate-finder', 'plate-reader', 'face-finder'] as const;

const manifestSchema = z.strictObject({
  version: z.literal(1),
  models: z.array(
    z.strictObject({
      /** Short name for `kanmen models` and `models.use`. */
      id: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,40}$/),
      role: z.enum([...requiredRoles, 'second-reader']),
      /** How its input is made and its output read: the code that drives it. */
      form: z.enum(['text-map', 'corner-map', 'anchor-corners', 'text-line', 'plate-line', 'face-map', 'yunet']),
      name: z.string(),
      ...fileFields,
      /** The same network in eight bits, which looks at stills first; the network itself looks again at what that one finds. */
      firstLook: fileReference.optional(),
      /** True: not part of the installation; `kanmen models pull` or `add` brings it. */
      optional: z.literal(true).optional(),
      /** Pinned address it can be pulled from. */
      url: z.url({ protocol: /^https?$/ }).optional(),
      /** Text file, one label a line, or the labels themselves, one character each; class 0 is the CTC blank. */
      labels: z.union([fileReference, z.string().min(1)]).optional(),
      /** Score from which a find counts; absent: the form's own default. */
      threshold: z.number().gt(0).lt(1).optional(),
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
export type ModelEntry = ModelManifest['models'][number];
export type ModelRole = ModelEntry['role'];
export type ModelForm = ModelEntry['form'];

/** A model whose file was found right. */
export interface LoadedModel {
  readonly id: string;
  readonly form: ModelForm;
  readonly name: string;
  readonly threshold: number | null;
  /**
   * Gives the file's bytes, once. The runtime makes its own of them; finders and readers hold on to their model for its name,
   * and 20 MB of files would stay with them in every perception thread. Throws when asked again.
   */
  takeBytes(): Uint8Array;
  /** Its twin that looks at stills first, where it has one. */
  readonly firstLook: LoadedModel | null;
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

/** Where a model's file is or would be. Throws GatewayError `models.missing` where its npm package is not installed. */
export function pathOf(dir: string, reference: FileReference): string {
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
  const sha256 = sha256Of(bytes);
  if (sha256 !== reference.sha256)
    throw new GatewayError('models.checksum', `${path} has sha256 ${sha256}, the manifest names ${reference.sha256}`, {
      facts: { path, sha256, expected: reference.sha256 },
    });
  return bytes;
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * The entry that serves a role: the one of `use` where it names one, else the first that is part of the installation;
 * null where there is none. Throws GatewayError `models.missing` for an id in `use` that the manifest does not have.
 */
export function chooseEntry(manifest: ModelManifest, role: ModelRole, use: readonly string[] = []): ModelEntry | null {
  for (const id of use) {
    if (!manifest.models.some((model) => model.id === id))
      throw new GatewayError('models.missing', `models.use names ${id}, which is not in the manifest`, {
        facts: { id, known: manifest.models.map((model) => model.id) },
      });
  }
  const own = manifest.models.filter((model) => model.role === role);
  return own.find(({ id }) => use.includes(id)) ?? own.find(({ optional }) => optional !== true) ?? null;
}

/** Loads one entry after its sha256 was found right. Throws GatewayError `models.missing`, `models.checksum`. */
export async function loadEntry(dir: string, entry: ModelEntry): Promise<LoadedModel> {
  const said = {
    id: entry.id,
    form: entry.form,
    name: entry.name,
    threshold: entry.threshold ?? null,
    labels: await labelsOf(dir, entry.labels),
  };
  const takeBytes = givenOnce(await readVerified(dir, entry), entry.name);
  const { firstLook } = entry;
  if (!firstLook) return { ...said, takeBytes, firstLook: null };
  const takeFirst = givenOnce(await readVerified(dir, firstLook), entry.name);
  return { ...said, takeBytes, firstLook: { ...said, takeBytes: takeFirst, firstLook: null } };
}

function givenOnce(bytes: Uint8Array, name: string): () => Uint8Array {
  let kept: Uint8Array | null = bytes;
  return () => {
    const taken = kept;
    kept = null;
    if (!taken) throw new Error(`the bytes of ${name} were given away: load it again`);
    return taken;
  };
}

async function labelsOf(dir: string, labels: ModelEntry['labels']): Promise<readonly string[]> {
  if (labels === undefined) return [];
  if (typeof labels === 'string') return Array.from(labels);
  const text = Buffer.from(await readVerified(dir, labels)).toString('utf8');
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/**
 * Loads the model for a role (see `chooseEntry`); null for a second reader that the manifest does not have.
 * Throws GatewayError `models.missing`, `models.checksum`.
 */
export async function loadModel(
  dir: string,
  role: (typeof requiredRoles)[number],
  use?: readonly string[],
): Promise<LoadedModel>;
export async function loadModel(dir: string, role: ModelRole, use?: readonly string[]): Promise<LoadedModel | null>;
export async function loadModel(
  dir: string,
  role: ModelRole,
  use: readonly string[] = [],
): Promise<LoadedModel | null> {
  const entry = chooseEntry(await readManifest(dir), role, use);
  if (entry) return loadEntry(dir, entry);
  if (role === 'second-reader') return null;
  throw new GatewayError('models.missing', `${dir}/manifest.json names no ${role}`, { facts: { role } });
}

/**
 * What is wrong with the models in a folder, one GatewayError each; empty when all are there and right. Optional models
 * that nobody brought are no fault, unless `use` names them.
 */
export async function verifyModels(dir: string, use: readonly string[] = []): Promise<GatewayError[]> {
  const faults: GatewayError[] = [];
  const note = (error: unknown): void => {
    if (!(error instanceof GatewayError)) throw error;
    faults.push(error);
  };
  try {
    const manifest = await readManifest(dir);
    for (const model of manifest.models) {
      if (model.optional === true && !use.includes(model.id) && !existsSync(pathOf(dir, model))) continue;
      await readVerified(dir, model).catch(note);
      for (const other of [model.labels, model.firstLook])
        if (typeof other === 'object') await readVerified(dir, other).catch(note);
    }
    for (const role of requiredRoles) {
      if (chooseEntry(manifest, role, use) === null)
        note(new GatewayError('models.missing', `${dir}/manifest.json names no ${role}`, { facts: { role } }));
    }
  } catch (error) {
    note(error);
  }
  return faults;
}
