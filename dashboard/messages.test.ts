import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deskAuditActions } from '../gateway/inbox/audit-actions.ts';
import { en } from './shared/messages/en.ts';
import { zh } from './shared/messages/zh.ts';

/** `a.b.c` → text, for every leaf. */
function leaves(messages: object, path = ''): Map<string, string> {
  return new Map(
    Object.entries(messages).flatMap(([key, value]: [string, unknown]) =>
      typeof value === 'string' ? [[`${path}${key}`, value] as const] : [...leaves(value as object, `${path}${key}.`)],
    ),
  );
}
const chinese = leaves(zh);
const english = leaves(en);
const sources = ['gateway', 'desk', 'shared'].flatMap((folder) =>
  readdirSync(join(import.meta.dirname, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(vue|ts)$/.test(name) && !name.startsWith('messages'))
    .map((name) => readFileSync(join(import.meta.dirname, folder, name), 'utf8')),
);

describe('messages', () => {
  it('say the same things in both languages', () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort());
    expect([...english].filter(([key, text]) => /\p{Script=Han}/u.test(text) && key !== 'nav.language')).toEqual([]);
  });

  it('are filled in with the same values in both languages', () => {
    const slots = (text: string): string[] => [
      ...new Set([...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? '')),
    ];
    const unlike = [...chinese].filter(
      ([key, text]) =>
        slots(text).sort().join() !==
        slots(english.get(key) ?? '')
          .sort()
          .join(),
    );
    expect(unlike).toEqual([]);
  });

  it('have a name for everything that the audit log of a desk can say', () => {
    expect(deskAuditActions.filter((action) => !chinese.has(`audit.name.${action}`))).toEqual([]);
  });

  it('say in both languages what every refusal of the two servers means', () => {
    const servers = ['inbox', 'api'].flatMap((room) => {
      const folder = join(import.meta.dirname, '../gateway', room);
      return readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
        .map((name) => readFileSync(join(folder, name), 'utf8'));
    });
    const codes = servers.flatMap((text) => [
      ...[...text.matchAll(/new (?:HttpError|ApiError)\(\s*\d+,\s*'([\w.-]+)'/g)].map((found) => found[1] ?? ''),
      ...[...text.matchAll(/^ {2}'([\w.-]+)': [45]\d\d,$/gm)].map((found) => found[1] ?? ''),
    ]);
    expect(codes.length).toBeGreaterThan(40);
    // What machines alone are told: gateways that sign, links that were shared, and what no page asks for.
    const forMachines =
      /^(signature|pair|evidence\.damaged|plan\.missing|request\.(range|upgrade|unknown-route)|device|link)/;
    const missing = [...new Set(codes)].filter(
      (code) => !forMachines.test(code) && !chinese.has(`error.codes.${code}`),
    );
    expect(missing).toEqual([]);
  });

  it('are there for every name that the pages use, and used by some page', () => {
    const text = sources.join('\n');
    const literal = [...text.matchAll(/\bte?\(\s*'([\w.-]+)'/g)].map((found) => found[1] ?? '');
    expect(literal.filter((key) => !chinese.has(key))).toEqual([]);
    // Names that are put together at run time stand for a whole group: `state.${state}`, tm('health.wireNames').
    const built = [...text.matchAll(/`(\w+(?:\.\w+)*)\.\$\{/g), ...text.matchAll(/\btm\('([\w.]+)'/g)];
    const groups = built.map((found) => `${found[1] ?? ''}.`);
    // `tier.${tier}Long` is of the group `tier`; names chosen by a condition stand in quotes.
    const quoted = new Set([...text.matchAll(/'([\w.-]+)'/g)].map((found) => found[1] ?? ''));
    const used = (key: string): boolean => quoted.has(key) || groups.some((group) => key.startsWith(group));
    expect([...chinese.keys()].filter((key) => !used(key))).toEqual([]);
  });
});
