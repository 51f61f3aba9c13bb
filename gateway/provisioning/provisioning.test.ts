import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, connect } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Change } from '../domain/change.ts';
import type { Device, DeviceStatus } from '../domain/device.ts';
import type { AreaId, DeviceKey, SiteId } from '../domain/ids.ts';
import type { User } from '../domain/user.ts';
import type { EpochMs } from '../lib/clock.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import { systemRandom } from '../lib/random.ts';
import { createDevices, createUsers, makeCertificates } from './index.ts';
import { createLoginThrottle } from './login-throttle.ts';

/** Keeps what is committed, as the store would. */
function createStore() {
  const devices = new Map<string, Device>();
  const users = new Map<string, User>();
  const statuses: DeviceStatus[] = [];
  const audit: string[] = [];
  return {
    devices,
    users,
    statuses,
    audit,
    deviceReads: {
      device: (key: DeviceKey) => devices.get(key),
      devices: () => [...devices.values()],
      deviceStatuses: () => statuses,
    },
    userReads: { user: (name: string) => users.get(name), users: () => [...users.values()] },
    commit: (changes: readonly Change[]) => {
      for (const change of changes) {
        if (change.kind === 'device-saved') devices.set(change.device.key, change.device);
        if (change.kind === 'device-removed') devices.delete(change.device);
        if (change.kind === 'user-saved') users.set(change.user.name, change.user);
        if (change.kind === 'user-removed') users.delete(change.name);
        if (change.kind === 'audited') audit.push(`${change.by} ${change.action} ${change.subject}`);
      }
      return Promise.resolve();
    },
  };
}

describe('devices', () => {
  const begin = () => {
    const store = createStore();
    const clock = createFakeClock();
    const devices = createDevices({
      site: 's1' as SiteId,
      reads: store.deviceReads,
      commit: store.commit,
      clock,
      random: systemRandom,
    });
    return { store, clock, devices };
  };

  it('get a password of 192 bits, shown once and kept as its hash', async () => {
    const { store, devices } = begin();
    const issued = await devices.add('charger/10597059', 'a1' as AreaId, 'li');
    expect(issued).toEqual({
      username: 'charger/10597059',
      password: expect.stringMatching(/^[\w-]{32}$/) as string,
      topicPrefix: 'community/s1/charger/10597059',
    });
    expect(store.devices.get('charger/10597059')).toMatchObject({
      deviceClass: 'charger',
      id: '10597059',
      area: 'a1',
      passwordSha256: createHash('sha256').update(issued.password).digest('hex'),
    });
    expect(JSON.stringify([...store.devices.values()])).not.toContain(issued.password);
    expect(store.audit).toEqual(['li device.add charger/10597059']);
  });

  it('are not added twice, nor under a name that is none', async () => {
    const { devices } = begin();
    await devices.add('fire/f1', null, 'li');
    await expect(devices.add('fire/f1', null, 'li')).rejects.toMatchObject({ code: 'device.exists' });
    for (const name of ['f1', 'camera/c1', 'fire/', 'fire/a/b', 'fire/a b', 'fire/+', 'fire/#', '/f1', '']) {
      await expect(devices.add(name, null, 'li'), name).rejects.toMatchObject({ code: 'device.invalid' });
    }
  });

  it('get another password by rotation and keep the rest', async () => {
    const { store, devices } = begin();
    const first = await devices.add('fire/f1', 'a1' as AreaId, 'li');
    const before = store.devices.get('fire/f1');
    const second = await devices.rotate('fire/f1', 'li');
    expect(second.password).not.toBe(first.password);
    expect(store.devices.get('fire/f1')).toEqual({
      ...before,
      passwordSha256: createHash('sha256').update(second.password).digest('hex'),
    });
    await expect(devices.rotate('fire/f2', 'li')).rejects.toMatchObject({ code: 'device.unknown' });
  });

  it('are listed by name with what is known of them, and without any hash', async () => {
    const { store, clock, devices } = begin();
    await devices.add('fire/f1', null, 'li');
    await devices.add('charger/c1', 'a1' as AreaId, 'li');
    const at = clock.now();
    store.statuses.push({
      key: 'fire/f1' as DeviceKey,
      state: 'online',
      lastHeardAt: at,
      lastFault: 'the payload is not JSON',
      lastFaultAt: at,
    });
    const nothing = { lastHeardAt: null, lastFault: null, lastFaultAt: null };
    expect(devices.list()).toEqual([
      { key: 'charger/c1', area: 'a1', createdAt: at, state: 'never', ...nothing },
      {
        key: 'fire/f1',
        area: null,
        createdAt: at,
        state: 'online',
        lastHeardAt: at,
        lastFault: 'the payload is not JSON',
        lastFaultAt: at,
      },
    ]);
    expect(devices.lastFault('fire/f1')).toEqual({ fault: 'the payload is not JSON', at });
    expect(devices.lastFault('charger/c1')).toBeNull();
    expect(() => devices.lastFault('fire/f2')).toThrow('there is no device fire/f2');
  });

  it('are removed', async () => {
    const { store, devices } = begin();
    await devices.add('fire/f1', null, 'li');
    await devices.remove('fire/f1', 'li');
    expect(store.devices.size).toBe(0);
    await expect(devices.remove('fire/f1', 'li')).rejects.toMatchObject({ code: 'device.unknown' });
    expect(store.audit).toEqual(['li device.add fire/f1', 'li device.remove fire/f1']);
  });
});

