import { parse } from 'yaml';
import type { RuleInForce } from '../alerts/index.ts';
import { departments, type Addressee } from '../domain/match.ts';
import type { Tier } from '../domain/tier.ts';
import { parseDurationMs } from '../lib/quantities.ts';

interface RuleText {
  readonly text: string;
}
interface Document {
  readonly id?: unknown;
  readonly title?: { readonly zh?: unknown };
  readonly tier?: unknown;
  readonly to?: unknown;
  readonly department?: unknown;
  readonly suppress?: { readonly for?: unknown };
}

/** What following an alert up needs of a rule that the rules' own list does not say. */
export interface RuleDocumentFacts extends RuleInForce {
  readonly title: string;
  readonly suppressMs: number | null;
}

const addressees = (value: unknown): Addressee[] =>
  Array.isArray(value)
    ? value.filter((one): one is Addressee => ['station', 'department', 'community', 'grid'].includes(one as string))
    : [];

/** Reads documents that the rules have taken already (they are well formed). Rules by id. */
export function ruleDocuments(texts: readonly RuleText[]): Map<string, RuleDocumentFacts> {
  const facts = texts.flatMap(({ text }): RuleDocumentFacts[] => {
    const document = parse(text) as Document | null;
    if (document === null || typeof document.id !== 'string') return [];
    const to = addressees(document.to);
    const choices = Array.isArray(document.tier) ? (document.tier as unknown[]) : [{ tier: document.tier }];
    return [
      {
        id: document.id,
        title: typeof document.title?.zh === 'string' ? document.title.zh : document.id,
        department: departments.find((known) => known === document.department) ?? null,
        audiences: choices.map((choice) => {
          const { tier, to: own } = choice as { tier: Tier; to?: unknown };
          return { tier, to: own === undefined ? to : addressees(own) };
        }),
        suppressMs: typeof document.suppress?.for === 'string' ? parseDurationMs(document.suppress.for) : null,
      },
    ];
  });
  return new Map(facts.map((each) => [each.id, each]));
}
