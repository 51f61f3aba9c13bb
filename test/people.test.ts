import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { connectAsync } from 'mqtt';
import { SMTPServer } from 'smtp-server';
import { afterEach, describe, expect, it } from 'vitest';
import {
  describeChannelContract,
  someDelivery,
  type ChannelHarness,
  type FarBehaviour,
  type FarItem,
} from '../gateway/channels/contract.ts';
import { openChannels } from '../gateway/channels/index.ts';
import { channelsOptions } from '../gateway/channels/options.ts';
import { messageOf, plainText, withoutPlates } from '../gateway/channels/people/message.ts';
import { createRate } from '../gateway/channels/people/rate.ts';
import { dingtalkSign } from '../gateway/channels/dingtalk/index.ts';
import { feishuSign } from '../gateway/channels/feishu/index.ts';
import { commandOf } from '../gateway/channels/siren/index.ts';
import type { Delivery } from '../gateway/domain/alert.ts';
import type { DeliveryId, RecipientId } from '../gateway/domain/ids.ts';
import { systemClock } from '../gateway/lib/clock.ts';
import { createFakeClock } from '../gateway/lib/fake-clock.ts';
import { createLogger } from '../gateway/lib/logger.ts';
import { systemRandom } from '../gateway/lib/random.ts';
import { startMosquitto } from './support/mosquitto.ts';
import { openRobotStub, robotSecret, type Maker, type RobotStub } from './support/robots/robot-stub.ts';
import { until } from './support/viid-server/bench.ts';

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function openChannel(options: Record<string, unknown>, files: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'kanmen-people-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const lines: string[] = [];
  const channels = await openChannels(channelsOptions.parse({ desk: { timeout: '3s', ...options } }), {
    ...{ baseDir: folder, source: '/community/nb-0231/gateway/gw-1', timeZone: 'Asia/Shanghai' },
    recipients: [{ id: 'station' as RecipientId, name: '网格员', role: 'grid', grid: null, channel: 'desk' }],
    evidence: { read: () => Promise.resolve(null) },
    ...{ clock: systemClock, random: systemRandom },
    logger: createLogger({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } }),
  });
  const channel = channels.byId.get('desk')!;
  const close = (): void => {
    channels.close();
    rmSync(folder, { recursive: true });
  };
  const send = (delivery: Delivery) => channel.send(delivery, new AbortController().signal);
  return { channel, send, close, log: () => lines.join('\n') };
}

const notice = (changes: Record<string, unknown> = {}, delivery: Partial<Delivery> = {}): Delivery =>
  someDelivery({
    data: {
      ...{ alertId: 'a-1', tier: 'red', state: 'raised', owner: null, count: 2, kind: 'gate.watch-list' },
      title: { zh: '布控车辆 浙B12345 进入', en: 'Watched vehicle 浙B·12345 came in' },
      message: { zh: '东门摄像机识别到浙BD12345', en: 'Seen at the east gate' },
      ...{ occurredAt: '2026-01-02T11:04:05.000+08:00', deadline: '2026-01-02T11:09:05.000+08:00' },
      place: { site: { id: 's', name: '东苑' }, area: null, grid: null, name: '东门' },
      news: { kind: 'raised', by: 'gateway', at: '2026-01-02T11:04:05.000+08:00', text: '' },
      evidence: [],
      ...changes,
    },
    ...delivery,
  });

describe('what a person reads', () => {
  it('says how bad, what, where and until when, and shows no plate', () => {
    const message = messageOf(notice(), { linkBase: 'https://desk.example/', language: 'zh' })!;
    expect(plainText(message, 'zh', 2048).split('\n')).toEqual([
      '🔴 红色：布控车辆 浙B****5 进入',
      '新预警',
      '东门摄像机识别到浙B****5',
      '地点: 东门',
      '时间: 01-02 11:04',
      '次数: 2',
      '请在此前答复: 01-02 11:09',
      'https://desk.example/#/alerts/a-1',
      '消息号 00000001',
    ]);
    expect(message.urgent).toBe(true);
    expect(messageOf(notice({ owner: '李警官' }), { linkBase: null, language: 'en' })).toMatchObject({
      urgent: false,
      link: null,
      title: '🔴 Red: Watched vehicle 浙B****5 came in',
    });
  });

  it('hides every kind of plate and leaves other words alone', () => {
    expect(withoutPlates('浙B·12345、沪AD12345、粤Z1234港，津贴2026年已发')).toBe(
      '浙B****5、沪A****5、粤Z****港，津贴2026年已发',
    );
  });

  it('is cut to the limit between characters, with link and reference whole', () => {
    const message = messageOf(notice({ message: { zh: '烟'.repeat(2000), en: '' } }), {
      linkBase: 'https://desk.example',
      language: 'zh',
    })!;
    for (const limit of [300, 301, 302, 2048]) {
      const text = plainText(message, 'zh', limit);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limit);
      expect(text).toMatch(/烟…\nhttps:\/\/desk\.example\/#\/alerts\/a-1\n消息号 00000001$/);
      expect(text).not.toContain('\uFFFD');
    }
  });
});