describe('users', () => {
  const begin = () => {
    const store = createStore();
    const clock = createFakeClock();
    const users = createUsers({ reads: store.userReads, commit: store.commit, clock, random: systemRandom });
    return { store, clock, users };
  };
  const word = 'correct horse battery';

  it('are let in with their own password only', async () => {
    const { store, users } = begin();
    await users.add('王芳', 'manager', word, 'init');
    expect(store.users.get('王芳')?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await users.verify('王芳', word, '10.0.0.1')).toEqual({
      kind: 'ok',
      user: { name: '王芳', role: 'manager' },
    });
    expect(await users.verify('王芳', `${word}!`, '10.0.0.1')).toEqual({ kind: 'wrong' });
    expect(await users.verify('nobody', word, '10.0.0.1')).toEqual({ kind: 'wrong' });
    expect(await users.verify('王芳', 'x'.repeat(100_000), '10.0.0.1')).toEqual({ kind: 'wrong' });
  });

  it('get another password, and the old one is void', async () => {
    const { users } = begin();
    await users.add('li', 'admin', word, 'init');
    await users.setPassword('li', 'another long one', 'li');
    expect(await users.verify('li', word, '10.0.0.1')).toEqual({ kind: 'wrong' });
    expect(await users.verify('li', 'another long one', '10.0.0.1')).toMatchObject({ kind: 'ok' });
    expect(users.list()).toMatchObject([{ name: 'li', role: 'admin' }]);
    expect(users.list()[0]).not.toHaveProperty('passwordHash');
  });

  it('are refused with a short password, one that holds the name, a bad name, or twice', async () => {
    const { users } = begin();
    await expect(users.add('li', 'admin', 'too short', 'x')).rejects.toMatchObject({ code: 'user.invalid' });
    await expect(users.add('zhang', 'admin', 'Zhang-zhang-1', 'x')).rejects.toMatchObject({ code: 'user.invalid' });
    await expect(users.add('a/b', 'admin', word, 'x')).rejects.toMatchObject({ code: 'user.invalid' });
    await users.add('li', 'admin', word, 'x');
    await expect(users.add('li', 'viewer', word, 'x')).rejects.toMatchObject({ code: 'user.exists' });
    await expect(users.setPassword('wu', word, 'x')).rejects.toMatchObject({ code: 'user.unknown' });
  });

  it('can be removed, but not the last administrator', async () => {
    const { store, users } = begin();
    await users.add('li', 'admin', word, 'x');
    await users.add('wu', 'viewer', word, 'x');
    await expect(users.remove('li', 'wu')).rejects.toMatchObject({ code: 'user.last-admin' });
    await users.remove('wu', 'li');
    expect([...store.users.keys()]).toEqual(['li']);
  });

  it('who guess are slowed down, by name and address, and others are not', async () => {
    const { clock, users } = begin();
    await users.add('li', 'admin', word, 'x');
    for (let index = 0; index < 5; index += 1) {
      expect(await users.verify('li', 'wrong', '10.0.0.1')).toEqual({ kind: 'wrong' });
    }
    expect(await users.verify('li', word, '10.0.0.1')).toEqual({ kind: 'too-many-tries', retryAfterMs: 1000 });
    expect(await users.verify('li', word, '10.0.0.2')).toMatchObject({ kind: 'ok' });
    await clock.advance(1000);
    expect(await users.verify('li', 'wrong', '10.0.0.1')).toEqual({ kind: 'wrong' });
    expect(await users.verify('li', word, '10.0.0.1')).toEqual({ kind: 'too-many-tries', retryAfterMs: 2000 });
    await clock.advance(2000);
    expect(await users.verify('li', word, '10.0.0.1')).toMatchObject({ kind: 'ok' });
    expect(await users.verify('li', 'wrong', '10.0.0.1')).toEqual({ kind: 'wrong' });
  });

  it('who guess in parallel get no more tries than one after the other', async () => {
    const { users } = begin();
    await users.add('li', 'admin', word, 'x');
    const kinds = await Promise.all(Array.from({ length: 12 }, () => users.verify('li', 'wrong', '10.0.0.1')));
    expect(kinds.filter(({ kind }) => kind === 'wrong')).toHaveLength(5);
  });
});

