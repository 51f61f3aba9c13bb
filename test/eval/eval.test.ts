import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { renderedKinds } from './rendered.ts';

const root = resolve(import.meta.dirname, '../..');
const evaluate = (...args: string[]): Promise<{ stdout: string }> =>
  promisify(execFile)(process.execPath, [join(root, 'dist/test/eval/main.js'), ...args], { cwd: root });

interface Result {
  readonly models: readonly { readonly id: string; readonly sha256: string }[];
  readonly figures: readonly {
    readonly part: string;
    readonly set: string;
    readonly n: number;
    readonly model: string;
  }[];
}

describe('npm run eval', () => {
  it('works without a folder of pictures: every kind, named as rendered, with N and the hashes of the models', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kanmen-eval-'));
    try {
      const out = join(folder, 'eval.json');
      const { stdout } = await evaluate('--rendered', '1', '--only', 'finder,reader', '--out', out);
      const { figures, models } = JSON.parse(readFileSync(out, 'utf8')) as Result;
      const setsOf = (part: string, model: string): string[] =>
        figures.filter((figure) => figure.part === part && figure.model === model).map(({ set }) => set);
      expect(setsOf('finder', 'plate-finder')).toEqual(renderedKinds.map(([name]) => `rendered ${name}`));
      // Of an e-bike's plate only the second reader knows the city.
      expect(setsOf('reader', 'plate-reader')).toEqual(
        renderedKinds.filter(([name]) => name !== 'ebike').map(([name]) => `rendered ${name}`),
      );
      expect(setsOf('reader', 'ppocr-reader')).toHaveLength(renderedKinds.length);
      expect(new Set(figures.map(({ n }) => n))).toEqual(new Set([1]));
      expect(models.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256))).toBe(true);
      expect(models.map(({ id }) => id)).toContain('plate-finder');
      expect(stdout).toContain('rendered sets have no targets');
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 120_000);

  it('says what is wrong with a folder that is not there', async () => {
    await expect(evaluate('/nowhere/at-all')).rejects.toThrow(/there is no folder/);
  });
});
