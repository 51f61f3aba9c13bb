import { afterEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../gateway/domain/alert.ts';
import type { DeliveryResult } from '../gateway/domain/delivery.ts';
import type { CameraId, DeliveryId } from '../gateway/domain/ids.ts';
import { watchHitType } from '../gateway/domain/notice.ts';
import type { EpochMs } from '../gateway/lib/clock.ts';
import {
  cameraCode,
  gatewayCode,
  openViidBench,
  passageDelivery,
  until,
  type ViidBench,
} from './support/viid-server/bench.ts';
import { openViidPlatform, platformId } from './support/viid-server/viid-server.ts';

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

interface Standing {
  readonly bench: ViidBench;
  /** Calls the gateway as the platform does; answers HTTP status and the statuses in the body as `id code`. */
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<{ http: number; statuses: string[]; body: unknown }>;
  end(): Promise<void>;
}

/** A channel with its server open, registered at the platform. */
async function standing(setup: Parameters<typeof openViidBench>[0] = {}): Promise<Standing> {
  const server = {
    listen: '127.0.0.1:0',
    allowFrom: ['127.0.0.0/8'],
    ...(setup.options?.['server'] as object | undefined),
  };
  const bench = await openViidBench({ ...setup, options: { keepaliveEvery: '1s', ...setup.options, server } });
  const ending = new AbortController();
  const listening = bench.channel.listen(() => Promise.resolve(), ending.signal);
  let over = false;
  const end = async (): Promise<void> => {
    if (over) return;
    over = true;
    ending.abort();
    await listening;
    await bench.close();
  };
  endings.push(end);
  const address = await bench.server();
  return {
    bench,
    end,
    call: async (method, path, body, headers = {}) => {
      const response = await fetch(`${address}${path}`, {
        method,
        headers: {
          ...(body !== undefined && { 'content-type': 'application/VIID+JSON;charset=UTF-8' }),
          'user-identify': platformId,
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const answer = (await response.json()) as {
        ResponseStatusObject?: { Id: string; StatusCode: number };
        ResponseStatusListObject?: { ResponseStatusObject: { Id: string; StatusCode: number }[] };
      };
      const all = [
        answer.ResponseStatusObject ?? [],
        answer.ResponseStatusListObject?.ResponseStatusObject ?? [],
      ].flat();
      return { http: response.status, statuses: all.map(({ Id, StatusCode }) => `${Id} ${StatusCode}`), body: answer };
    },
  };
}

const send = (bench: ViidBench, delivery: Delivery): Promise<DeliveryResult> =>
  bench.channel.send(delivery, new AbortController().signal);
const numbered = (n: number): DeliveryId => `019b7c3e-0000-7000-8000-${String(n).padStart(12, '0')}` as DeliveryId;
const subscriptionId = '330203000000032026010203040500001';
const orderId = '330203000000012026010203040500001';
const subscription = (bench: ViidBench, changes: Record<string, unknown> = {}) => ({
  SubscribeListObject: {
    SubscribeObject: [
      {
        ...{ SubscribeID: subscriptionId, Title: '过车', SubscribeDetail: '13,14', ResourceURI: gatewayCode },
        ...{ ApplicantName: 'platform', BeginTime: '20260102000000', EndTime: '20270102000000' },
        ...{ ReceiveAddr: `${bench.platform.url}/VIID/SubscribeNotifications`, ReportInterval: 3, OperateType: 0 },
        ...changes,
      },
    ],
  },
});
const order = (changes: Record<string, unknown> = {}) => ({
  DispositionListObject: {
    DispositionObject: [
      {
        ...{ DispositionID: orderId, Title: '被盗车辆', DispositionCategory: '3', TargetFeature: '浙B·D12345' },
        ...{ PriorityLevel: 1, BeginTime: '20260101000000', EndTime: '20270101000000', OperateType: 0 },
        ...changes,
      },
    ],
  },
});
const seenAt = Date.parse('2026-01-02T11:04:05.123+08:00') as EpochMs;
const gate = 'gate-1' as CameraId;
const hitDelivery = (n = 1) =>
  passageDelivery(
    { id: numbered(n), tier: 'red', type: watchHitType },
    { watch: { match: 'exact', order: orderId, title: '被盗车辆' } },
  );

describe('a subscription of the platform', () => {
  it('gets what it asked for, survives a restart of the gateway, and ends when it is taken back', async () => {
    const options = { passagesBy: 'subscription' };
    const first = await standing({ options });
    const wants = ({ bench }: Standing) => bench.channel.wants?.({ camera: gate, subject: 'vehicle', at: seenAt });
    expect(wants(first)).toBe(false);
    const body = subscription(first.bench);
    expect(await first.call('POST', '/VIID/Subscribes', body)).toMatchObject({
      http: 200,
      statuses: [`${subscriptionId} 0`],
    });
    expect(wants(first)).toBe(true);
    expect((await send(first.bench, passageDelivery())).kind).toBe('delivered');
    expect(first.bench.platform.faults).toEqual([]);
    expect(first.bench.platform.taken('MotorVehicleObject')).toEqual([]);
    expect(first.bench.platform.taken('SubscribeNotificationObject')).toMatchObject([
      { SubscribeID: subscriptionId, MotorVehicleObjectList: { MotorVehicleObject: [{ PlateNo: '浙BD12345' }] } },
    ]);
    const { folder } = first.bench;
    // The state of the first outlives its bench: the second reads the same folder.
    const second = await openViidBench({ folder, options: { ...options, url: first.bench.platform.url } });
    endings.push(() => second.close());
    expect(second.channel.wants?.({ camera: gate, subject: 'vehicle', at: seenAt })).toBe(true);
    expect(second.channel.wants?.({ camera: gate, subject: 'vehicle', at: Date.UTC(2028, 0, 1) as EpochMs })).toBe(
      false,
    );

    const gone = await first.call('DELETE', `/VIID/Subscribes?IDList=${subscriptionId},unknown`);
    expect(gone.statuses).toEqual([`${subscriptionId} 0`, 'unknown 4']);
    expect(wants(first)).toBe(false);
    expect(await send(first.bench, passageDelivery())).toMatchObject({
      kind: 'delivered',
      receipt: 'nothing to send: no subscription any more',
    });
  });

  it('to cameras and their state gets both at once and every change', async () => {
    let connected = true;
    const { bench, call } = await standing({ cameras: () => [{ id: 'gate-1', name: '东门', connected }] });
    await call('POST', '/VIID/Subscribes', subscription(bench, { SubscribeDetail: '3,4', ResourceURI: '33020300' }));
    const told = () => bench.platform.taken('SubscribeNotificationObject');
    await until(() => told().length === 2);
    connected = false;
    await until(() => told().length === 4);
    expect(told().map(({ DeviceList, DeviceStatusList }) => DeviceList ?? DeviceStatusList)).toMatchObject([
      { APEObject: [{ ApeID: cameraCode, IsOnline: '1' }] },
      { APEStatusObject: [{ ApeID: cameraCode, IsOnline: '1' }] },
      { APEObject: [{ ApeID: cameraCode, IsOnline: '2' }] },
      { APEStatusObject: [{ ApeID: cameraCode, IsOnline: '2' }] },
    ]);
    expect(bench.platform.faults).toEqual([]);
  });

  it('that is slow to take does not make the other one get everything twice', async () => {
    const other = await openViidPlatform({ manners: { open: true } });
    endings.push(() => other.close());
    other.behave({ kind: 'busy', afterMs: null });
    const { bench, call } = await standing({ options: { passagesBy: 'subscription' } });
    await call('POST', '/VIID/Subscribes', subscription(bench));
    const second = {
      SubscribeID: `${subscriptionId.slice(0, -1)}2`,
      ReceiveAddr: `${other.url}/VIID/SubscribeNotifications`,
    };
    await call('POST', '/VIID/Subscribes', subscription(bench, second));
    await fetch(`${other.url}/VIID/System/Register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-identify': gatewayCode },
      body: JSON.stringify({ RegisterObject: { DeviceID: gatewayCode } }),
    });
    expect((await send(bench, passageDelivery())).kind).toBe('retry');
    other.behave({ kind: 'accept' });
    expect((await send(bench, passageDelivery())).kind).toBe('delivered');
    expect(bench.platform.taken('SubscribeNotificationObject')).toHaveLength(1);
    expect(other.taken('SubscribeNotificationObject')).toHaveLength(1);
  });

  it('is refused, with the reason, where it asks for what is not offered', async () => {
    const { bench, call } = await standing({ options: { server: { maxSubscriptions: 1 } } });
    const codeOf = async (changes: Record<string, unknown>) =>
      (await call('POST', '/VIID/Subscribes', subscription(bench, changes))).statuses;
    expect(await codeOf({ ReceiveAddr: 'http://10.9.9.9/VIID/SubscribeNotifications' })).toEqual([
      `${subscriptionId} 4`,
    ]);
    expect(await codeOf({ ReceiveAddr: 'file:///etc/passwd' })).toEqual([`${subscriptionId} 8`]);
    expect(await codeOf({ SubscribeDetail: '1,15' })).toEqual([`${subscriptionId} 4`]);
    expect(await codeOf({ BeginTime: 'yesterday' })).toEqual([`${subscriptionId} 8`]);
    expect(await codeOf({ SubscribeID: undefined })).toEqual([' 8']);
    expect(await codeOf({})).toEqual([`${subscriptionId} 0`]);
    expect(await codeOf({ SubscribeID: '9' })).toEqual(['9 4']);
  });
});

describe('who calls', () => {
  it('must be the platform, from an address that is allowed, and speak JSON', async () => {
    const { bench, call } = await standing();
    const body = subscription(bench);
    expect(await call('POST', '/VIID/Subscribes', body, { 'user-identify': '33020300001190000002' })).toMatchObject({
      http: 403,
    });
    expect(await call('POST', '/VIID/Subscribes', '{"SubscribeListObject":')).toMatchObject({
      http: 400,
      statuses: [' 7'],
    });
    expect(await call('POST', '/VIID/Subscribes', {})).toMatchObject({ http: 400, statuses: [' 8'] });
    expect(await call('POST', '/VIID/Persons', {})).toMatchObject({ http: 404, statuses: [' 4'] });
    expect((await call('GET', '/VIID/System/Time')).body).toMatchObject({
      SystemTimeObject: { VIIDServerID: gatewayCode },
    });
    const elsewhere = await standing({ options: { server: { allowFrom: ['10.1.0.0/16', 'fd00::/8'] } } });
    expect(await elsewhere.call('POST', '/VIID/Subscribes', body)).toMatchObject({ http: 403 });
  });

  it('is asked for as an address or a network, or the configuration is refused', async () => {
    for (const entry of ['platform', '10.0.0.0/33', '10.0.0.1/8/8'])
      await expect(
        openViidBench({ options: { server: { listen: '127.0.0.1:0', allowFrom: [entry] } } }),
      ).rejects.toMatchObject({ code: 'config.invalid' });
  });
});

describe('a plate that the platform orders to be watched for', () => {
  it('stands on the watch list in its time and place, and its hit is told back', async () => {
    const gates = '33020300001210000099';
    const { bench, call } = await standing();
    expect((await call('POST', '/VIID/Dispositions', order())).statuses).toEqual([`${orderId} 0`]);
    const hits = (plate: string, camera = 'gate-1', at = seenAt) => bench.watchList.hits(plate, camera, at);
    expect(hits('浙BD12345')).toEqual([{ channel: 'platform', match: 'exact', order: orderId, title: '被盗车辆' }]);
    expect(hits('浙BD12346')).toEqual([]);
    expect(hits('浙BD12345', 'gate-1', Date.UTC(2027, 5, 1) as EpochMs)).toEqual([]);
    expect(bench.audited).toEqual([`viid.dispositions ${orderId}`]);

    expect((await send(bench, hitDelivery())).kind).toBe('delivered');
    expect(bench.platform.faults).toEqual([]);
    expect(bench.platform.taken('DispositionNotificationObject')).toMatchObject([
      { DispositionID: orderId, Title: '被盗车辆', MotorVehicleObject: { PlateNo: '浙BD12345', PlateClass: '52' } },
    ]);

    await call('PUT', '/VIID/Dispositions', order({ TollgateList: gates }));
    expect(hits('浙BD12345')).toEqual([]);
    await call('PUT', '/VIID/Dispositions', order({ TollgateList: `${gates};${cameraCode}` }));
    expect(hits('浙BD12345')).toHaveLength(1);
    expect((await call('PUT', `/VIID/Dispositions/${orderId}`, {})).statuses).toEqual([`${orderId} 0`]);
    expect(hits('浙BD12345')).toEqual([]);
    expect(await send(bench, hitDelivery(2))).toMatchObject({ receipt: 'nothing to send: the order was taken back' });
  });

  it('keeps its alarm until the platform takes it', async () => {
    const { bench, call } = await standing();
    await call('POST', '/VIID/Dispositions', order());
    bench.platform.behave({ kind: 'busy', afterMs: 7000 });
    expect(await send(bench, hitDelivery())).toMatchObject({ kind: 'retry', afterMs: 7000 });
    bench.platform.behave({ kind: 'accept' });
    expect((await send(bench, hitDelivery())).kind).toBe('delivered');
    expect(bench.platform.taken('DispositionNotificationObject')).toHaveLength(1);
  });

  it('is one that may have been misread only where that is asked for', async () => {
    const { bench, call } = await standing({ options: { watchList: { possible: true } } });
    await call('POST', '/VIID/Dispositions', order({ TargetFeature: '浙B88888' }));
    expect(bench.watchList.hits('浙B8888B', 'gate-1', seenAt)).toMatchObject([{ match: 'possible' }]);
    expect(bench.watchList.hits('沪B88888', 'gate-1', seenAt)).toEqual([]);
  });

  it('is never a person, never nonsense, and never one too many', async () => {
    const { call, bench } = await standing({ options: { watchList: { maxPlates: 1 } } });
    const codeOf = async (changes: Record<string, unknown>) =>
      (await call('POST', '/VIID/Dispositions', order(changes))).statuses;
    for (const DispositionCategory of [1, 2, 5])
      expect(await codeOf({ DispositionCategory })).toEqual([`${orderId} 4`]);
    expect(await codeOf({ TargetFeature: '' })).toEqual([`${orderId} 8`]);
    expect(await codeOf({ TargetFeature: '红色轿车' })).toEqual([`${orderId} 8`]);
    expect(await codeOf({ TargetFeature: '浙B11111,浙B22222' })).toEqual([`${orderId} 4`]);
    expect(bench.watchList.size()).toBe(0);
  });

  it('is refused altogether where the channel takes no orders', async () => {
    const { call, bench } = await standing({ options: { watchList: { accept: false } } });
    expect((await call('POST', '/VIID/Dispositions', order())).statuses).toEqual([`${orderId} 4`]);
    expect(bench.watchList.size()).toBe(0);
  });
});
