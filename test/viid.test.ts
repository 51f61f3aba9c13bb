import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { describeChannelContract, someDelivery } from '../gateway/channels/contract.ts';
import type { Delivery } from '../gateway/domain/alert.ts';
import type { DeliveryResult } from '../gateway/domain/delivery.ts';
import type { DeliveryId } from '../gateway/domain/ids.ts';
import type { PassageData } from '../gateway/domain/notice.ts';
import { authorize, chooseChallenge } from '../gateway/lib/http-authentication.ts';
import {
  evidenceOf,
  gatewayCode,
  openViidBench,
  passageDelivery,
  somePicture,
  until,
  type ViidBench,
} from './support/viid-server/bench.ts';
import { digestResponse } from './support/viid-server/digest.ts';
import type { PlatformManners } from './support/viid-server/viid-server.ts';

// Short enough that what hangs is waited for, long enough for a machine that has other work.
describeChannelContract('viid', () => openViidBench({ options: { timeout: '2s' } }));

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});
async function opened(setup: Parameters<typeof openViidBench>[0] = {}): Promise<ViidBench> {
  const bench = await openViidBench(setup);
  endings.push(() => bench.close());
  return bench;
}
const send = (bench: ViidBench, delivery: Delivery = passageDelivery()): Promise<DeliveryResult> =>
  bench.channel.send(delivery, new AbortController().signal);
/** Holds the session from now to the end of the test; the function ends it earlier. */
function held(bench: ViidBench): () => Promise<void> {
  const ending = new AbortController();
  const listening = bench.channel.listen(() => Promise.resolve(), ending.signal);
  const end = async (): Promise<void> => {
    ending.abort();
    await listening;
  };
  endings.push(end);
  return end;
}
const numbered = (number: number): DeliveryId =>
  `019b7c3e-0000-7000-8000-${String(number).padStart(12, '0')}` as DeliveryId;

describe('registering', () => {
  const vector = {
    username: gatewayCode,
    realm: 'VIID/3302',
    password: 'Passw0rd',
    nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c0',
    cnonce: '0a4f113b',
    method: 'POST',
    uri: '/VIID/System/Register',
  };

  it('answers the challenge as the test vector does, here and at the conformance server', () => {
    const challenge = chooseChallenge([
      `Digest realm="${vector.realm}", qop="auth", algorithm=MD5, nonce="${vector.nonce}", opaque="x"`,
    ]);
    expect(authorize(challenge!, vector, vector, { count: 1, cnonce: vector.cnonce })).toContain(
      'response="44d2b271a0d18ba0fb0a2f86661f8bc8"',
    );
    expect(digestResponse({ ...vector, qop: { nc: '00000001', cnonce: vector.cnonce } })).toEqual({
      ha1: '752630f4e66980f304b25c93d4a95ee4',
      ha2: 'e981db7569f065fda647d8236af6f901',
      response: '44d2b271a0d18ba0fb0a2f86661f8bc8',
    });
  });

  it('comes before the first delivery, once for many at the same time', async () => {
    const bench = await opened();
    const results = await Promise.all([1, 2, 3, 4].map((n) => send(bench, passageDelivery({ id: numbered(n) }))));
    expect(results.map(({ kind }) => kind)).toEqual(['delivered', 'delivered', 'delivered', 'delivered']);
    expect(bench.platform.count('/VIID/System/Register')).toBe(2); // the challenge and its answer
    expect(bench.platform.faults).toEqual([]);
  });

  it('works where the challenge has no qop, where no password is asked for, and where every request is challenged', async () => {
    for (const manners of [{ withoutQop: true }, { open: true }, { digestAlways: true }] satisfies PlatformManners[]) {
      const bench = await opened({ manners });
      expect((await send(bench)).kind).toBe('delivered');
      expect((await send(bench)).kind).toBe('delivered');
      expect(bench.platform.registered).toEqual(new Set([gatewayCode]));
      expect(bench.platform.faults).toEqual([]);
    }
  });

  it('puts the whole address into the answer where the city wants that', async () => {
    const bench = await opened({ options: { profile: { authorizationUri: 'url' } } });
    expect((await send(bench)).kind).toBe('delivered');
    const [, answered] = bench.platform.requests.map(({ headers }) => headers.authorization);
    expect(answered).toContain(`uri="${bench.platform.url}/VIID/System/Register"`);
  });

  it('is not hammered with a wrong password, and says what is wrong', async () => {
    const bench = await opened();
    bench.platform.lockOut(true);
    for (let n = 0; n < 5; n += 1)
      expect(await send(bench)).toMatchObject({
        kind: 'retry',
        reason: expect.stringContaining('wrong name or password') as string,
      });
    expect(bench.platform.count('/VIID/System/Register')).toBe(2);
  });

  it('is done again after a reboot (status 9), after an old nonce, and after the platform lost its list', async () => {
    const bench = await opened();
    await send(bench);
    for (const forget of [() => bench.platform.reboot(), () => bench.platform.expireNonces()]) {
      forget();
      expect((await send(bench)).kind).toBe('delivered');
      expect(bench.platform.registered).toEqual(new Set([gatewayCode]));
    }
    expect(bench.platform.taken('MotorVehicleObject')).toHaveLength(3);
    expect(bench.platform.faults).toEqual([]);
  });
});

