import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noticeSchemas } from './schemas.ts';

const folder = join(import.meta.dirname, 'schemas');

describe('the published JSON Schemas', () => {
  // To write them anew after a change of gateway/domain/notice.ts: npm run build:gateway, then
  // node -e "import('./dist/gateway/channels/index.js').then((m) => m.writeNoticeSchemas('gateway/channels/schemas'))"
  it('are what the code’s own schemas say', () => {
    const published = Object.fromEntries(
      readdirSync(folder).map((name): [string, unknown] => [
        name,
        JSON.parse(readFileSync(join(folder, name), 'utf8')),
      ]),
    );
    expect(published).toEqual(JSON.parse(JSON.stringify(noticeSchemas())));
  });
});
