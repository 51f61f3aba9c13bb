import { describe, expect, it } from 'vitest';
import { GatewayError } from '../lib/errors.ts';
import { silentLogger } from '../lib/logger.ts';
import { createRules, formatRuleFault, rulesOptions, type RuleFault, type RuleText } from './index.ts';

const right = `id: hot-port
title: { zh: 过热, en: Hot }
reason: because
source: own judgement
kind: charging.hot
params: { warnC: 60 }
when: { kind: charging, report: telemetry }
if: event.portC >= params.warnC
tier:
  - { tier: red, if: event.portC >= 70 }
  - { tier: orange }
to: [community]
key: "port:{{event.device}}:{{event.port}}"
suppress: { for: 10m }
message:
  zh: "温度 {{event.portC}}"
  en: "at {{event.portC}}"
facts:
  state: event.state
`;

function faultsOf(texts: readonly RuleText[], options: unknown = {}): readonly RuleFault[] {
  try {
    createRules({ source: texts, timeZone: 'UTC', options: rulesOptions.parse(options), logger: silentLogger });
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    expect(error.code).toBe('rules.invalid');
    return error.facts['faults'] as RuleFault[];
  }
  return [];
}
const change = (from: string, to: string): string => {
  expect(right).toContain(from);
  return right.replace(from, to);
};
const said = (text: string): string[] => faultsOf([{ file: 'r.yaml', text }]).map(formatRuleFault);

