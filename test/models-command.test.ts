/** `kanmen models`, and what `check` and `run` say of a model that is broken: as an installer meets it. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTestFolder, kanmen, projectRoot, startKanmen } from './support/kanmen-process.ts';

/** A copy of the models that ship, and a gateway with a camera that is to use it. */
function site() {
  const folder = createTestFolder();
  onTestFinished(() => folder.remove());
  const dir = join(folder.dir, 'models');
  mkdirSync(dir);
  const shipped = join(projectRoot, 'models');
  for (const name of readdirSync(shipped))
    if (/\.(onnx|json)$/.test(name)) cpSync(join(shipped, name), join(dir, name));
  const config = folder.write('kanmen.yaml', {
    site: { id: 'dongyuan', name: '东苑' },
    mqtt: { listen: '127.0.0.1:0' },
    api: { listen: '127.0.0.1:0' },
    models: { dir: 'models' },
    cameras: [{ id: 'gate', name: '东门', url: 'rtsp://127.0.0.1:1/none', direction: 'in' }],
  });
  return { folder, dir, config, finder: join(dir, 'plate-finder.onnx') };
}

describe('kanmen models', () => {
  it('lists each model with its licence and state, as a table and as JSON', async () => {
    const { dir } = site();
    const table = await kanmen(['models', 'list', '--models', dir]);
    expect(table).toMatchObject({ code: 0, stderr: '' });
    expect(table.stdout).toMatch(/plate-finder .*ok .*Apache-2\.0/);
    const rows = (await kanmen(['models', 'list', '--models', dir, '--json'])).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; state: string; licence: string });
    expect(rows.find(({ id }) => id === 'plate-reader')).toMatchObject({ state: 'ok' });
    expect(rows.every(({ licence }) => licence !== '')).toBe(true);
  });

  it('verifies, names a file with one byte changed, and takes the right one back by add, and no other', async () => {
    const { folder, dir, finder } = site();
    const whole = readFileSync(finder);
    expect((await kanmen(['models', 'verify', '--models', dir])).code).toBe(0);
    const broken = Buffer.from(whole);
    broken[1000]! ^= 1;
    writeFileSync(finder, broken);
    const verified = await kanmen(['models', 'verify', '--models', dir]);
    expect(verified).toMatchObject({ code: 1, stdout: expect.stringContaining(finder) as string });
    expect(verified.stdout).toContain('(models.checksum)');
    const stray = folder.write('stray.onnx', 'no model that the manifest knows');
    expect((await kanmen(['models', 'add', stray, '--models', dir])).code).toBe(1);
    writeFileSync(join(folder.dir, 'brought.onnx'), whole);
    const added = await kanmen(['models', 'add', join(folder.dir, 'brought.onnx'), '--models', dir]);
    expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining('plate-finder') as string });
    expect((await kanmen(['models', 'verify', '--models', dir])).code).toBe(0);
  });

  it('knows nothing to pull by a name that is none', async () => {
    const { dir } = site();
    const pulled = await kanmen(['models', 'pull', 'no-such-model', '--models', dir]);
    expect(pulled.code).toBe(1);
    expect(pulled.stderr).toContain('no-such-model');
  });
});

describe('a model that is missing or broken', () => {
  it('is named by check, and ends the gateway at its start in the same words', async () => {
    const { config, finder } = site();
    for (const [damage, code] of [
      [() => writeFileSync(finder, 'no network'), 'models.checksum'],
      [() => rmSync(finder), 'models.missing'],
    ] as const) {
      damage();
      const checked = await kanmen(['check', '-c', config, '--json']);
      expect(checked.code, code).not.toBe(0);
      expect(checked.stdout, code).toContain(finder);
      const started = await startKanmen('run', config).then(
        (gateway) => gateway.stop().then(() => 'it runs'),
        (error: unknown) => String(error),
      );
      expect(started, code).toContain('ended with 1 before it was ready');
      expect(started).toContain(code);
      expect(started).toContain(finder);
    }
  });
});
