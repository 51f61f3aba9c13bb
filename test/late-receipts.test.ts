import { expect, it, onTestFinished } from 'vitest';
import { openFarSide } from '../gateway/channels/webhook/far-side.ts';
import { connectDevice, createCommunity, smokeAlarm } from './support/community.ts';
import { openDesk } from './support/demo/clients.ts';
import { kanmen } from './support/kanmen-process.ts';

const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const generous = { timeout: 60_000 };

it(
  'a station learns with a canary that somebody whose line was away has the alert now',
  { timeout: 180_000 },
  async () => {
    const far = await openFarSide(secret);
    onTestFinished(() => far.close());
    far.behave({ kind: 'break' });
    const community = await createCommunity({
      devices: ['fire/f-1'],
      channels: { property: { kind: 'webhook', url: far.origin, secretFile: 'property.secret', timeout: '1s' } },
      files: { 'property.secret': secret },
      gateway: {
        recipients: [
          { id: 'station', name: '派出所', role: 'station', channel: 'desk' },
          { id: 'property', name: '物业', role: 'community', channel: 'property' },
        ],
        alerts: { canary: { every: '1s' } },
      },
    });
    onTestFinished(() => community.close());
    const add = ['users', 'add', 'li', '--role', 'duty', '--password-file', '-', '-c', community.deskConfig];
    expect(await kanmen(add, 'long-enough-password\n')).toMatchObject({ code: 0 });
    const desk = await openDesk((await community.startDesk()).ready.api, {
      name: 'li',
      password: 'long-enough-password',
    });
    const gateway = await community.startGateway();
    const device = await connectDevice(gateway, community.devices.get('fire/f-1')!);
    onTestFinished(() => device.endAsync(true).then(() => undefined));
    const { topicPrefix } = community.devices.get('fire/f-1')!;
    await device.publishAsync(`${topicPrefix}/alarm`, smokeAlarm('f-1'), { qos: 1 });

    const told = async (): Promise<unknown> => {
      const alert = (await desk.list('/api/alerts?state=all')).find(({ source }) => source === 'fire/f-1');
      if (!alert) return null;
      const detail = (await desk.get(`/api/alerts/${String(alert['id'])}`)) as {
        recipients: Record<string, unknown>[];
      };
      return Object.fromEntries(detail.recipients.map(({ name, state }) => [name, state]));
    };
    await expect.poll(told, generous).toEqual({ 派出所: 'delivered', 物业: 'pending' });
    far.behave({ kind: 'accept' });
    await expect.poll(told, generous).toEqual({ 派出所: 'delivered', 物业: 'delivered' });
  },
);
