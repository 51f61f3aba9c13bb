import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { generateOpenApi } from '../../gateway/api/index.ts';
import { noticeSchemas } from '../../gateway/channels/index.ts';
import { gatewaySchema } from '../../gateway/config/index.ts';
import { errorCodes } from '../../gateway/domain/error-codes.ts';
import { generateInboxOpenApi } from '../../gateway/inbox/index.ts';
import { deskOptionsSchema } from '../../gateway/inbox/options.ts';
import { createSchemaDocuments } from '../../gateway/ingest/index.ts';
import { ruleJsonSchema } from '../../gateway/rules/index.ts';
import { projectRoot } from './kanmen-process.ts';
import { thirdPartyText } from './third-party.ts';

/** One generated file of the project. */
export interface GeneratedFile {
  /** From the project's root. */
  readonly path: string;
  readonly text: () => string | Promise<string>;
  /** The test that holds the file against the code; `test/generated.test.ts` holds those without one. */
  readonly heldBy?: string;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** What an editor completes and checks: every key with its unit, bounds and sentence. */
function configurationSchema(title: string, schema: z.ZodType): string {
  return json({ title, ...z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' }) });
}

function errorCodesText(): string {
  const rows = [
    ['code', 'what it means, and what to do'],
    ...Object.entries(errorCodes).map(([c, t]) => [`\`${c}\``, t]),
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return `# Error codes

Generated from gateway/domain/error-codes.ts by \`npm run docs\`; do not edit. Every error that Kanmen raises itself carries
one of these codes: in log lines (\`err.code\`), in the API's answers (\`error.code\`) and in \`inspect --json\`.

${[head, widths.map((width) => '-'.repeat(width)), ...body].map(line).join('\n')}
`;
}

/** Everything that is generated from the code and kept in the repository, so that readers need no build. */
export const generatedFiles: readonly GeneratedFile[] = [
  { path: 'THIRD_PARTY.md', text: () => thirdPartyText(projectRoot) },
  { path: 'gateway/error-codes.md', text: errorCodesText },
  {
    path: 'gateway/config/schemas/kanmen.schema.json',
    text: () => configurationSchema('kanmen.yaml', gatewaySchema),
  },
  {
    path: 'gateway/config/schemas/desk.schema.json',
    text: () => configurationSchema('desk.yaml', deskOptionsSchema),
  },
  { path: 'gateway/api/openapi.json', text: generateOpenApi, heldBy: 'gateway/api/openapi.test.ts' },
  { path: 'gateway/inbox/openapi.json', text: generateInboxOpenApi, heldBy: 'test/desk/page.test.ts' },
  {
    path: 'rules/rule.schema.json',
    text: () => json(ruleJsonSchema()),
    heldBy: 'gateway/rules/pack.test.ts',
  },
  ...Object.entries(noticeSchemas()).map(([name, schema]) => ({
    path: `gateway/channels/schemas/${name}`,
    text: () => json(schema),
    heldBy: 'gateway/channels/schemas.test.ts',
  })),
  ...createSchemaDocuments().map(({ file, text }) => ({
    path: `gateway/ingest/schemas/${file}`,
    text: () => text,
    heldBy: 'gateway/ingest/schema-documents.test.ts',
  })),
];

/** Writes every generated file anew; answers the paths of those that were not as they should be. */
export async function writeGeneratedFiles(root: string): Promise<string[]> {
  const changed: string[] = [];
  for (const { path, text } of generatedFiles) {
    const file = join(root, path);
    const now = await text();
    if (readOrNull(file) === now) continue;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, now);
    changed.push(path);
  }
  return changed;
}

export function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

// `npm run docs`; a test that imports this file writes nothing.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  for (const path of await writeGeneratedFiles(projectRoot)) process.stdout.write(`${path}\n`);
}
