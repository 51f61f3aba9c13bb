import { formatNumber, type CelCompiler, type CelExpression, type CelValue } from './cel.ts';
import type { CelFault } from './cel-bounds.ts';
import type { CompiledTemplate } from './compiled-rule.ts';

export type TemplateResult =
  | { readonly ok: true; readonly template: CompiledTemplate }
  | { readonly ok: false; readonly faults: readonly CelFault[] };

/** Texts kept of one template: the keys of 200 piles with 10 ports, or of a register of some thousand plates. */
const maxKeptTexts = 20_000;

/**
 * The same text for the same one or two values, put together once: keys are asked for at every event, and a text that was
 * looked up before has its hash.
 */
function keepTexts(
  render: CompiledTemplate['renderAll'],
  [first, second]: readonly CelExpression[],
): CompiledTemplate['renderAll'] {
  if (!first) return render;
  const texts = new Map<CelValue, Map<CelValue, string>>();
  let kept = 0;
  return (context) => {
    const a = first.evaluate(context);
    const b = second ? second.evaluate(context) : true;
    if (a === undefined || b === undefined) return undefined;
    const known = texts.get(a)?.get(b);
    if (known !== undefined) return known;
    const made = render(context);
    if (made === undefined) return undefined;
    if (kept >= maxKeptTexts) {
      texts.clear();
      kept = 0;
    }
    kept += 1;
    const those = texts.get(a);
    if (those) those.set(b, made);
    else texts.set(a, new Map([[b, made]]));
    return made;
  };
}

/** Compiles `text {{CEL}} text`. Faults carry their offset in the whole template. */
export function compileTemplate(source: string, compiler: CelCompiler): TemplateResult {
  const parts: (string | CelExpression)[] = [];
  const faults: CelFault[] = [];
  let end = 0;
  for (const found of source.matchAll(/\{\{(.*?)\}\}/gs)) {
    parts.push(source.slice(end, found.index));
    end = found.index + found[0].length;
    const inner = found[1] ?? '';
    const result = compiler.value(inner.trim());
    if (result.ok) parts.push(result.expression);
    else {
      const leading = inner.length - inner.trimStart().length;
      faults.push({ ...result.fault, offset: found.index + 2 + leading + result.fault.offset });
    }
  }
  parts.push(source.slice(end));
  const loose = parts.findIndex((part) => typeof part === 'string' && /\{\{|\}\}/.test(part));
  if (loose !== -1) faults.push({ message: '{{ and }} must come in pairs', allowed: null, offset: 0 });
  if (faults.length > 0) return { ok: false, faults };
  const templateOf = (absent: string | null): CompiledTemplate['renderAll'] => {
    return (context) => {
      let text = '';
      for (const part of parts) {
        if (typeof part === 'string') {
          text += part;
          continue;
        }
        const value = part.evaluate(context);
        const shown = value === undefined ? absent : formatValue(value);
        if (shown === null) return undefined;
        text += shown;
      }
      return text;
    };
  };
  const expressions = parts.filter((part) => typeof part !== 'string');
  const renderAll = expressions.length > 2 ? templateOf(null) : keepTexts(templateOf(null), expressions);
  const render = templateOf('–');
  const references = parts.flatMap((part) => (typeof part === 'string' ? [] : part.references));
  return { ok: true, template: { references, renderAll, render: (context) => render(context) ?? '' } };
}

function formatValue(value: CelValue): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? formatNumber(value) : String(value);
}
