import { z } from 'zod';
import { ruleDocumentSchema } from './rule-document.ts';

/** The JSON Schema (draft 2020-12) of a rule document as people write it: what `rules/rule.schema.json` holds. */
export function ruleJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(ruleDocumentSchema, { io: 'input', target: 'draft-2020-12' });
  return { title: 'Kanmen rule', ...schema };
}
