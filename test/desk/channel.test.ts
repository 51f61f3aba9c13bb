import { join } from 'node:path';
import { v7 } from 'uuid';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openChannels } from '../../gateway/channels/index.ts';
import { webhookOptions } from '../../gateway/channels/webhook/options.ts';
import type { Delivery, Feedback } from '../../gateway/domain/alert.ts';
import type { AlertId, DeliveryId, NoticeId, RecipientId } from '../../gateway/domain/ids.ts';
import { systemClock, type EpochMs } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { systemRandom } from '../../gateway/lib/random.ts';
import { noticeEvent, startDesk, until, type TestDesk } from './fixture.ts';

async function openChannel(desk: TestDesk) {
  const channels = await openChannels(
    {
      desk: webhookOptions.parse({
        kind: 'webhook',
        url: `${desk.url}/notices/east`,
        feedbackUrl: `${desk.url}/feedback/east`,
        secretFile: join(desk.dir, 'secrets', 'east'),
      }),
    },
    {
      baseDir: desk.dir,
      source: '/community/test/gateway/east',
      timeZone: 'Asia/Shanghai',
      recipients: [],
      evidence: { read: () => Promise.resolve({ jpeg: Buffer.from('a picture') }) },
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    },
  );
  onTestFinished(() => channels.close());
  return channels.byId.get('desk')!;
}

function deliveryOf(alertId: string): Delivery {
  const { data, type } = noticeEvent('raised', {
    alertId,
    version: 1,
    evidence: [
      {
        id: 'ev-1',
        kind: 'picture',
        mediaType: 'image/jpeg',
        sha256: 'b'.repeat(64),
        capturedAt: new Date().toISOString(),
        camera: 'gate-1',
      },
    ],
  });
  return {
    id: v7() as DeliveryId,
    item: 'notice',
    notice: data.noticeId as NoticeId,
    alertId: alertId as AlertId,
    recipient: 'station' as RecipientId,
    channel: 'desk',
    tier: 'red',
    sequence: 1,
    type,
    data,
    createdAt: Date.now() as EpochMs,
    state: 'pending',
    attempts: 0,
    nextAttemptAt: 0 as EpochMs,
    lastError: null,
    deliveredAt: null,
  };
}

describe("the gateway's webhook channel and the desk", () => {
  it('bring an alert with its picture there and the answers back, also those given while the gateway was away', async () => {
    const desk = await startDesk();
    const officer = await desk.addUser('王', 'manager');
    const channel = await openChannel(desk);
    const alertId = v7();
    const delivery = deliveryOf(alertId);
    const never = new AbortController().signal;
    expect(await channel.send(delivery, never)).toMatchObject({ kind: 'delivered', feedback: [] });
    expect(await channel.send(delivery, never)).toMatchObject({ kind: 'delivered' });
    expect(await desk.lines()).toMatchObject([{ id: alertId, shownCount: 1 }]);
    expect((await officer.get(`/api/alerts/${alertId}`)).json.evidence).toMatchObject([{ arrived: true }]);

    const heard: Feedback[] = [];
    const listenOnce = (): { end: () => Promise<void> } => {
      const away = new AbortController();
      const listening = channel.listen(async (feedback) => {
        await Promise.resolve();
        heard.push(feedback);
      }, away.signal);
      return {
        end: async () => {
          away.abort();
          await listening;
        },
      };
    };
    const relayOf = async (): Promise<unknown> => (await officer.get(`/api/alerts/${alertId}`)).json.relay;

    const first = listenOnce();
    await officer.answer(alertId, { kind: 'acknowledged' });
    await until(async () => (await relayOf()) === 'received');
    await first.end();
    await officer.answer(alertId, { kind: 'progress', text: '到达现场' });
    await officer.answer(alertId, { kind: 'outcome', text: '烟头', outcome: 'true' });
    expect(await relayOf()).toBe('waiting');
    const second = listenOnce();
    await until(async () => (await relayOf()) === 'received');
    await second.end();
    expect(heard.map(({ kind, by, text, outcome }) => [kind, by, text, outcome])).toEqual([
      ['acknowledged', '王', '', null],
      ['progress', '王', '到达现场', null],
      ['outcome', '王', '烟头', 'true'],
    ]);
  });
});
