import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRuleTexts } from './rule-set.ts';
import { editRule, textOfRule } from './edit-rule.ts';
import { rulesOptions, testRules } from './index.ts';

const texts = readRuleTexts(join(import.meta.dirname, '../../rules'));
const hot = textOfRule(texts, 'charging-over-temperature')?.text ?? '';
const comment = ['2026-11-22 13:05 王芳: warnC 60 → 64', '车棚朝南，夏天插座本来就热'];

/** Lines that are in one of two texts only. */
const changedLines = (before: string, after: string) => {
  const [old, now] = [before.split('\n'), after.split('\n')];
  return { gone: old.filter((line) => !now.includes(line)), come: now.filter((line) => !old.includes(line)) };
};

describe('a change written into a rule’s document', () => {
  it('replaces the one value, says above it who and why, and leaves every other line alone', () => {
    const edited = editRule(hot, { setting: 'params.warnC', from: 60, to: 64, comment });
    expect(edited.ok).toBe(true);
    if (!edited.ok) return;
    expect(changedLines(hot, edited.text)).toEqual({
      gone: ['params: { warnC: 60, criticalC: 70 }'],
      come: [
        '# 2026-11-22 13:05 王芳: warnC 60 → 64',
        '# 车棚朝南，夏天插座本来就热',
        'params: { warnC: 64, criticalC: 70 }',
      ],
    });
  });

  it('changes a suppression, also one that did not stand there', () => {
    const longer = editRule(hot, { setting: 'suppress', from: '10m', to: '3h', comment });
    expect(longer.ok && longer.text).toContain(
      '王芳: warnC 60 → 64\n# 车棚朝南，夏天插座本来就热\nsuppress: { for: 3h }',
    );
    const without = hot.replace('suppress: { for: 10m }\n', '');
    const fresh = editRule(without, { setting: 'suppress', from: null, to: '3h', comment });
    expect(fresh.ok && changedLines(without, fresh.text).come).toContain('suppress: { for: 3h }');
  });

  it('can be made in every rule of the pack that has a number to change, and the set still compiles', () => {
    const options = rulesOptions.parse({});
    let changed = 0;
    for (const text of texts) {
      const name = /^params: \{ (\w+): ([\d.]+)/m.exec(text.text);
      if (!name) continue;
      const [, param = '', value = ''] = name;
      const edit = { setting: `params.${param}`, from: Number(value), to: Number(value) + 1, comment };
      const edited = editRule(text.text, edit);
      expect(edited).toMatchObject({ ok: true });
      if (edited.ok) testRules([{ file: text.file, text: edited.text }], { timeZone: 'Asia/Shanghai', options });
      changed += 1;
    }
    expect(changed).toBeGreaterThan(10);
  });

  it('is refused where something else stands there, and for what is no setting', () => {
    const refused = (setting: string, from: number | string | null, text = hot) =>
      editRule(text, { setting, from, to: 64, comment });
    expect(refused('params.warnC', 61)).toEqual({ ok: false, reason: 'params.warnC is 60 now, not 61' });
    expect(refused('params.coldC', 60)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('params.coldC') as string,
    });
    expect(refused('tier', 'red')).toMatchObject({ ok: false });
    expect(refused('params.warnC', 60, 'id: [')).toMatchObject({ ok: false });
    expect(readFileSync(textOfRule(texts, 'charging-over-temperature')?.file ?? '', 'utf8')).toBe(hot);
  });
});
