import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  canaryEventSchema,
  digestEventSchema,
  feedbackReplySchema,
  noticeEventSchema,
  passageEventSchema,
} from '../domain/notice.ts';

/** The published JSON Schemas (draft 2020-12) by file name, generated from the schemas the code itself uses. */
export function noticeSchemas(): Readonly<Record<string, unknown>> {
  const publish = (name: string, title: string, schema: z.ZodType): readonly [string, unknown] => [
    `${name}.v1.schema.json`,
    // `input`: receivers must not refuse what a later version adds.
    { $id: `urn:kanmen:schema:${name}:v1`, title, ...z.toJSONSchema(schema, { io: 'input' }) },
  ];
  return Object.fromEntries([
    publish('notice', 'Kanmen notice (CloudEvents 1.0)', noticeEventSchema),
    publish('canary', 'Kanmen canary (CloudEvents 1.0)', canaryEventSchema),
    publish('digest', 'Kanmen daily digest (CloudEvents 1.0)', digestEventSchema),
    publish('passage', 'Kanmen passage (CloudEvents 1.0)', passageEventSchema),
    publish('feedback', 'Answers to Kanmen notices', feedbackReplySchema),
  ]);
}

/** Writes them, one file each, as they stand in `gateway/channels/schemas/`. */
export async function writeNoticeSchemas(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, schema] of Object.entries(noticeSchemas()))
    await writeFile(join(folder, name), `${JSON.stringify(schema, null, 2)}\n`);
}