describe('a limit per minute', () => {
  it('keeps a fifth for urgent messages and says how long to wait', async () => {
    const clock = createFakeClock();
    const rate = createRate(clock, 10);
    const takes = (urgent: boolean, count: number) => Array.from({ length: count }, () => rate.take(urgent));
    expect(takes(false, 9)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 60_000]);
    await clock.advance(1000);
    expect(takes(true, 3)).toEqual([0, 0, 59_000]);
    await clock.advance(59_000);
    expect(takes(false, 7)).toEqual([0, 0, 0, 0, 0, 0, 1000]);
    rate.full();
    expect(rate.take(true)).toBe(60_000);
  });
});

const robotOf = (maker: Maker, stub: RobotStub, options: Record<string, unknown> = {}) =>
  openChannel(
    { kind: maker, urlFile: 'url', canary: 'message', ...(maker !== 'wecom' && { secretFile: 'secret' }), ...options },
    { url: `${stub.url}\n`, secret: robotSecret },
  );
/** Reference at the end of a text, which is the end of the delivery's id. */
const referenceOf = (text: string): FarItem => ({
  id: / ([0-9a-f]{8})$/.exec(text)?.[1] ?? '',
  type: 'text',
  data: null,
});
const shown = (delivery: Delivery): FarItem => ({ id: delivery.id.slice(-8), type: 'text', data: null });

describe.each(['wecom', 'dingtalk', 'feishu'] as const)('a robot of %s', (maker) => {
  describeChannelContract(maker, async (): Promise<ChannelHarness> => {
    const stub = await openRobotStub(maker);
    const { channel, close } = await robotOf(maker, stub);
    return {
      channel,
      get items() {
        return stub.texts.map(referenceOf);
      },
      behave: (behaviour: FarBehaviour) =>
        stub.mood(
          behaviour.kind === 'busy'
            ? { kind: 'http', status: 503, retryAfterS: behaviour.afterMs === null ? null : behaviour.afterMs / 1000 }
            : behaviour.kind === 'refuse'
              ? { kind: 'code', code: { wecom: 40_008, dingtalk: 40_035, feishu: 9499 }[maker] }
              : behaviour,
        ),
      answer: null,
      shown,
      close: async () => {
        close();
        await stub.close();
      },
    };
  });

  const opened = async (options: Record<string, unknown> = {}) => {
    const stub = await openRobotStub(maker);
    endings.push(() => stub.close());
    const channel = await robotOf(maker, stub, options);
    endings.push(() => channel.close());
    return { stub, ...channel };
  };

  it('calls those who are to be woken by name while nobody has answered', async () => {
    const { stub, send } = await opened({ mention: ['13800000000', 'all'] });
    await send(notice());
    await send(notice({ owner: '李警官' }));
    const [urgent = '', calm = ''] = stub.bodies.map((body) => JSON.stringify(body));
    expect(urgent).toMatch(
      { wecom: /"13800000000","@all"/, dingtalk: /"isAtAll":true/, feishu: /user_id=\\"all\\"/ }[maker],
    );
    expect(calm).not.toMatch(/13800000000|isAtAll|user_id/);
  });

  it('is not sent more than it may take, and is left alone when it says that it was', async () => {
    const { stub, send } = await opened({ perMinute: 5 });
    const kinds: string[] = [];
    for (let n = 0; n < 6; n += 1) kinds.push((await send(notice())).kind);
    expect(kinds).toEqual(['delivered', 'delivered', 'delivered', 'delivered', 'delivered', 'retry']);
    expect(stub.requests()).toBe(5);

    const other = await opened();
    other.stub.mood({ kind: 'code', code: { wecom: 45_009, dingtalk: 130_101, feishu: 11_232 }[maker] });
    expect(await other.send(notice())).toMatchObject({
      kind: 'retry',
      afterMs: maker === 'dingtalk' ? 600_000 : 60_000,
    });
    other.stub.mood({ kind: 'accept' });
    expect((await other.send(notice())).kind).toBe('retry');
    expect(other.stub.requests()).toBe(1);
  });

  it('with a wrong key or secret is tried again, and neither stands in log or reason', async () => {
    const stub = await openRobotStub(maker);
    endings.push(() => stub.close());
    const files = { url: stub.url.replace('k-1', 'k-wrong'), secret: 'SECwrong' };
    const secret = maker === 'wecom' ? {} : { secretFile: 'secret' };
    const { send, close, log } = await openChannel({ kind: maker, urlFile: 'url', ...secret }, files);
    endings.push(() => close());
    const result = await send(notice());
    expect(result.kind).toBe('retry');
    expect(JSON.stringify(result) + log()).not.toMatch(/k-wrong|SECwrong/);
    expect(stub.texts).toEqual([]);
  });

  it('is tried without a word where people are not to see it', async () => {
    const { stub, send } = await opened({ canary: 'reach' });
    expect(await send(someDelivery({ item: 'canary', alertId: null, notice: null }))).toMatchObject({
      kind: 'delivered',
    });
    expect([stub.texts.length, stub.requests()]).toEqual([0, 1]);
  });
});

