import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { accessTable } from './access.ts';
import { generateOpenApi } from './generate-openapi.ts';
import { startTestApi } from './test-client.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

describe('openapi', () => {
  it('is what stands in gateway/api/openapi.json (mend: npm run docs)', async () => {
    const path = join(import.meta.dirname, 'openapi.json');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(JSON.parse(await generateOpenApi()));
  });

  it('describes every route but the page, and every reference in it leads somewhere', async () => {
    const { get } = await startTestApi();
    const text = await (await get('/openapi.json')).text();
    const document = JSON.parse(text) as Document;
    expect(document.openapi).toBe('3.1.0');
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace('{id}', ':id')}`),
    );
    const expected = Object.keys(accessTable).filter((route) => route !== 'GET /*' && route !== 'GET /openapi.json');
    expect(described.sort()).toEqual(expected.sort());
    const names = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((found) => found[1] ?? '');
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !(name in document.components.schemas))).toEqual([]);
    expect(text.match(/"\$ref":"(?!#\/components\/schemas\/)/)).toBeNull();
  });
});
