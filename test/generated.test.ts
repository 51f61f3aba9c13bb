import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../gateway/domain/error-codes.ts';
import { generatedFiles, readOrNull, writeGeneratedFiles } from './support/generate.ts';
import { projectRoot } from './support/kanmen-process.ts';

describe('generated files', () => {
  it.each(generatedFiles.filter(({ heldBy }) => heldBy === undefined))(
    'finds $path as the code makes it (mend: npm run docs)',
    async ({ path, text }) => {
      expect(readOrNull(join(projectRoot, path))).toBe(await text());
    },
  );

  it('names, for every other file, a test that is there and reads it', () => {
    const faults = generatedFiles.flatMap(({ path, heldBy }) => {
      if (heldBy === undefined) return [];
      const text = readOrNull(join(projectRoot, heldBy));
      const named = path.split('/').slice(-2);
      return text !== null && named.some((part) => text.includes(part)) ? [] : [`${path}: ${heldBy}`];
    });
    expect(faults).toEqual([]);
  });

  it('are all written by npm run docs, and left alone the second time', async () => {
    const root = mkdtempSync(join(tmpdir(), 'kanmen-generated-'));
    try {
      expect(await writeGeneratedFiles(root)).toEqual(generatedFiles.map(({ path }) => path));
      expect(await writeGeneratedFiles(root)).toEqual([]);
      expect(existsSync(join(root, 'rules/rule.schema.json'))).toBe(true);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  it('name every third-party package that ships with a licence', () => {
    const text = readFileSync(join(projectRoot, 'THIRD_PARTY.md'), 'utf8');
    expect(text.split('\n').filter((line) => line.startsWith('| ')).length).toBeGreaterThan(100);
    expect(text.split('\n').filter((line) => line.includes('not stated') || line.includes('undefined'))).toEqual([]);
  });
});

/** Codes that reach `new GatewayError(` as a value: made here, in a union that tsc closes or by another GatewayError. */
const codesPassedOn = ['gateway/lib/database/writer-client.ts', 'gateway/perceive/worker-handle.ts'];

/** Where a code stands: in which constructor it is given, in which argument; or where it is asked for. */
const codeArgument: Readonly<Record<string, number>> = {
  GatewayError: 0,
  ApiError: 1,
  HttpError: 1,
  isGatewayError: 1,
};

interface CodeUse {
  readonly place: string;
  readonly by: string;
  readonly code: string | null;
}

function codeUses(): CodeUse[] {
  const files = readdirSync(join(projectRoot, 'gateway'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|-fixture\.ts$|(^|\/)test-/.test(name))
    .map((name) => join(projectRoot, 'gateway', name));
  return files.flatMap((file) => {
    const found: CodeUse[] = [];
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023, true);
    const visit = (node: ts.Node): void => {
      if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
        const by = node.expression.getText();
        const given = node.arguments?.[codeArgument[by] ?? -1];
        if (given) {
          const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
          const code = ts.isStringLiteralLike(given) ? given.text : null;
          found.push({ place: `${relative(projectRoot, file)}:${line}`, by, code });
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
}

describe('error codes', () => {
  const uses = codeUses();
  const ours = uses.filter(({ by }) => by === 'GatewayError' || by === 'isGatewayError');

  it('stand in the table wherever one is made or asked for', () => {
    expect(ours.length).toBeGreaterThan(70);
    expect(ours.filter(({ code }) => code !== null && !(code in errorCodes))).toEqual([]);
  });

  it('are written out where they are made, so that this test can see them', () => {
    const computed = ours.filter(
      ({ by, code, place }) =>
        by === 'GatewayError' && code === null && !codesPassedOn.includes(place.split(':')[0] ?? ''),
    );
    expect(computed).toEqual([]);
  });

  it('are each made by some code', () => {
    // The writer thread sends its code over to `writer-client.ts`, which makes the error.
    const sentOver = readFileSync(join(projectRoot, 'gateway/lib/database/writer.ts'), 'utf8');
    const made = new Set(uses.filter(({ by }) => by !== 'isGatewayError').flatMap(({ code }) => code ?? []));
    expect(Object.keys(errorCodes).filter((code) => !made.has(code) && !sentOver.includes(`'${code}'`))).toEqual([]);
  });
});
