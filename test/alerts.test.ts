import { v7 } from 'uuid';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { noticeTypes } from '../gateway/domain/notice.ts';
import { noticeEvent, startDesk } from './desk/fixture.ts';
import { connectDevice, createCommunity, smokeAlarm, type Community } from './support/community.ts';
import { createTestFolder, kanmen } from './support/kanmen-process.ts';

/** Alerts followed to their end over real processes: gateway, desk, command line. */

// Each command is a process of its own, and takes seconds to start where many others are busy.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 });
const patience = { timeout: 90_000, interval: 250 };

let community: Community | null = null;
afterEach(async () => {
  await community?.close();
  community = null;
});

interface Health {
  readonly status: string;
  readonly canary: { readonly working: number; readonly broken: number; readonly unknown: number };
}
const healthOf = async (api: string): Promise<Health> => (await (await fetch(`${api}/health`)).json()) as Health;

describe('the ways to recipients', () => {
  it('are tried end to end, red in /health when they break, well again by themselves, and never shown as alerts', async () => {
    community = await createCommunity({
      devices: [],
      gateway: { alerts: { canary: { every: '2s', within: '3s' } } },
    });
    let desk = await community.startDesk();
    const gateway = await community.startGateway();
    const { api } = gateway.ready;
    await vi.waitFor(
      async () => expect(await healthOf(api)).toMatchObject({ status: 'ok', canary: { working: 1 } }),
      patience,
    );
    await desk.stop();
    await vi.waitFor(
      async () => expect(await healthOf(api)).toMatchObject({ status: 'degraded', canary: { broken: 1 } }),
      patience,
    );
    desk = await community.startDesk();
    await vi.waitFor(
      async () => expect(await healthOf(api)).toMatchObject({ canary: { working: 1, broken: 0 } }),
      patience,
    );
    // A way that broke may be a matter for a rule; the canaries themselves are nothing that anybody is shown.
    const shown = (await community.alertsAt('desk')).filter(({ kind }) => kind !== 'system.canary');
    expect(shown).toEqual([]);
  });
});

describe('the command line', () => {
  it('follows an alert to its end, partly at the gateway and partly at the desk', async () => {
    community = await createCommunity({ devices: ['fire/f1'] });
    await community.startDesk();
    const gateway = await community.startGateway();
    const credential = community.devices.get('fire/f1');
    if (!credential) throw new Error('no credential');
    const device = await connectDevice(gateway, credential);
    await device.publishAsync(`${credential.topicPrefix}/alarm`, smokeAlarm('f1'), { qos: 1 });
    await device.endAsync();
    const mine = community;
    await vi.waitFor(async () => expect(await mine.alertsAt('desk')).toHaveLength(1), patience);
    const [alert] = await mine.alertsAt('desk');
    const id = alert?.id ?? '';
    const run = (where: 'gateway' | 'desk', ...words: string[]) =>
      kanmen(['alerts', ...words, '-c', where === 'desk' ? mine.deskConfig : mine.gatewayConfig]);
    const stateIs = (state: string) =>
      vi.waitFor(async () => expect(await mine.alertsAt('gateway')).toMatchObject([{ id, state }]), patience);

    expect(await run('desk', 'ack', id, '--by', '李警官')).toMatchObject({ code: 0 });
    await stateIs('acknowledged');
    expect(await run('desk', 'note', id, '--by', '李警官', '--text', '现场平稳', '--steady')).toMatchObject({
      code: 0,
    });
    await stateIs('in-progress');
    const shown = await run('gateway', 'show', id, '--json');
    expect(JSON.parse(shown.stdout)).toMatchObject({ followUp: { progressBy: null } });
    // What is wrong is said, with what would be right.
    expect(await run('desk', 'close', id, '--by', '李警官', '--text', '回访')).toMatchObject({
      code: 1,
      stderr: 'a revisit comes after the outcome; give the outcome first\n',
    });
    expect((await run('gateway', 'note', id, '--by', '物业', '--text', '')).code).toBe(2);
    expect(
      await run('gateway', 'resolve', id, '--by', '物业', '--text', '电动车电池冒烟，已移走', '--json'),
    ).toMatchObject({ code: 0 });
    await stateIs('resolved');
    const revisit = await run('gateway', 'close', id, '--by', '物业', '--text', '复查无异常', '--json');
    expect(JSON.parse(revisit.stdout)).toMatchObject({ alertId: id, state: 'closed', awaits: [] });
    // An ended one is listed only when it is asked for.
    expect((await run('gateway', 'list', '--json')).stdout).toBe('');
    await vi.waitFor(
      async () => expect(await mine.alertsAt('desk')).toMatchObject([{ id, state: 'closed', shownCount: 1 }]),
      patience,
    );
  });
});