describe('what a platform answers', () => {
  it.each<[string, PlatformManners]>([
    ['the status as text', { statusAsString: true }],
    ['ID for Id', { idSpelling: 'ID' }],
    ['201 for 200', { created: true }],
    ['a single status for a list and a list for a single one', { swapped: true }],
    ['nothing but the code', { bare: true }],
    ['an empty body', { silent: true }],
    ['all of that at once', { statusAsString: true, idSpelling: 'ID', created: true, swapped: true, bare: true }],
  ])('may be %s', async (_, manners) => {
    const bench = await opened({ manners });
    expect(await send(bench)).toMatchObject({ kind: 'delivered' });
    bench.behave({ kind: 'refuse' });
    // Where nothing is said, nothing can be refused.
    expect((await send(bench)).kind).toBe(manners.silent ? 'delivered' : 'rejected');
  });

  it('is a refusal for 4 to 8 and another try for 1, 2 and 3', async () => {
    const bench = await opened();
    const kinds: string[] = [];
    for (const code of [1, 2, 3, 4, 5, 6, 7, 8]) {
      bench.platform.behave({ kind: 'status', code });
      kinds.push((await send(bench)).kind);
    }
    expect(kinds).toEqual([...Array<string>(3).fill('retry'), ...Array<string>(5).fill('rejected')]);
  });

  it('is no receipt where it is a page of HTML, breaks off, or never ends', async () => {
    const bench = await opened({ options: { timeout: '2s' } });
    await send(bench);
    bench.platform.behave({ kind: 'http', status: 200, body: '<html>login</html>' });
    expect(await send(bench)).toMatchObject({ kind: 'retry', reason: 'status 200, but the reply is no JSON' });
    bench.platform.behave({ kind: 'hang', after: 'headers' });
    expect(await send(bench)).toMatchObject({ kind: 'retry', reason: 'no reply within 2000 ms' });
  });

  it('may stay out altogether: a line that takes connections and does nothing', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket.pause()));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    endings.push(async () => {
      silent.close();
      for (const socket of sockets) socket.destroy();
      await once(silent, 'close');
    });
    const address = silent.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const bench = await opened({ options: { url: `http://127.0.0.1:${port}`, timeout: '1s' } });
    expect(await send(bench)).toMatchObject({
      kind: 'retry',
      reason: expect.stringContaining('no reply within 1000 ms') as string,
    });
  });
});

