import { describe, expect, it } from 'vitest';
import { runCamera } from '../bench/passages/run-camera.ts';
import { makeScenario, patterns, placeAt, type Pattern } from '../bench/passages/scenario.ts';
import { score, wilson } from '../bench/passages/score.ts';
import { createRandom } from '../support/simulators/random.ts';
import { createScriptedGate } from './scripted-gate.ts';

async function run(pattern: Pattern, seeds: readonly number[], forks: readonly string[] = ['a', 'b']) {
  const faults: string[] = [];
  for (const seed of seeds) {
    const random = createRandom(seed).fork(pattern);
    const gate = createScriptedGate(random.fork('gate'));
    const scenarios = forks.map((fork) => makeScenario(pattern, random.fork(fork)));
    const { outcomes, ghosts } = score(await runCamera({ ...gate, scenarios, random: random.fork('pauses') }));
    for (const { visit, rows, right, directionRight } of outcomes) {
      const seen = rows.map(({ text, accepted, direction }) => `${text} ${accepted ? '' : 'unsure '}${direction}`);
      if (!right || !directionRight)
        faults.push(`seed ${seed}: ${visit.plate.text} ${visit.direction}, seen ${seen.join(' + ') || 'nothing'}`);
    }
    for (const { text } of ghosts) faults.push(`seed ${seed}: ${text} of nothing`);
  }
  return faults;
}

describe('one visit is one row, with the right plate and direction, when a vehicle', () => {
  it.each(patterns.filter((pattern) => pattern !== 'waits ten minutes'))(
    '%s',
    async (pattern) => {
      expect(await run(pattern, [1, 2, 3])).toEqual([]);
    },
    120_000,
  );

  it('waits ten minutes', async () => {
    expect(await run('waits ten minutes', [1], ['a'])).toEqual([]);
  }, 240_000);
});

describe('a vehicle that drives through and can hardly be read', () => {
  it('is one row all the same, and an unsure one', async () => {
    const faults: string[] = [];
    for (const pattern of ['drives through', 'leaves'] as const) {
      for (const seed of [1, 2, 3, 4]) {
        const random = createRandom(seed).fork(pattern);
        const gate = createScriptedGate(random.fork('gate'), 0.4);
        const scenarios = [makeScenario(pattern, random.fork('a')), makeScenario(pattern, random.fork('b'))];
        const { rows } = await runCamera({ ...gate, scenarios, random: random.fork('pauses') });
        if (rows.length !== 2 || rows.some(({ accepted }) => accepted))
          faults.push(`${pattern} ${seed}: ${rows.map(({ text, accepted }) => `${text} ${accepted}`).join()}`);
      }
    }
    expect(faults).toEqual([]);
  }, 60_000);
});

describe('how passages are scored', () => {
  const [visit] = makeScenario('stops', createRandom(1)).expected;
  if (!visit) throw new Error('nothing expected');
  const row = {
    ...{ text: visit.plate.text, accepted: true, color: 'blue', kind: 'small', direction: 'in' },
    ...{ startedMs: visit.fromMs + 500, endedMs: visit.toMs, readAtMs: visit.fromMs + 900 },
  };
  const scored = (rows: readonly (typeof row)[]) => score({ visits: [{ ...visit, pattern: 'stops' }], rows });

  it('counts exactly one row with the right plate and says whether it was sure', () => {
    const right = (rows: readonly (typeof row)[]) => scored(rows).outcomes[0]?.right;
    expect(right([row])).toBe(true);
    expect(right([])).toBe(false);
    expect(right([row, row])).toBe(false);
    expect(right([{ ...row, accepted: false }])).toBe(true);
    expect(scored([{ ...row, accepted: false }]).outcomes[0]?.accepted).toBe(false);
    expect(scored([row]).outcomes[0]?.accepted).toBe(true);
    expect(right([{ ...row, text: `${row.text.slice(0, -1)}X` }])).toBe(false);
  });

  it('calls a row of another time or another text a row of nothing', () => {
    expect(scored([{ ...row, startedMs: visit.toMs + 60_000 }]).ghosts).toHaveLength(1);
    expect(scored([{ ...row, text: '京X98765' }]).ghosts).toHaveLength(1);
  });

  it('gives an interval that holds the share and narrows with more passages', () => {
    const [low, high] = wilson(990, 1000);
    expect(low).toBeGreaterThan(0.98);
    expect(high).toBeLessThan(0.996);
    expect(wilson(0, 0)).toEqual([0, 1]);
    expect(wilson(10, 10)[0]).toBeLessThan(0.8);
  });
});

describe('scenarios', () => {
  it.each(patterns)('of %s move without jumps and are the same for a seed', (pattern) => {
    const scenario = makeScenario(pattern, createRandom(4));
    expect(makeScenario(pattern, createRandom(4))).toEqual(scenario);
    expect(scenario.expected.length).toBeGreaterThan(0);
    for (const { path } of scenario.vehicles) {
      let before: number | null = null;
      for (let atMs = 0; atMs <= scenario.durationMs; atMs += 50) {
        const zM = placeAt(path, atMs);
        // 20 m/s is faster than anybody passes a gate.
        if (zM !== null && before !== null) expect(Math.abs(zM - before)).toBeLessThan(1.5);
        before = zM;
      }
    }
  });
});
