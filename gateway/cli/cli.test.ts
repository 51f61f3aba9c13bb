import { describe, expect, it } from 'vitest';
import { formatJsonLines, formatTable, runProgram, type Commands } from './index.ts';

/** A program whose commands only say that they were called, and with what. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string; called: unknown[] }> {
  const called: unknown[] = [];
  let out = '';
  let err = '';
  const commands = new Proxy({} as Commands, {
    get:
      (_target, name) =>
      (...given: unknown[]) => {
        called.push([name, ...given]);
        return Promise.resolve(0);
      },
  });
  const code = await runProgram(args, {
    commands,
    version: '1.2.3',
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err, called };
}

const single = ['init', 'run', 'check', 'desk', 'demo', 'inspect', 'backup', 'restore'];
const groups = {
  models: ['list', 'pull', 'add', 'verify'],
  rules: ['test'],
  devices: ['add', 'list', 'remove', 'rotate', 'last-fault'],
  users: ['add', 'list', 'remove', 'password'],
  alerts: ['list', 'show', 'answer'],
} as const;
const leaves = [
  ...single.map((name) => [name]),
  ...Object.entries(groups).flatMap(([group, names]) => names.map((name) => [group, name])),
];

describe('the command line', () => {
  it.each(leaves.map((words) => words.join(' ')))('explains %s without running it', async (words) => {
    const { code, out, err, called } = await run(...words.split(' '), '--help');
    expect({ code, err, called }).toEqual({ code: 0, err: '', called: [] });
    expect(out).toMatch(new RegExp(`^Usage: kanmen ${words}\\b`));
    // Every option has its words: nothing but a flag on a line is a riddle.
    const bare = out.split('\n').filter((line) => /^ {2}-/.test(line) && !/^ {2}\S.*? {2,}\S/.test(line));
    expect(bare).toEqual([]);
  });

  it.each([
    ['an unknown command', ['rum'], /unknown command 'rum'[\s\S]*run/],
    ['an unknown option', ['run', '--confg', 'x'], /unknown option '--confg'[\s\S]*--config/],
    ['a missing argument', ['devices', 'remove'], /missing required argument/],
    ['too many arguments', ['run', 'kanmen.yaml'], /too many arguments/],
    ['a choice that is none', ['alerts', 'answer', 'a1', '--by', 'x', '--kind', 'maybe'], /Allowed choices are/],
    ['no command at all', [], /Usage: kanmen/],
    ['a group alone', ['devices'], /Usage: kanmen devices/],
  ])('answers 2 and says why for %s', async (_what, args, said) => {
    const { code, out, err, called } = await run(...args);
    expect({ code, out, called }).toEqual({ code: 2, out: '', called: [] });
    expect(err).toMatch(said);
  });

  it('hands options and arguments on as they were written', async () => {
    expect((await run('devices', 'add', 'fire/f-1', 'fire/f-2', '--area', 'a', '--json')).called).toEqual([
      ['devicesAdd', ['fire/f-1', 'fire/f-2'], { config: 'kanmen.yaml', json: true, area: 'a' }],
    ]);
    expect((await run('desk')).called).toEqual([['desk', { config: 'desk.yaml' }]]);
    expect((await run('init')).called).toEqual([['init', 'kanmen-gateway', { yes: false, desk: false, force: false }]]);
  });

  it('prints its version', async () => {
    expect((await run('--version')).out).toBe('1.2.3\n');
  });
});

describe('tables', () => {
  it('have a head for each column and a dash for what is not there', () => {
    expect(formatTable([{ a: 'x', b: null }], { a: 'first', b: 'second' })).toBe('first  second\nx      –     \n');
    expect(formatTable([])).toBe('');
  });

  it('are one JSON document a line for machines', () => {
    expect(formatJsonLines([{ a: 1 }, { b: '二' }])).toBe('{"a":1}\n{"b":"二"}\n');
    expect(formatJsonLines([])).toBe('');
  });
});