describe('a passage', () => {
  const evidence = {
    read: async () => ({ jpeg: await somePicture(90) }),
    readOpen: async () => ({ jpeg: await somePicture(200) }),
  };

  it('of a car is a MotorVehicle that the strict server takes, with the scene and the plate', async () => {
    const bench = await opened({ evidence });
    await send(bench, passageDelivery({}, { evidence: [evidenceOf('p-1')] }));
    expect(bench.platform.faults).toEqual([]);
    const [object] = bench.platform.taken('MotorVehicleObject');
    expect(object).toMatchObject({
      PlateNo: '浙BD12345',
      PlateClass: '52',
      PlateColor: '9',
      HasPlate: true,
      PassTime: '20260102110405',
      Direction: '3',
      PlateReliability: '91',
      PlateCharReliability: '浙-99,B-98,D-97,1-96,2-95,3-94,4-93,5-91',
      ...{ LeftTopX: 300, LeftTopY: 200, RightBtmX: 380, RightBtmY: 226 },
    });
    const pictures = (object?.['SubImageList'] as { SubImageInfoObject: Record<string, unknown>[] }).SubImageInfoObject;
    expect(pictures.map(({ Type, Width, Height }) => [Type, Width, Height])).toEqual([
      ['01', 640, 360],
      ['02', 104, 34],
    ]);
    expect(object?.['SourceID']).toBe(pictures[0]?.['ImageID']);
  });

  it('is told without its picture where that is too large, gone or unreadable', async () => {
    const reads = [() => Promise.resolve(null), () => Promise.reject(new Error('altered')), evidence.read];
    for (const [index, read] of reads.entries()) {
      const options = index === 2 ? { picturesUpTo: '100B' } : {};
      const bench = await opened({ options, evidence: { ...evidence, read } });
      expect((await send(bench, passageDelivery({}, { evidence: [evidenceOf('p-1')] }))).kind).toBe('delivered');
      expect(bench.platform.taken('MotorVehicleObject')[0]).not.toHaveProperty('SubImageList');
      expect(bench.platform.faults).toEqual([]);
    }
  });

  it('goes out the other way round and shows unread characters, and none where there is no plate', async () => {
    const bench = await opened({ options: { profile: 'ningbo' } });
    const plate = {
      text: '浙B12345',
      kind: 'small',
      color: 'blue',
      confidence: 0.3,
      accepted: false,
      characters: [0.9, 0.9, 0.3, 0.9, 0.4, 0.9, 0.9],
    } satisfies PassageData['plate'];
    await send(bench, passageDelivery({ id: numbered(1) }, { direction: 'out', plate }));
    await send(bench, passageDelivery({ id: numbered(2) }, { direction: 'unknown', plate: null, boxPx: null }));
    expect(bench.platform.faults).toEqual([]);
    const [first, second] = bench.platform.taken('MotorVehicleObject');
    expect(first).toMatchObject({
      PlateNo: '浙B-2-45',
      Direction: '4',
      InOut: 'out',
      PlateClass: '02',
      PlateColor: '5',
    });
    expect(second).toMatchObject({ PlateNo: '未识别', HasPlate: false, PlateClass: '99', PlateColor: '99' });
    expect(second).not.toHaveProperty('Direction');
    expect(second).not.toHaveProperty('InOut');
  });

  it('of an e-bike is a NonMotorVehicle', async () => {
    const bench = await opened({ evidence });
    const plate = {
      text: '宁波123456',
      kind: 'ebike',
      color: 'white',
      confidence: 0.9,
      characters: [],
      accepted: true,
    } satisfies PassageData['plate'];
    await send(bench, passageDelivery({}, { plate, evidence: [evidenceOf('p-1')] }));
    expect(bench.platform.faults).toEqual([]);
    expect(bench.platform.taken('NonMotorVehicleObject')[0]).toMatchObject({ PlateNo: '宁波123456', PlateColor: '2' });
  });

  it('takes codes, spelling and further fields from the city’s profile', async () => {
    const profile = {
      ...{ booleans: 'digits', times: 'milliseconds', plateColor: { 'nev-small': '6' } },
      motorVehicle: { CommunityID: '3302030001', DataStatus: 1 },
    };
    const bench = await opened({ options: { profile } });
    await send(bench);
    expect(bench.platform.faults).toEqual([]);
    expect(bench.platform.taken('MotorVehicleObject')[0]).toMatchObject({
      ...{ HasPlate: '1', PassTime: '20260102110405123', PlateColor: '6', CommunityID: '3302030001', DataStatus: 1 },
    });
  });

  it('of a person is refused and not asked for without a legal basis', async () => {
    const bench = await opened();
    const person = passageDelivery({}, { subject: 'person', plate: null });
    expect(await send(bench, person)).toMatchObject({
      kind: 'rejected',
      reason: expect.stringContaining('legal basis') as string,
    });
    expect(bench.channel.wants?.({ camera: 'gate-1' as never, subject: 'person', at: Date.now() as never })).toBe(
      false,
    );
    expect(bench.platform.count('/VIID/Faces')).toBe(0);
  });

  it('of a person under a legal basis is a Face, with the basis in the audit', async () => {
    const whys: string[] = [];
    const readOpen = async (_: unknown, why: string) => {
      whys.push(why);
      return { jpeg: await somePicture(200) };
    };
    const bench = await opened({
      options: { faces: { legalBasis: '协查函 甬公(2026)17号' } },
      evidence: { ...evidence, readOpen },
    });
    const delivery = passageDelivery({}, { subject: 'person', plate: null, evidence: [evidenceOf('p-1')] });
    expect((await send(bench, delivery)).kind).toBe('delivered');
    expect(bench.platform.faults).toEqual([]);
    expect(whys).toEqual(['协查函 甬公(2026)17号']);
    const [object] = bench.platform.taken('FaceObject');
    expect(object).toMatchObject({ IsSuspiciousPerson: 2, IsCriminalInvolved: 2 });
    const { SubImageInfoObject } = object?.['SubImageList'] as { SubImageInfoObject: Record<string, unknown>[] };
    expect(SubImageInfoObject.map(({ Type }) => Type)).toEqual(['14', '11']);
  });

  it('of a camera without a code is not asked for', async () => {
    const bench = await opened();
    const wants = (camera: string) =>
      bench.channel.wants?.({ camera: camera as never, subject: 'vehicle', at: Date.now() as never });
    expect([wants('gate-1'), wants('gate-2')]).toEqual([true, false]);
    expect(await send(bench, passageDelivery({}, { camera: 'gate-2' }))).toMatchObject({ kind: 'rejected' });
  });
});

