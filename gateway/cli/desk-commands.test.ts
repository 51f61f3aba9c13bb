import { describe, expect, it } from 'vitest';
import { runProgram, type Commands } from './index.ts';

/** What a command line calls, and with what. */
async function called(...args: string[]): Promise<{ code: number; calls: unknown[] }> {
  const calls: unknown[] = [];
  const commands = new Proxy({} as Commands, {
    get:
      (_target, name) =>
      (...given: unknown[]) => {
        calls.push([name, ...given]);
        return Promise.resolve(0);
      },
  });
  const nothing = (): void => undefined;
  return { code: await runProgram(args, { commands, version: '1', out: nothing, err: nothing }), calls };
}

describe('the commands of the desk', () => {
  it('take their own -c, wherever it stands, and `desk` alone still runs the desk', async () => {
    expect((await called('desk', '-c', 'a.yaml')).calls).toEqual([['desk', { config: 'a.yaml' }]]);
    expect((await called('desk')).calls).toEqual([['desk', { config: 'desk.yaml' }]]);
    expect((await called('desk', 'invite', 'east', '--name', '东苑', '-c', 'a.yaml', '--json')).calls).toEqual([
      ['deskInvite', 'east', { name: '东苑', config: 'a.yaml', json: true }],
    ]);
    expect((await called('desk', 'revoke', 'east', '-c', 'a.yaml', '--reason', 'x')).calls).toEqual([
      ['deskRevoke', 'east', { config: 'a.yaml', reason: 'x', json: false }],
    ]);
    expect((await called('desk', 'audit', 'verify', '-c', 'a.yaml')).calls).toEqual([
      ['deskAuditVerify', { config: 'a.yaml', json: false }],
    ]);
    expect((await called('desk', 'revoke', 'east')).code).toBe(2);
  });

  it('pair by a link, or make new keys', async () => {
    expect((await called('pair', 'CODE@https://desk', '-c', 'g.yaml')).calls).toEqual([
      ['pair', 'CODE@https://desk', { config: 'g.yaml', rotate: false, json: false }],
    ]);
    expect((await called('pair', '--rotate', '--channel', 'desk')).calls).toEqual([
      ['pair', undefined, { config: 'kanmen.yaml', rotate: true, channel: 'desk', json: false }],
    ]);
  });

  it('leave the -c of all others where it was', async () => {
    expect((await called('rules', 'list', '-c', 'g.yaml', '--json')).calls).toEqual([
      ['rulesList', { config: 'g.yaml', json: true }],
    ]);
    expect((await called('users', 'add', '-c', 'g.yaml', '王')).calls).toEqual([
      ['usersAdd', '王', { config: 'g.yaml', role: 'viewer', json: false }],
    ]);
  });
});
