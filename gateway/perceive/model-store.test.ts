import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { openFaceFinder } from './face-finder.ts';
import { loadEntry, loadModel, readManifest, shippedModelsDir, verifyModels } from './model-store.ts';
import { openPerceiver } from './perceive.ts';
import { createScaler } from './resample.ts';

const folders: string[] = [];
const copyOfModels = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'kanmen-models-'));
  folders.push(folder);
  for (const name of readdirSync(shippedModelsDir())) {
    if (/\.(json|onnx)$/.test(name)) cpSync(join(shippedModelsDir(), name), join(folder, name));
  }
  return folder;
};
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
const change = (folder: string, edit: (manifest: { models: Record<string, unknown>[] }) => void): void => {
  const path = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as { models: Record<string, unknown>[] };
  edit(manifest);
  writeFileSync(path, JSON.stringify(manifest));
};

describe('the models', () => {
  it('come with the product, every one as its manifest says', async () => {
    expect(await verifyModels(shippedModelsDir())).toEqual([]);
    const { models } = await readManifest(shippedModelsDir());
    for (const model of models) {
      expect(model.licence).not.toBe('');
      expect(model.origin).not.toBe('');
      if (model.optional === true) expect(model.url).toContain('https://');
      else expect((await loadEntry(shippedModelsDir(), model)).takeBytes().length).toBe(model.bytes);
    }
  });

  it('are not held on to by the sessions that were opened with them', async () => {
    // 20 MB in every perception thread.
    const model = await loadModel(shippedModelsDir(), 'face-finder');
    const given: WeakRef<ArrayBufferLike>[] = [];
    const takeBytes = (): Uint8Array => {
      const bytes = model.takeBytes();
      given.push(new WeakRef(bytes.buffer));
      return bytes;
    };
    const finder = await openFaceFinder({ ...model, takeBytes }, 1, createScaler());
    expect(given.length).toBe(1);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    await expect
      .poll(() => {
        collect();
        return given[0]?.deref() === undefined;
      })
      .toBe(true);
    expect(() => model.takeBytes()).toThrow('given away');
    await finder.release();
  });

  it.each([
    ['face-finder.onnx', 'face-finder'],
    ['plate-finder-int8.onnx', 'plate-finder'],
  ] as const)('are refused when one bit has changed: %s', async (file, role) => {
    const folder = copyOfModels();
    const path = join(folder, file);
    const bytes = readFileSync(path);
    bytes[1000] = (bytes[1000] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await expect(loadModel(folder, role)).rejects.toMatchObject({ code: 'models.checksum' });
    expect((await verifyModels(folder)).map(({ code }) => code)).toEqual(['models.checksum']);
    const options = { modelsDir: folder, threads: 1, minPlateWidthPx: 30, ebikePatterns: [] };
    await expect(openPerceiver(options)).rejects.toMatchObject({ code: 'models.checksum' });
  });

  it('are named when they are missing: the file, the package, the role, the manifest itself', async () => {
    const folder = copyOfModels();
    rmSync(join(folder, 'face-finder.onnx'));
    await expect(loadModel(folder, 'face-finder')).rejects.toMatchObject({ code: 'models.missing' });
    change(folder, (manifest) => {
      for (const model of manifest.models)
        if (model['package'] !== undefined) model['package'] = 'kanmen-no-such-package';
    });
    const packaged = (await readManifest(folder)).models.filter((model) => model.package !== undefined);
    expect(packaged.length).toBeGreaterThan(0);
    for (const model of packaged) await expect(loadEntry(folder, model)).rejects.toThrow(/kanmen-no-such-package/);
    change(folder, (manifest) => {
      manifest.models = [];
    });
    await expect(loadModel(folder, 'plate-reader')).rejects.toMatchObject({ code: 'models.missing' });
    expect(await verifyModels(folder)).toHaveLength(3);
    rmSync(join(folder, 'manifest.json'));
    expect((await verifyModels(folder)).map(({ code }) => code)).toEqual(['models.missing']);
  });
});
