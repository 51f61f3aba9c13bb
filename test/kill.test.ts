import { afterEach, describe, expect, it } from 'vitest';
import { connectDevice, createCommunity, smokeAlarm, type Community } from './support/community.ts';

let community: Community | null = null;
afterEach(async () => {
  await community?.close();
  community = null;
});

const open = async (): Promise<Community> => (community = await createCommunity({ devices: ['fire/f-0001'] }));
const kill = (point: string): Record<string, string> => ({ KANMEN_TEST: '1', KANMEN_KILL_AT: point });

/** Publishes one smoke alarm and waits until the gateway has acknowledged it, over as many connections as that takes. */
async function reportSmoke(from: Community, gateway: Awaited<ReturnType<Community['startGateway']>>) {
  const credential = from.devices.get('fire/f-0001')!;
  const device = await connectDevice(gateway, credential);
  const acknowledged = device.publishAsync(`${credential.topicPrefix}/alarm`, smokeAlarm('f-0001'), { qos: 1 });
  return { acknowledged, end: () => device.endAsync(true) };
}

/** The one alert at the desk, and the same at the gateway; then nothing more comes. */
async function expectExactlyOne(from: Community): Promise<void> {
  await expect.poll(async () => (await from.alertsAt('desk')).length, { timeout: 20_000 }).toBe(1);
  await expect
    .poll(async () => (await from.alertsAt('gateway')).map(({ state }) => state), { timeout: 20_000 })
    .toEqual(['delivered']);
  const [atDesk] = await from.alertsAt('desk');
  const [atGateway] = await from.alertsAt('gateway');
  expect(atDesk).toMatchObject({ id: atGateway?.id, tier: 'red', kind: 'fire.smoke', shownCount: 1 });
}

describe('a smoke alarm and SIGKILL', { timeout: 90_000 }, () => {
  it('reaches the desk once when nothing is killed, and the acknowledgement comes back', async () => {
    const all = await open();
    await all.startDesk();
    const gateway = await all.startGateway();
    const smoke = await reportSmoke(all, gateway);
    await smoke.acknowledged;
    await smoke.end();
    await expectExactlyOne(all);
  });

  for (const point of ['ingest.before-commit', 'ingest.after-commit', 'outbox.before-send', 'outbox.after-send']) {
    it(`reaches the desk once when the gateway is killed at ${point}`, async () => {
      const all = await open();
      await all.startDesk();
      const doomed = await all.startGateway(kill(point));
      const smoke = await reportSmoke(all, doomed);
      expect(await doomed.ended).toBe('SIGKILL');
      await all.startGateway();
      await smoke.acknowledged;
      await smoke.end();
      await expectExactlyOne(all);
    });
  }

  for (const point of ['desk.before-store', 'desk.after-store']) {
    it(`reaches the desk once when the desk is killed at ${point}`, async () => {
      const all = await open();
      const doomed = await all.startDesk(kill(point));
      const gateway = await all.startGateway();
      const smoke = await reportSmoke(all, gateway);
      await smoke.acknowledged;
      await smoke.end();
      expect(await doomed.ended).toBe('SIGKILL');
      await all.startDesk();
      await expectExactlyOne(all);
    });
  }

  it('acknowledges nothing that it has not stored: a message cut off by the kill is sent again', async () => {
    const all = await open();
    const doomed = await all.startGateway(kill('ingest.before-commit'));
    const smoke = await reportSmoke(all, doomed);
    let acknowledged = false;
    void smoke.acknowledged.then(() => {
      acknowledged = true;
    });
    await doomed.ended;
    expect(acknowledged).toBe(false);
    expect(await all.alertsAt('gateway')).toEqual([]);
    await all.startGateway();
    await smoke.acknowledged;
    await smoke.end();
    expect(await all.alertsAt('gateway')).toHaveLength(1);
  });
});
