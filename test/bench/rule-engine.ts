// Questions: how many events a second do the rules alone take on one core, and does an event cost more where there are
// ten times as many rules, of which the others cannot match it?
import { join } from 'node:path';
import type { GatewayEvent } from '../../gateway/domain/event.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { createRules, readRuleTexts, rulesOptions, type RuleText } from '../../gateway/rules/index.ts';
import { projectRoot } from '../support/kanmen-process.ts';
import { percentiles, round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';
import { mixedEvents } from './rule-events.ts';

const pack = (): readonly RuleText[] => readRuleTexts(join(projectRoot, 'rules'));
const fromMs = Date.UTC(2026, 9, 1);

const slice = 10_000;
/** Slices that only warm up. */
const warmUp = 5;

/** CPU µs per event of rules on the same events, a slice at a time: a gateway does not hold the events of hours either. */
function measure(texts: readonly RuleText[], slices: number, seed: number): { us: number[]; matches: number } {
  const options = rulesOptions.parse({});
  const rules = createRules({ source: texts, timeZone: 'Asia/Shanghai', options, logger: silentLogger });
  const us: number[] = [];
  let matches = 0;
  for (let index = 0; index < warmUp + slices; index += 1) {
    const events = sliceOf(index, seed);
    const before = process.cpuUsage();
    for (const event of events) matches += rules.evaluate(event).matches.length;
    const used = process.cpuUsage(before);
    if (index >= warmUp) us.push((used.user + used.system) / slice);
  }
  return { us, matches };
}

/** Ten thousand events: about a minute of a busy estate. */
function sliceOf(index: number, seed: number): readonly GatewayEvent[] {
  return [...mixedEvents(slice, { fromMs: fromMs + index * 60_000, spanMs: 60_000, seed: seed * 1000 + index })];
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function runEngine({ full, seed, say }: BenchmarkOptions): Promise<Finding> {
  const slices = full ? 150 : 40;
  say(`${slices * slice} mixed events, the standard pack`);
  const { us, matches } = measure(pack(), slices, seed);
  const texts = sliceOf(0, seed).map((event) => JSON.stringify(event));
  for (const text of texts) JSON.parse(text);
  const before = process.cpuUsage();
  for (const text of texts) JSON.parse(text);
  const used = process.cpuUsage(before);
  const parseUs = (used.user + used.system) / texts.length;
  const usPerEvent = meanOf(us);
  return Promise.resolve({
    value: matches === 0 ? null : Math.round(1e6 / usPerEvent),
    unit: 'events/s on one core (CPU time)',
    baseline: { name: 'JSON.parse of the same events, events/s', value: Math.round(1e6 / parseUs) },
    ...percentiles(us),
    extra: {
      rules: pack().length,
      usPerEvent: round(usPerEvent, 2),
      matches,
      percentilesOf: 'µs per event, slices of 10 000',
    },
    ...(matches === 0 && { void: 'nothing matched: the rules were not asked' }),
  });
}

export const ruleEngine: Benchmark = {
  name: 'rule-engine',
  question: 'events a second through the standard pack alone, on one core',
  run: runEngine,
};

/** Rules that no event of the benchmark can match: of other kinds, of other choices, aimed at other areas. */
function strangers(count: number): readonly RuleText[] {
  const whens = [
    '{ kind: zone, use: fire-lane }',
    '{ kind: pile-alarm, alarm: smoke }',
    '{ kind: charging, report: telemetry, area: elsewhere-% }',
    '{ kind: fire-telemetry, area: [elsewhere-%, nowhere-%] }',
    '{ kind: device, change: offline, device: fire/other-% }',
    '{ kind: passage, subject: vehicle, camera: gate-other-% }',
  ];
  return Array.from({ length: count }, (_, index) => {
    const when = (whens[index % whens.length] ?? '').replaceAll('%', String(index));
    const text = `id: stranger-${index}
title: { zh: 题, en: title }
reason: a rule of another place
source: benchmark
kind: bench.stranger
tier: yellow
when: ${when}
if: event.at > 0
for: 5m
to: [community]
key: 'stranger:{{source}}'
suppress: { for: 10m }
message: { zh: 文, en: text }
`;
    return { file: `stranger-${index}.yaml`, text };
  });
}

function runScaling({ full, seed, say }: BenchmarkOptions): Promise<Finding> {
  const slices = full ? 80 : 25;
  const few = pack().slice(0, 30);
  const many = [...few, ...strangers(300 - few.length)];
  const rounds: { few: number; many: number }[] = [];
  let matches: readonly [number, number] = [0, 0];
  for (let round_ = 0; round_ < 3; round_ += 1) {
    say(`round ${round_ + 1}: ${few.length} rules, then ${many.length}`);
    const [a, b] = [measure(few, slices, seed), measure(many, slices, seed)];
    rounds.push({ few: meanOf(a.us), many: meanOf(b.us) });
    matches = [a.matches, b.matches];
  }
  const ratios = rounds.map((one) => one.many / one.few);
  const same = matches[0] === matches[1] && matches[0] > 0;
  return Promise.resolve({
    value: same ? round([...ratios].sort((a, b) => a - b)[1] ?? 0, 3) : null,
    unit: '× (CPU per event with 300 rules ÷ with 30)',
    baseline: { name: '30 rules, µs per event', value: round(meanOf(rounds.map((one) => one.few)), 2) },
    ...percentiles(ratios),
    extra: { rules: [few.length, many.length], matches, usPerEvent: rounds },
    ...(!same && { void: `the two sets did not match alike: ${matches.join(' and ')}` }),
  });
}

export const ruleScaling: Benchmark = {
  name: 'rule-scaling',
  question: 'CPU per event with 300 rules, of which 270 cannot match, against the 30',
  run: runScaling,
};