describe('an alert with nobody to tell', () => {
  it('is impossible: check refuses a configuration in which a rule reaches nobody, at any hour of the week', async () => {
    const folder = createTestFolder();
    try {
      folder.write('s.secret', `whsec_${Buffer.alloc(32, 1).toString('base64')}`);
      const config = (name: string, more: object): string =>
        folder.write(`${name}.yaml`, {
          site: { id: 'dongyuan', name: '东苑小区' },
          channels: { desk: { kind: 'webhook', url: 'http://127.0.0.1:1/x', secretFile: 's.secret' } },
          ...more,
        });
      const faultsOf = async (file: string): Promise<{ path: string; value: string | null; message: string }[]> => {
        const { stdout } = await kanmen(['check', '-c', file, '--json']);
        return stdout
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as { path: string; value: string | null; message: string })
          .filter(({ path }) => path === 'recipients');
      };
      const nobody = await faultsOf(config('nobody', {}));
      expect(nobody).toHaveLength(1);
      expect(nobody[0]?.message).toMatch(/^nobody is told: \d+ rules in force/);
      const station = { id: 'station', name: '派出所', role: 'station', channel: 'desk' };
      const duty = [{ id: 'day', shifts: [{ from: '08:00', to: '20:00' }] }];
      const byDay = await faultsOf(config('by-day', { recipients: [{ ...station, duty: 'day' }], duty }));
      expect(byDay.length).toBeGreaterThan(0);
      expect(byDay.every(({ message }) => message.startsWith('nobody on duty would be told by '))).toBe(true);
      expect(byDay[0]?.value).toContain('mon 20:00 – tue 08:00');
      const guard = { id: 'guard', name: '值班室', role: 'department', channel: 'desk' };
      const covered = config('covered', {
        recipients: [{ ...station, duty: 'day', standIns: ['guard'] }, guard],
        duty,
      });
      expect(await faultsOf(covered)).toEqual([]);
    } finally {
      folder.remove();
    }
  });
});

describe('a daily digest', () => {
  it('arrives at the desk as the alerts it holds, each once, also when it comes twice', async () => {
    const desk = await startDesk();
    const notices = ['a', 'b', 'c'].map((id) => {
      const { data } = noticeEvent('raised', { alertId: id, version: 1, tier: 'blue' });
      return { type: noticeTypes.raised, data };
    });
    const event = {
      ...{ specversion: '1.0', id: v7(), source: '/community/x/gateway/east', type: 'kanmen.digest.v1' },
      ...{ time: new Date().toISOString(), datacontenttype: 'application/json' },
      data: { gateway: 'east', site: { id: 'x', name: 'X' }, recipient: 'property', day: '2026-11-22', notices },
    };
    const gateway = desk.gateway('east');
    expect((await gateway.send(event)).status).toBe(200);
    expect((await gateway.send(event)).status).toBe(200);
    const lines = await desk.lines();
    expect(lines.map(({ id, tier, shownCount }) => [id, tier, shownCount]).sort()).toEqual([
      ['a', 'blue', 1],
      ['b', 'blue', 1],
      ['c', 'blue', 1],
    ]);
    // One that this desk could not show has no receipt.
    expect((await gateway.send({ ...event, id: v7(), type: 'kanmen.digest.v2' })).status).toBe(422);
  });
});