describe('a rule set', () => {
  it('is taken when it is right', () => {
    expect(said(right)).toEqual([]);
  });

  const charging =
    'id, at, receivedAt, area, late, device, port, report, state, powerW, voltageV, currentA, energyKwh, durationS, ambientC, portC, order, stopReason, sessionS, startPeakW';
  const variables =
    'params, state, event, now, hour, night, weekday, date, nightDate, workday, holiday, schoolDay, area, source, place';

  it.each<[what: string, text: string, faults: string[]]>([
    [
      'an unknown tier',
      change('tier: red,', 'tier: purple,'),
      ['r.yaml:10:13 tier[0].tier = "purple": must be a tier: red, orange, yellow, blue'],
    ],
    [
      'a window that nobody defined',
      change('if: event.portC', 'window: { riseC: { of: event.portC, is: rise, within: 5m } }\nif: window.riceC'),
      ['r.yaml:9:12 if: there is no field window.riceC, did you mean "riseC"? (allowed: riseC)'],
    ],
    [
      'a window over a text, of an unknown sort, or over too long a time',
      change('if: event.portC', 'window: { a: { of: event.state, is: rise, within: 5m } }\nif: event.portC'),
      ['r.yaml:8:20 window.a.of: is string, not a number'],
    ],
    [
      'a window beside a condition of time that it does not fit',
      change(
        'if: event.portC',
        'window: { a: { of: event.portC, is: rise, within: 5m } }\nabsent: { when: { kind: fire }, within: 1m }\nif: event.portC',
      ),
      ['r.yaml:8:9 window: stands beside `when` alone, `for` or `count`'],
    ],
    [
      'an unknown tier standing alone',
      change('tier:\n  - { tier: red, if: event.portC >= 70 }\n  - { tier: orange }', 'tier: purple'),
      ['r.yaml:9:7 tier = "purple": must be a tier (red, orange, yellow, blue) or a list of {tier, if}'],
    ],
    [
      'an unknown key of the document',
      change('suppress:', 'supress:'),
      [
        'r.yaml:14:1 supress: unknown key, did you mean "suppress"? (allowed: id, title, reason, source, kind, tier, to, department, when, if, window, for, tick, count, release, absent, sequence, without, wait, together, within, in, schedule, per, key, suppress, params, weight, message, facts, examples)',
      ],
    ],
    [
      'an unknown key of a block',
      change('en: Hot', 'en: Hot, de: Heiß'),
      ['r.yaml:2:27 title.de: unknown key (allowed: zh, en)'],
    ],
    ['a missing key', change('kind: charging.hot\n', ''), ['r.yaml:1:1 kind: is missing']],
    [
      'a wrong duration',
      change('10m', '10 minutes'),
      ['r.yaml:14:18 suppress.for = "10 minutes": a duration such as 30s, 5m or 2h between 1s and 31d'],
    ],
    [
      'an unknown kind of event',
      change('kind: charging,', 'kind: chargin,'),
      [
        'r.yaml:7:15 when.kind = "chargin": must be a kind of event: passage, charging, pile-alarm, fire, fire-telemetry, device, camera, zone, system',
      ],
    ],
    [
      'a filter on a field that the kind does not have',
      change('report: telemetry', 'alarm: smoke'),
      [`r.yaml:7:32 when.alarm = "smoke": an event of kind charging has no field alarm (allowed: ${charging})`],
    ],
    [
      'a filter on a value that never comes',
      change('report: telemetry', 'report: telemetrie'),
      [
        'r.yaml:7:33 when.report = "telemetrie": is never "telemetrie" (allowed: telemetry, session-start, session-end)',
      ],
    ],
    [
      'a filter of the wrong type',
      change('report: telemetry', 'port: "1"'),
      ['r.yaml:7:31 when.port = "1": must be a number'],
    ],
    [
      'an expression that names an unknown field',
      change('if: event.portC >= params.warnC', 'if: event.portc >= params.warnC'),
      [`r.yaml:8:11 if: there is no field event.portc, did you mean "portC"? (allowed: kind, ${charging})`],
    ],
    [
      'an expression that names an unknown parameter',
      change('>= params.warnC', '>= params.warn'),
      ['r.yaml:8:27 if: there is no field params.warn, did you mean "warnC"? (allowed: warnC)'],
    ],
    [
      'an expression that names an unknown variable',
      change('if: event.portC >= 70', 'if: evnt.portC >= 70'),
      [`r.yaml:10:22 tier[0].if: unknown variable: evnt (allowed: ${variables})`],
    ],
    [
      'has() of an unknown field',
      change('state: event.state', 'state: has(event.stat)'),
      [`r.yaml:19:20 facts.state: there is no field event.stat, did you mean "state"? (allowed: kind, ${charging})`],
    ],
    [
      'a comparison with a value that never comes',
      change('if: event.portC >= params.warnC', 'if: event.state == "chargin"'),
      [
        'r.yaml:8:20 if: event.state is never "chargin" (allowed: idle, plugged, charging, float, full, fault, offline)',
      ],
    ],
    [
      'CEL that is not CEL',
      change('if: event.portC >= params.warnC', 'if: event.portC >= '),
      ['r.yaml:8:19 if: is not CEL: Unexpected token: EOF'],
    ],
    [
      'a comparison of different types',
      change('if: event.portC >= params.warnC', "if: event.portC >= 'hot'"),
      ['r.yaml:8:5 if: no such overload: double >= string'],
    ],
    [
      'a condition that is a number',
      change('if: event.portC >= params.warnC', 'if: event.portC + 1'),
      ['r.yaml:8:5 if: is double, not yes or no (bool)'],
    ],
    [
      'a wrong expression inside a message',
      change('"at {{event.portC}}"', '"at {{event.portC}} and {{ event.temp }}"'),
      [`r.yaml:17:40 message.en: there is no field event.temp (allowed: kind, ${charging})`],
    ],
    [
      'braces that do not close',
      change('"at {{event.portC}}"', '"at {{event.portC"'),
      ['r.yaml:17:8 message.en: {{ and }} must come in pairs'],
    ],
    [
      'a fault in a folded block, on its own line',
      change(
        'if: event.portC >= params.warnC',
        'if: >-\n  event.portC >= params.warnC &&\n  event.port > 0 &&\n  event.powr > 3',
      ),
      [`r.yaml:11:9 if: there is no field event.powr, did you mean "port"? (allowed: kind, ${charging})`],
    ],
    [
      'a macro inside a macro',
      change('if: event.portC >= params.warnC', 'if: "[1.0, 2.0].exists(x, [3.0].all(y, y > x && y > event.portC))"'),
      ['r.yaml:8:27 if: a macro inside a macro: the work would grow with the product of both lists'],
    ],
    [
      'more than 200 nodes',
      change(
        'if: event.portC >= params.warnC',
        `if: ${Array.from({ length: 60 }, () => 'event.portC > 1').join(' && ')}`,
      ),
      ['r.yaml:8:771 if: is not CEL: Exceeded maxAstNodes (200)'],
    ],
    [
      'a list of more than 64',
      change(
        'if: event.portC >= params.warnC',
        `if: "event.port in [${Array.from({ length: 65 }, (_, i) => i).join(',')}]"`,
      ),
      ['r.yaml:8:203 if: is not CEL: Exceeded maxListElements (64)'],
    ],
    [
      'a pattern that is not a literal',
      change('if: event.portC >= params.warnC', 'if: event.device.matches(event.area)'),
      ['r.yaml:8:5 if: matches() takes one literal pattern (allowed: text.matches("^A[0-9]+$"))'],
    ],
    [
      'a pattern that RE2 does not know',
      change('if: event.portC >= params.warnC', 'if: event.device.matches("(a)\\\\1")'),
      ['r.yaml:8:26 if: is not a pattern that RE2 knows (allowed: RE2 syntax)'],
    ],
    [
      'YAML that is not YAML',
      'id: [\n',
      ['r.yaml:2:1: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ],
    [
      'a time without a condition',
      change('if: event.portC >= params.warnC', 'for: 30s'),
      ['r.yaml:8:6 for = "30s": `for` needs `if`: without a condition nothing would ever end the time'],
    ],
    [
      'several faults at once, in the order of their lines',
      change('10m', 'soon').replace('>= params.warnC', '>= 60').replace('tier: orange', 'tier: pink'),
      [
        'r.yaml:11:13 tier[1].tier = "pink": must be a tier: red, orange, yellow, blue',
        'r.yaml:14:18 suppress.for = "soon": a duration such as 30s, 5m or 2h between 1s and 31d',
      ],
    ],
  ])('with %s is refused with file, line and column', (_what, text, faults) => {
    expect(said(text)).toEqual(faults);
  });

  it('with one id in two files is refused in the second', () => {
    const faults = faultsOf([
      { file: 'a.yaml', text: right },
      { file: 'b.yaml', text: `\n${right}` },
    ]);
    expect(faults.map(formatRuleFault)).toEqual(['b.yaml:2:5 id = "hot-port": stands in a.yaml already']);
  });

  it('with one wrong rule among right ones is refused whole', () => {
    const other = right.replace('hot-port', 'other');
    const faults = faultsOf([
      { file: 'a.yaml', text: right },
      { file: 'b.yaml', text: other.replace('10m', 'x') },
    ]);
    expect(faults.map(({ file }) => file)).toEqual(['b.yaml']);
  });

  it('refuses settings for rules and parameters that do not exist', () => {
    const faults = faultsOf([{ file: 'a.yaml', text: right }], {
      settings: {
        'hot-prt': { suppress: '5s' },
        'hot-port': { for: '5s', params: { warnC: 'hot', limitC: 3 } },
      },
    });
    expect(faults.map(({ path, message, allowed }) => [path, message, allowed])).toEqual([
      ['rules.settings.hot-prt', 'there is no such rule, did you mean "hot-port"?', 'hot-port'],
      ['rules.settings.hot-port.params.warnC', 'must be a number', null],
      ['rules.settings.hot-port.params.limitC', 'the rule has no such parameter', 'warnC'],
      ['rules.settings.hot-port.for', 'the rule has no `for`', null],
    ]);
  });

  it('in a folder that is not there is refused', () => {
    expect(() =>
      createRules({ source: '/nowhere', timeZone: 'UTC', options: rulesOptions.parse({}), logger: silentLogger }),
    ).toThrow(expect.objectContaining({ code: 'rules.invalid' }));
  });
});
