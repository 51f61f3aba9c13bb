import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSchemaDocuments } from './schema-documents.ts';

const folder = join(import.meta.dirname, 'schemas');
const documents = createSchemaDocuments();

/** What a JSON pointer reference names inside a document, or undefined. */
function resolve(root: unknown, reference: string): unknown {
  return reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], root);
}
function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === '$ref' && typeof inner === 'string' ? [inner] : references(inner),
  );
}

describe('the published schemas', () => {
  it('are those the code parses with: run `npm run docs` after a change', () => {
    expect(readdirSync(folder).sort()).toEqual(documents.map(({ file }) => file).sort());
    for (const { file, text } of documents) expect(readFileSync(join(folder, file), 'utf8'), file).toBe(text);
  });

  it('hold every topic of the device side, and every reference leads somewhere', () => {
    const asyncApi = JSON.parse(documents.find(({ file }) => file === 'asyncapi.json')?.text ?? '{}') as {
      channels: Record<string, { address: string }>;
      operations: Record<string, unknown>;
    };
    expect(Object.values(asyncApi.channels).map(({ address }) => address)).toEqual([
      'community/{site}/charger/{id}/status',
      'community/{site}/charger/{id}/port/{port}/telemetry',
      'community/{site}/charger/{id}/port/{port}/session',
      'community/{site}/charger/{id}/alarm',
      'community/{site}/fire/{id}/status',
      'community/{site}/fire/{id}/telemetry',
      'community/{site}/fire/{id}/alarm',
    ]);
    expect(Object.keys(asyncApi.operations)).toHaveLength(7);
    const all = references(asyncApi);
    expect(all.length).toBeGreaterThan(20);
    expect(all.filter((reference) => resolve(asyncApi, reference) === undefined)).toEqual([]);
  });

  it('allow fields of the device, and ask for what must be there', () => {
    const alarm = JSON.parse(documents.find(({ file }) => file === 'fire-alarm.schema.json')?.text ?? '{}') as object;
    expect(alarm).toMatchObject({ type: 'object', required: ['device', 'kind', 'active'] });
    expect(alarm).not.toHaveProperty('additionalProperties');
  });
});
