import type { EventKind, GatewayEvent } from '../domain/event.ts';
import type { RuleId } from '../domain/ids.ts';
import type { Addressee, Department } from '../domain/match.ts';
import type { Bilingual } from '../domain/text.ts';
import type { Tier } from '../domain/tier.ts';
import type { Reference } from './cel-bounds.ts';
import type { CelContext, CelExpression, RecordView } from './cel.ts';
import type { RuleDocument, Scalar } from './rule-document.ts';

export interface CompiledFilter {
  readonly kind: EventKind;
  /** Field → allowed values. */
  readonly fields: readonly (readonly [field: string, values: ReadonlySet<unknown>])[];
}

export interface CompiledTier {
  readonly tier: Tier;
  readonly condition: CelExpression | null;
  readonly to: readonly Addressee[] | null;
}

/** What part an event plays in a rule: what it is about, what would end it, or what must not come between. */
export type SideRole = 'main' | 'absent' | 'without';

/** One condition over one event: the whole of a plain rule, a side of `together`, a step of `sequence`, … */
export interface CompiledSide {
  /** `event` for a plain rule. */
  readonly name: string;
  readonly role: SideRole;
  readonly filters: readonly CompiledFilter[];
  readonly condition: CelExpression | null;
}

/** Text with values in it. Undefined where a value is absent and the reader must know it (keys). */
export interface CompiledTemplate {
  /** Every field and variable that it names. */
  readonly references: readonly Reference[];
  /** Absent values read `–`. */
  render(context: CelContext): string;
  /** Undefined where a value is absent. */
  renderAll(context: CelContext): string | undefined;
}

export const windowValues = ['rise', 'fall', 'min', 'max', 'mean'] as const;

/** What a value has done within a time: `window.<name>` in expressions. */
export interface CompiledWindow {
  readonly name: string;
  readonly is: (typeof windowValues)[number];
  readonly withinMs: number;
  /** The number that an event says; undefined where it says none. */
  readonly value: CelExpression;
}

/** The rule's condition of time. Memory of the rule depends on its kind alone. */
export type Pattern =
  | { readonly kind: 'at-once' }
  | { readonly kind: 'for'; readonly forMs: number; readonly releaseMs: number; readonly tick: boolean }
  | {
      readonly kind: 'count';
      readonly withinMs: number;
      readonly atLeast: number;
      /** What must differ; null counts every event. */
      readonly distinct: CompiledTemplate | null;
    }
  | { readonly kind: 'together'; readonly withinMs: number }
  | {
      readonly kind: 'sequence';
      readonly withinMs: number;
      /** Longest time since the step before; the first has none. */
      readonly stepMs: readonly (number | null)[];
      readonly without: CompiledSide | null;
    }
  | { readonly kind: 'absent'; readonly withinMs: number; readonly side: CompiledSide };

export interface CompiledRule {
  readonly id: RuleId;
  readonly version: string;
  readonly document: RuleDocument;
  readonly title: Bilingual;
  readonly kind: string;
  readonly weight: number;
  readonly to: readonly Addressee[];
  readonly department: Department | null;
  readonly tiers: readonly CompiledTier[];
  /** The main sides: one for a plain rule, several for `together` and `sequence`, in their order. */
  readonly sides: readonly CompiledSide[];
  readonly pattern: Pattern;
  /** Only of rules with one main side. */
  readonly windows: readonly CompiledWindow[];
  /** How long a conclusion waits for late events that could disprove it. */
  readonly waitMs: number;
  /** Condition over all events of `together` or `sequence`. */
  readonly joint: CelExpression | null;
  /** Where the events of `together` and `sequence` must meet, where no `per` says it. */
  readonly inArea: boolean;
  readonly suppress: { readonly forMs: number; readonly extend: boolean; readonly atMostMs: number } | null;
  readonly params: RecordView;
  readonly paramValues: Readonly<Record<string, Scalar>>;
  readonly key: CompiledTemplate | null;
  readonly per: CompiledTemplate | null;
  readonly message: { readonly zh: CompiledTemplate; readonly en: CompiledTemplate };
  readonly facts: readonly (readonly [name: string, expression: CelExpression])[];
}

/** Every side of a rule, also what would end it and what must not come between. */
export function allSidesOf(rule: CompiledRule): readonly CompiledSide[] {
  const { pattern } = rule;
  if (pattern.kind === 'absent') return [...rule.sides, pattern.side];
  return pattern.kind === 'sequence' && pattern.without ? [...rule.sides, pattern.without] : rule.sides;
}

/** Whether an event passes a side's filters. */
export function passes(filters: readonly CompiledFilter[], event: GatewayEvent): boolean {
  const fields = event as unknown as Readonly<Record<string, unknown>>;
  for (const filter of filters) if (filter.kind === event.kind && hasAll(filter, fields)) return true;
  return false;
}

function hasAll(filter: CompiledFilter, fields: Readonly<Record<string, unknown>>): boolean {
  for (const [name, values] of filter.fields) if (!values.has(fields[name])) return false;
  return true;
}
