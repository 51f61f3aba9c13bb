import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeScenario } from '../support/stream-set/scenario.ts';
import { foreignStreams } from './gate-recall-streams.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kanmen-streams-'));
  writeFileSync(join(dir, 'a.mp4'), '');
  writeFileSync(join(dir, 'b.mkv'), '');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const read = (...rows: readonly string[]) => {
  writeFileSync(join(dir, 'passages.tsv'), rows.join('\n'));
  return foreignStreams(dir);
};

describe('streams of somebody else', () => {
  it('takes a table with or without names of columns, texts and empty lines, and puts rows of one file together', () => {
    const wanted = [
      ['a.mp4', [1000, 2000, '浙B12345'], [5000, 9000, null]],
      ['b.mkv', [0, 400.5, null]],
    ];
    const rows = ['a.mp4\t1000\t2000\t浙B12345', 'b.mkv\t0\t400.5', '', 'a.mp4\t5000\t9000\t\r'];
    for (const table of [rows, ['file\tstartMs\tendMs\ttext', ...rows]])
      expect(
        read(...table).map(({ file, passages }) => [
          file,
          ...passages.map(({ fromMs, untilMs, text }) => [fromMs, untilMs, text]),
        ]),
      ).toEqual(wanted);
  });

  it.each([
    ['a.mp4\t10\t20\nc.mp4\t1\t2', /line 2: there is no file c\.mp4/],
    ['a.mp4\t20\t10', /line 1: wants file, startMs, endMs/],
    ['a.mp4\t1\t2\na.mp4\tten\t20', /line 2: wants/],
  ])('names file and line of a row that is wrong: %j', (table, complaint) => {
    expect(() => read(table)).toThrow(complaint);
  });
});

describe('scenarios of the own set', () => {
  it('are the same for the same seed and others for another, with passages one after the other', () => {
    const make = (seed: number) => makeScenario(seed, 3, { light: 'day', fps: 12.5, passages: 4 });
    expect(make(1)).toEqual(make(1));
    expect(make(2).vehicles).not.toEqual(make(1).vehicles);
    const times = make(1).vehicles.map(({ atMs }) => atMs);
    expect(times).toHaveLength(4);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });
});
