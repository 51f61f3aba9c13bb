import type { EventKind, GatewayEvent } from '../domain/event.ts';
import type { RuleId } from '../domain/ids.ts';
import type { Addressee } from '../domain/match.ts';
import type { Bilingual } from '../domain/text.ts';
import type { Tier } from '../domain/tier.ts';
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

/** One condition over one event: the whole of a plain rule, or one side of `together`. */
export interface CompiledSide {
  /** `event` for a plain rule. */
  readonly name: string;
  readonly filters: readonly CompiledFilter[];
  readonly condition: CelExpression | null;
}

/** Text with values in it. Undefined where a value is absent and the reader must know it (keys). */
export interface CompiledTemplate {
  /** Absent values read `–`. */
  render(context: CelContext): string;
  /** Undefined where a value is absent. */
  renderAll(context: CelContext): string | undefined;
}

export interface CompiledRule {
  readonly id: RuleId;
  readonly version: string;
  readonly document: RuleDocument;
  readonly title: Bilingual;
  readonly kind: string;
  readonly weight: number;
  readonly to: readonly Addressee[];
  readonly tiers: readonly CompiledTier[];
  readonly sides: readonly CompiledSide[];
  readonly forMs: number | null;
  readonly count: {
    readonly withinMs: number;
    readonly atLeast: number;
    /** What must differ; null counts every event. */
    readonly distinct: CompiledTemplate | null;
  } | null;
  readonly together: { readonly withinMs: number; readonly inArea: boolean } | null;
  readonly suppressMs: number | null;
  readonly params: RecordView;
  readonly paramValues: Readonly<Record<string, Scalar>>;
  readonly key: CompiledTemplate | null;
  readonly per: CompiledTemplate | null;
  readonly message: { readonly zh: CompiledTemplate; readonly en: CompiledTemplate };
  readonly facts: readonly (readonly [name: string, expression: CelExpression])[];
}

/** Whether an event passes a side's filters. */
export function passes(filters: readonly CompiledFilter[], event: GatewayEvent): boolean {
  const fields = event as unknown as Readonly<Record<string, unknown>>;
  return filters.some(
    (filter) => filter.kind === event.kind && filter.fields.every(([name, values]) => values.has(fields[name])),
  );
}
