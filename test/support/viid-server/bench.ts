import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Delivery } from '../../../gateway/domain/alert.ts';
import type { RecipientId } from '../../../gateway/domain/ids.ts';
import { passageType, type PassageData } from '../../../gateway/domain/notice.ts';
import { someDelivery, type ChannelHarness, type FarItem } from '../../../gateway/channels/contract.ts';
import { createWatchList, openChannels, type ChannelSetup, type WatchList } from '../../../gateway/channels/index.ts';
import { channelsOptions } from '../../../gateway/channels/options.ts';
import { systemClock } from '../../../gateway/lib/clock.ts';
import { createLogger } from '../../../gateway/lib/logger.ts';
import { systemRandom } from '../../../gateway/lib/random.ts';
import { openViidPlatform, platformId, type PlatformManners, type ViidPlatform } from './viid-server.ts';

export const gatewayCode = '33020300001190000001';
export const cameraCode = '33020300001210000007';
export const orgCode = '330203000000';

export interface ViidBench extends ChannelHarness {
  readonly platform: ViidPlatform;
  readonly folder: string;
  readonly watchList: WatchList;
  readonly audited: readonly string[];
  logged(): Record<string, unknown>[];
  /** Where the gateway's own server listens, once `listen` runs. */
  server(): Promise<string>;
}

export const somePassage = (changes: Partial<PassageData> = {}): PassageData => ({
  passageId: '019b7c3e-0000-7000-8000-0000000000aa',
  at: '2026-01-02T11:04:05.123+08:00',
  startedAt: '2026-01-02T11:04:03.000+08:00',
  endedAt: '2026-01-02T11:04:07.000+08:00',
  camera: 'gate-1',
  place: { site: { id: 'nb-0231', name: '东苑' }, area: null, name: '东门' },
  gateway: 'gw-1',
  direction: 'in',
  subject: 'vehicle',
  plate: {
    text: '浙BD12345',
    kind: 'nev-small',
    color: 'green',
    confidence: 0.91,
    characters: [0.99, 0.98, 0.97, 0.96, 0.95, 0.94, 0.93, 0.91],
    accepted: true,
  },
  boxPx: [300, 200, 80, 26],
  evidence: [],
  ...changes,
});

export const passageDelivery = (changes: Partial<Delivery> = {}, passage: Partial<PassageData> = {}): Delivery =>
  someDelivery({
    item: 'passage',
    notice: null,
    alertId: null,
    tier: 'blue',
    type: passageType,
    data: somePassage(passage),
    ...changes,
  });

export const evidenceOf = (id: string): PassageData['evidence'][number] => ({
  id,
  kind: 'picture',
  mediaType: 'image/jpeg',
  sha256: 'a'.repeat(64),
  capturedAt: '2026-01-02T11:04:05.123+08:00',
  camera: 'gate-1',
});

export const somePicture = (red = 90): Promise<Buffer> =>
  sharp({ create: { width: 640, height: 360, channels: 3, background: { r: red, g: 100, b: 110 } } })
    .jpeg()
    .toBuffer();

/** A channel of kind viid made from a configuration, against the conformance server. */
export async function openViidBench(
  setup: {
    readonly options?: Record<string, unknown>;
    readonly evidence?: ChannelSetup['evidence'];
    readonly cameras?: ChannelSetup['cameras'];
    readonly manners?: PlatformManners;
    readonly folder?: string;
  } = {},
): Promise<ViidBench> {
  const folder = setup.folder ?? mkdtempSync(join(tmpdir(), 'kanmen-viid-'));
  writeFileSync(join(folder, 'platform.password'), 'Passw0rd\n');
  const platform = await openViidPlatform(setup.manners ? { manners: setup.manners } : {});
  const watchList = createWatchList();
  const lines: string[] = [];
  const audited: string[] = [];
  const channels = await openChannels(
    channelsOptions.parse({
      platform: {
        kind: 'viid',
        url: platform.url,
        deviceId: gatewayCode,
        serverId: platformId,
        passwordFile: 'platform.password',
        orgCode,
        devices: { 'gate-1': { id: cameraCode, inwards: '3' } },
        timeout: '15s',
        ...setup.options,
      },
    }),
    {
      baseDir: folder,
      stateDir: join(folder, 'state'),
      source: '/community/nb-0231/gateway/gw-1',
      timeZone: 'Asia/Shanghai',
      recipients: [{ id: 'station' as RecipientId, name: '派出所', role: 'station', grid: null, channel: 'platform' }],
      evidence: setup.evidence ?? { read: () => Promise.resolve(null) },
      ...(setup.cameras && { cameras: setup.cameras }),
      watchList,
      audit: (action, subject) => {
        audited.push(`${action} ${subject}`);
        return Promise.resolve();
      },
      clock: systemClock,
      random: systemRandom,
      logger: createLogger({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } }),
    },
  );
  const channel = channels.byId.get('platform');
  if (!channel) throw new Error('the channel was not opened');
  const logged = (): Record<string, unknown>[] => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    channel,
    platform,
    folder,
    watchList,
    audited,
    logged,
    server: () =>
      until(() => {
        const line = logged().find(({ msg }) => msg === 'listening for the platform');
        return typeof line?.['address'] === 'string' ? line['address'] : null;
      }),
    get items(): readonly FarItem[] {
      return [
        ...platform.taken('KeepaliveObject').map(({ DeviceID }) => item(DeviceID, 'KeepaliveObject', null)),
        ...platform.taken('MotorVehicleObject').map((object) => {
          return item(object['MotorVehicleID'], 'MotorVehicleObject', object['PlateNo']);
        }),
      ];
    },
    behave: (behaviour) =>
      platform.behave(
        behaviour.kind === 'refuse'
          ? { kind: 'status', code: 8 }
          : behaviour.kind === 'hang'
            ? { kind: 'hang' }
            : behaviour,
      ),
    answer: null,
    sample: (changes) => passageDelivery(changes),
    shown: (delivery) =>
      delivery.item === 'canary'
        ? item(gatewayCode, 'KeepaliveObject', null)
        : item(`${cameraCode}0220260102110405123${hashDigits(delivery)}0200001`, 'MotorVehicleObject', '浙BD12345'),
    close: async () => {
      channels.close();
      await platform.close();
      if (setup.folder === undefined) rmSync(folder, { recursive: true });
    },
  };
}

const item = (id: unknown, type: string, data: unknown): FarItem => ({ id: String(id), type, data });
/** The two digits that the passage's own id gives: sha256, first 32 bits, modulo 100. */
const hashDigits = (delivery: Delivery): string => {
  const known = new Map([['019b7c3e-0000-7000-8000-0000000000aa', '86']]);
  return known.get((delivery.data as PassageData).passageId) ?? '??';
};

/** Waits for a condition; generous, for a machine that has other work. */
export async function until<T>(
  condition: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  withinMs = 20_000,
): Promise<T> {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const found = await condition();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > deadlineMs) throw new Error('did not happen in time');
    await new Promise((done) => {
      setTimeout(done, 10);
    });
  }
}