describe('the signatures of robots', () => {
  it('are those of their makers’ documents, which sign the other way round', () => {
    // Computed apart with openssl: printf '1599360473000\nthis is secret' | openssl dgst -sha256 -hmac 'this is secret' -binary | base64
    expect(dingtalkSign('this is secret', 1_599_360_473_000)).toBe('hXZTWifRGHclNuZSKxoXc//sh51SWfVfRIhcdeKs63I=');
    // printf '' | openssl dgst -sha256 -hmac $'1599360473\nthis is secret' -binary | base64
    expect(feishuSign('this is secret', 1_599_360_473)).toBe('/eYKrXQBzTjUZJ3s6NX16VxGbTwmK7AEs8/FnvC1CSw=');
  });
});

interface MailBench extends ChannelHarness {
  readonly mails: string[];
}
async function openMail(options: Record<string, unknown> = {}): Promise<MailBench> {
  let behaviour: FarBehaviour = { kind: 'accept' };
  const mails: string[] = [];
  const server = new SMTPServer({
    ...{ authOptional: true, disabledCommands: ['STARTTLS'], allowInsecureAuth: true, logger: false },
    onAuth: ({ password }, _, done) => {
      if (password === 'right') done(null, { user: 'kanmen' });
      else done(new Error('wrong password'));
    },
    onData: (stream, _, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const fail = (responseCode: number): void => done(Object.assign(new Error('no'), { responseCode }));
        if (behaviour.kind === 'busy') fail(451);
        else if (behaviour.kind === 'refuse') fail(554);
        else if (behaviour.kind === 'break') server.connections.forEach((connection) => connection.close());
        else if (behaviour.kind === 'accept') {
          mails.push(Buffer.concat(chunks).toString());
          done();
        }
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.server.address() as AddressInfo;
  const { channel, close } = await openChannel(
    {
      ...{ kind: 'email', host: '127.0.0.1', port, security: 'none', from: 'kanmen@estate.example', canary: 'message' },
      ...{ to: ['grid@estate.example'], ...options },
    },
    { password: 'right', wrong: 'wrong' },
  );
  return {
    channel,
    mails,
    get items() {
      return mails.map((mail): FarItem => ({
        id: /^X-Kanmen-Id: (.*)$/im.exec(mail)?.[1]?.trim() ?? '',
        type: 'mail',
        data: null,
      }));
    },
    behave: (next) => {
      behaviour = next;
    },
    answer: null,
    shown: (delivery) => ({ id: delivery.id, type: 'mail', data: null }),
    saysWhen: false,
    close: async () => {
      close();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

describeChannelContract('email', openMail);

describe('a mail', () => {
  const mailBench = async (options: Record<string, unknown> = {}): Promise<MailBench> => {
    const bench = await openMail(options);
    endings.push(() => bench.close());
    return bench;
  };
  const send = (bench: MailBench, delivery: Delivery) => bench.channel.send(delivery, new AbortController().signal);

  it('is known again by its Message-ID, belongs to its alert, and cannot be given headers by a title', async () => {
    const bench = await mailBench({ username: 'kanmen', passwordFile: 'password' });
    await send(bench, notice({ title: { zh: '烟感\r\nBcc: all@estate.example', en: '' } }));
    const [mail = ''] = bench.mails;
    expect(mail).toContain(`Message-ID: <${notice().id}@estate.example>`);
    expect(mail).toContain('References: <a-1@estate.example>');
    expect(mail).toMatch(/^Importance: High/im);
    expect(mail).not.toMatch(/^Bcc:/im);
  });

  it('with a wrong password, or to a server that offers no encryption though it must, is tried again', async () => {
    const wrong = await mailBench({ username: 'kanmen', passwordFile: 'wrong' });
    expect(await send(wrong, notice())).toMatchObject({
      kind: 'retry',
      reason: expect.stringContaining('EAUTH') as string,
    });
    const clear = await mailBench({ security: 'starttls' });
    expect((await send(clear, notice())).kind).toBe('retry');
    expect(clear.mails).toEqual([]);
  });

  it('is tried by a login where people are not to see it', async () => {
    const bench = await mailBench({ canary: 'reach' });
    expect(await send(bench, someDelivery({ item: 'canary', alertId: null, notice: null }))).toMatchObject({
      kind: 'delivered',
    });
    expect(bench.mails).toEqual([]);
  });
});

describe('a siren', () => {
  it('is told to sound for what it is meant for, and to be quiet when somebody has it', () => {
    const command = (data: Record<string, unknown>, item: Delivery['item'] = 'notice') =>
      commandOf({ item, data }, { tiers: ['red'] });
    expect(command({ tier: 'red', state: 'raised', owner: null })).toBe('on');
    expect(command({ tier: 'orange', state: 'raised', owner: null })).toBe('nothing');
    expect(command({ tier: 'red', state: 'acknowledged', owner: '李警官' })).toBe('off');
    expect(command({ tier: 'red', state: 'closed', owner: null })).toBe('off');
    expect(command({}, 'canary')).toBe('test');
    expect(command({}, 'digest')).toBe('nothing');
  });

  it('sounds until the last alert is dealt with or its time is over, and is tried again while it is not there', async () => {
    const broker = await startMosquitto();
    endings.push(() => broker.stop());
    const { send, close } = await openChannel({
      ...{ kind: 'siren', url: broker.url, topic: 'cmnd/siren/POWER', longest: '6s', timeout: '10s' },
    });
    endings.push(() => close());
    const red = (alertId: string, changes: Record<string, unknown> = {}) =>
      notice(changes, {
        alertId: alertId as never,
        id: `019b7c3e-0000-7000-8000-${alertId.padStart(12, '0')}` as DeliveryId,
      });
    expect(await send(red('1'))).toMatchObject({ kind: 'retry', reason: 'nobody is subscribed at the broker' });

    const siren = await connectAsync(broker.url, { protocolVersion: 5 });
    endings.push(() => siren.endAsync(true));
    const heard: string[] = [];
    siren.on('message', (_, payload) => heard.push(payload.toString()));
    await siren.subscribeAsync('cmnd/siren/POWER', { qos: 1 });
    expect((await send(red('1'))).kind).toBe('delivered');
    expect((await send(red('2'))).kind).toBe('delivered');
    expect(await send(red('1', { owner: '李警官' }))).toMatchObject({ receipt: 'goes on for another alert' });
    expect((await send(red('2', { owner: '李警官' }))).kind).toBe('delivered');
    await until(() => heard.length === 3);
    expect(heard).toEqual(['ON', 'ON', 'OFF']);
    await send(red('3'));
    await until(() => heard.length === 5);
    expect(heard.slice(3)).toEqual(['ON', 'OFF']);
  });
});