describe('what GA/T 1400 has no object for', () => {
  it('is refused, never made up', async () => {
    const bench = await opened();
    expect(await send(bench, someDelivery())).toEqual({
      kind: 'rejected',
      reason: 'GA/T 1400 has no object for a notice; set alerts: false',
    });
    expect(bench.platform.requests).toEqual([]);
  });
});

describe('the standing at the platform', () => {
  const cameras = [
    { id: 'gate-1', name: '东门入口', connected: true },
    { id: 'gate-9', name: '没有编码', connected: true },
  ];

  it('is held: registered, alive, cameras told without a password, and unregistered at the end', async () => {
    const bench = await opened({ options: { keepaliveEvery: '1s' }, cameras: () => cameras });
    const end = held(bench);
    await until(() => bench.platform.taken('KeepaliveObject').length >= 2);
    expect(bench.platform.taken('APEObject')).toEqual([
      expect.objectContaining({ Name: '东门入口', IsOnline: '1', UserId: '', Password: '', OwnerApsID: gatewayCode }),
    ]);
    expect(bench.channel.fault?.()).toBeNull();
    await end();
    expect(bench.platform.registered.size).toBe(0);
    expect(bench.platform.faults).toEqual([]);
    expect(bench.platform.requests.at(-1)?.url).toBe('/VIID/System/UnRegister');
  });

  it('is in health after some keep-alives failed, and well again by itself', async () => {
    const bench = await opened({ options: { keepaliveEvery: '1s', keepaliveMisses: 2 } });
    held(bench);
    await until(() => bench.platform.taken('KeepaliveObject').length >= 1);
    bench.platform.behave({ kind: 'status', code: 3 });
    expect(await until(() => bench.channel.fault?.())).toMatch(
      /^\d keep-alives in a row failed: StatusCode 3 Device Error/,
    );
    bench.platform.behave({ kind: 'accept' });
    await until(() => bench.channel.fault?.() === null);
    expect(bench.platform.faults).toEqual([]);
  });

  it('tells of a camera that goes off and comes back', async () => {
    let connected = true;
    const bench = await opened({
      options: { keepaliveEvery: '1s' },
      cameras: () => [{ id: 'gate-1', name: '东门', connected }],
    });
    held(bench);
    const states = () => bench.platform.taken('APEObject').map(({ IsOnline }) => IsOnline);
    await until(() => states().length === 1);
    connected = false;
    await until(() => states().length === 2);
    connected = true;
    await until(() => states().length === 3);
    expect(states()).toEqual(['1', '2', '1']);
  });
});