describe('the login throttle', () => {
  it('slows an address that tries one name after another', () => {
    const throttle = createLoginThrottle(createFakeClock());
    for (let index = 0; index < 30; index += 1) expect(throttle.attempt(`user${index}`, '10.0.0.1')).toBe(0);
    expect(throttle.attempt('user31', '10.0.0.1')).toBe(1000);
    expect(throttle.attempt('user31', '10.0.0.2')).toBe(0);
  });
  it('waits at most 15 minutes, and starts anew after an hour of quiet', async () => {
    const clock = createFakeClock();
    const throttle = createLoginThrottle(clock);
    for (let index = 0; index < 25; index += 1) {
      const waitMs = throttle.attempt('li', '10.0.0.1');
      expect(waitMs).toBeLessThanOrEqual(900_000);
      await clock.advance(waitMs);
      if (waitMs > 0) throttle.attempt('li', '10.0.0.1');
    }
    expect(throttle.attempt('li', '10.0.0.1')).toBe(900_000);
    await clock.advance(3_600_001);
    expect(throttle.attempt('li', '10.0.0.1')).toBe(0);
    expect(throttle.attempt('li', '10.0.0.1')).toBe(0);
  });
  it('takes one IPv6 network for one address, and an IPv4 address in IPv6 clothes for itself', () => {
    const throttle = createLoginThrottle(createFakeClock());
    for (let index = 0; index < 5; index += 1) throttle.attempt('li', `2001:db8:1:2::${index}`);
    expect(throttle.attempt('li', '2001:db8:1:2:a:b:c:d')).toBe(1000);
    expect(throttle.attempt('li', '2001:db8:1:3::1')).toBe(0);
    for (let index = 0; index < 5; index += 1) throttle.attempt('wu', '::ffff:10.0.0.9');
    expect(throttle.attempt('wu', '10.0.0.9')).toBe(1000);
  });
  it('remembers no more than its capacity', () => {
    const throttle = createLoginThrottle(createFakeClock(), 100);
    for (let index = 0; index < 1000; index += 1) throttle.attempt(`u${index}`, `10.0.${index >> 8}.${index & 255}`);
    expect(throttle.size()).toBe(200);
  });
});

describe('certificates', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kanmen-keys-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const make = (names: string[], now = Date.now()) =>
    makeCertificates({ folder: join(folder, 'keys'), site: 's1', names, now: now as EpochMs });

  it('make a TLS server that a client with the authority trusts by every name, and by no other', async () => {
    const files = await make(['gate.example', '192.168.1.10']);
    const server = createServer({ cert: await readFile(files.certFile), key: await readFile(files.keyFile) });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const ca = await readFile(files.caCertFile);
    const { port } = server.address() as AddressInfo;
    const reach = (servername: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect({ port, host: '127.0.0.1', ca, servername }, () => {
          socket.destroy();
          resolve('trusted');
        });
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
    expect(await reach('gate.example')).toBe('trusted');
    expect(await reach('localhost')).toBe('trusted');
    expect(await reach('elsewhere.example')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(new X509Certificate(await readFile(files.certFile)).checkIP('192.168.1.10')).toBe('192.168.1.10');
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });

  it('last ten years and 825 days, and can be read by their owner only', async () => {
    const now = Date.UTC(2026, 0, 2);
    const files = await make([], now);
    const until = async (path: string): Promise<number> =>
      Date.parse(new X509Certificate(await readFile(path)).validTo);
    expect(await until(files.caCertFile)).toBe(now + 3650 * 86_400_000);
    expect(await until(files.certFile)).toBe(now + 825 * 86_400_000);
    expect(files.expiresAt).toBe(now + 825 * 86_400_000);
    for (const path of [files.caCertFile, files.caKeyFile, files.certFile, files.keyFile]) {
      expect((await stat(path)).mode & 0o777, path).toBe(0o600);
    }
    expect((await stat(join(folder, 'keys'))).mode & 0o777).toBe(0o700);
  });

  it('are renewed under the same authority', async () => {
    const first = await make(['a.example']);
    const before = await readFile(first.certFile, 'utf8');
    const second = await make(['b.example']);
    expect(second.caFingerprint).toBe(first.caFingerprint);
    expect(await readFile(second.certFile, 'utf8')).not.toBe(before);
    const ca = new X509Certificate(await readFile(second.caCertFile));
    expect(new X509Certificate(await readFile(second.certFile)).verify(ca.publicKey)).toBe(true);
  });

  it('are refused when half of the authority is gone', async () => {
    const files = await make([]);
    await rm(files.caKeyFile);
    await expect(make([])).rejects.toMatchObject({ code: 'certificate.unreadable' });
  });
});
