import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { addModel, listModels, pullModel } from './model-shelf.ts';
import { sha256Of, shippedModelsDir, verifyModels } from './model-store.ts';

const weights = Buffer.from('weights of a model that is not part of the installation');
const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanUp.splice(0)) undo();
});

/** A models folder as it ships, with one more optional entry at `url`. */
function folderWith(entry: Record<string, unknown>): string {
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-shelf-'));
  cleanUp.push(() => rmSync(dir, { recursive: true }));
  const shipped = shippedModelsDir();
  for (const name of readdirSync(shipped)) if (name.endsWith('.onnx')) cpSync(join(shipped, name), join(dir, name));
  const manifest = JSON.parse(readFileSync(join(shipped, 'manifest.json'), 'utf8')) as { models: unknown[] };
  manifest.models.push({
    ...{ id: 'other-finder', role: 'plate-finder', form: 'anchor-corners', name: 'other', file: 'other.onnx' },
    ...{ sha256: sha256Of(weights), bytes: weights.length, optional: true, input: '', output: '' },
    ...{ licence: 'MIT', origin: 'a test', scores: [], ...entry },
  });
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify(manifest));
  return dir;
}

/** A real server that answers every request with these bytes. */
async function serving(body: Buffer, status = 200): Promise<{ url: string; requests: () => number }> {
  let count = 0;
  const server: Server = createServer((_request, response) => {
    count += 1;
    response.writeHead(status);
    response.end(body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  cleanUp.push(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/other.onnx`, requests: () => count };
}
const filesIn = (dir: string): string[] => readdirSync(dir).filter((name) => name.startsWith('other'));

describe('models that are not part of the installation', () => {
  it('are listed as absent, and are no fault until the configuration wants them', async () => {
    const dir = folderWith({});
    const listed = await listModels(dir);
    expect(listed.find(({ id }) => id === 'other-finder')).toMatchObject({
      state: 'absent',
      used: false,
      optional: true,
    });
    expect(listed.filter(({ optional }) => !optional).every(({ state }) => state === 'ok')).toBe(true);
    expect(await verifyModels(dir)).toEqual([]);
    expect((await verifyModels(dir, ['other-finder'])).map(({ code }) => code)).toEqual(['models.missing']);
    expect((await verifyModels(dir, ['no-such-model'])).map(({ code }) => code)).toEqual(['models.missing']);
  });

  it('are pulled from their pinned address, once, and used when the configuration says so', async () => {
    const { url, requests } = await serving(weights);
    const dir = folderWith({ url });
    expect(await pullModel({ dir, id: 'other-finder' })).toEqual({ path: join(dir, 'other.onnx'), fetched: true });
    expect(readFileSync(join(dir, 'other.onnx'))).toEqual(weights);
    expect(await pullModel({ dir, id: 'other-finder' })).toMatchObject({ fetched: false });
    expect(requests()).toBe(1);
    const used = async (use: string[]) =>
      (await listModels(dir, use)).filter((model) => model.role === 'plate-finder' && model.used).map(({ id }) => id);
    expect(await used(['other-finder'])).toEqual(['other-finder']);
    expect(await used([])).not.toContain('other-finder');
  });

  it.each([
    ['another file', Buffer.from('weights of a model that is not part of the installatioN'), 200, 'models.checksum'],
    ['a longer file', Buffer.concat([weights, weights]), 200, 'models.download-failed'],
    ['half of the file', weights.subarray(0, 20), 200, 'models.checksum'],
    ['an error', Buffer.from('not found'), 404, 'models.download-failed'],
  ])('are refused when the address gives %s, and leave nothing behind', async (_what, body, status, code) => {
    const { url } = await serving(body, status);
    const dir = folderWith({ url });
    await expect(pullModel({ dir, id: 'other-finder' })).rejects.toMatchObject({ code });
    expect(filesIn(dir)).toEqual([]);
  });

  it('are not pulled from where nobody answers, nor under a name that is not there', async () => {
    const dir = folderWith({ url: 'http://127.0.0.1:9/other.onnx' });
    await expect(pullModel({ dir, id: 'other-finder' })).rejects.toMatchObject({ code: 'models.download-failed' });
    await expect(pullModel({ dir, id: 'nothing' })).rejects.toMatchObject({ code: 'models.unknown' });
    await expect(pullModel({ dir: folderWith({}), id: 'other-finder' })).rejects.toMatchObject({
      code: 'models.unknown',
    });
  });

  it('are added from a file by their sha256, whatever it is called', async () => {
    const dir = folderWith({});
    const file = join(dir, 'from-a-stick.bin');
    writeFileSync(file, weights);
    expect(await addModel(dir, file)).toEqual({ id: 'other-finder', path: join(dir, 'other.onnx') });
    expect(readFileSync(join(dir, 'other.onnx'))).toEqual(weights);
    writeFileSync(file, 'something else');
    await expect(addModel(dir, file)).rejects.toMatchObject({ code: 'models.checksum' });
    await expect(addModel(dir, join(dir, 'nowhere'))).rejects.toMatchObject({ code: 'models.missing' });
    expect(existsSync(join(dir, 'other.onnx'))).toBe(true);
  });

  it('mend a file of the installation that was damaged', async () => {
    const { url } = await serving(weights);
    const dir = folderWith({ url });
    writeFileSync(join(dir, 'other.onnx'), 'damaged');
    expect((await listModels(dir)).find(({ id }) => id === 'other-finder')?.state).toBe('wrong');
    expect((await verifyModels(dir)).map(({ code }) => code)).toEqual(['models.checksum']);
    await pullModel({ dir, id: 'other-finder' });
    expect(await verifyModels(dir)).toEqual([]);
  });
});
