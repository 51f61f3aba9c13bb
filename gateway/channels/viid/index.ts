import { join } from 'node:path';
import { normalisePlate } from '../../domain/plate-grammar.ts';
import type { EpochMs } from '../../lib/clock.ts';
import { readSecretFile } from '../secret-file.ts';
import type { ChannelSetup, OpenChannel } from '../setup.ts';
import type { WatchEntry } from '../watch-list.ts';
import { createHttpClient } from '../webhook/http-exchange.ts';
import { createDeviceReports } from './devices.ts';
import type { ViidOptions } from './options.ts';
import { createOrders, subscribable } from './orders.ts';
import { profiles } from './profile.ts';
import { createViidSender, wantedBy } from './send.ts';
import { createViidServer } from './server.ts';
import { createViidSession } from './session.ts';

/**
 * Opens a GA/T 1400 channel: reads its password and the platform's standing orders; connects and listens only in `listen`.
 * Throws `config.secret-missing`, `config.invalid`.
 */
export async function openViidChannel(options: ViidOptions, setup: ChannelSetup): Promise<OpenChannel> {
  const { id: channel, timeZone, clock, random, logger } = setup;
  const password =
    options.passwordFile === undefined ? '' : (await readSecretFile(setup, options.passwordFile, 'password')).trim();
  const ca = options.tls.caFile === undefined ? null : await readSecretFile(setup, options.tls.caFile, 'tls.caFile');
  const client = createHttpClient({ clock, ca, allowPrivate: options.allowPrivate, allowHosts: options.allowHosts });
  const profile = typeof options.profile === 'string' ? profiles[options.profile] : options.profile;
  const session = createViidSession({ channel, options, profile, password, timeZone, client, clock, random, logger });
  const orders = createOrders(
    join(setup.stateDir ?? join(setup.baseDir, 'channels'), `${channel}.orders.json`),
    (reason) => logger.error({ channel, reason }, 'orders of the platform cannot be read: it must give them again'),
  );

  const watch = (): void => {
    const entries = orders.dispositions().flatMap(({ id: order, title, plates, gates, beginAt, endAt }) =>
      plates.map((plate): WatchEntry => ({
        ...{ plate: normalisePlate(plate), order, title },
        from: beginAt as EpochMs | null,
        until: endAt as EpochMs | null,
        cameras: gates.length === 0 ? null : new Set(camerasAt(options, gates)),
        possible: options.watchList.possible,
      })),
    );
    setup.watchList?.replace(channel, options.watchList.accept ? entries : []);
  };
  watch();

  const reports = createDeviceReports({
    ...{ channel, options, profile, timeZone, session, orders, clock, logger },
    cameras: () => setup.cameras?.() ?? [],
  });
  const platformHost = new URL(options.url).hostname;
  const server = createViidServer({
    ...{ channel, options, timeZone, orders, clock, logger },
    apes: reports.apes,
    mayNotify: (host) => host === platformHost || options.allowHosts.includes(host),
    onChanged: watch,
    audit: (action, subject) => setup.audit?.(action, subject) ?? Promise.resolve(),
  });
  const send = createViidSender({
    ...{ channel, options, profile, timeZone, session, orders, clock, logger },
    pictures: {
      read: (id) => setup.evidence.read(id),
      readOpen: (id, why) => setup.evidence.readOpen?.(id, why) ?? Promise.resolve(null),
    },
  });

  return {
    channel: {
      id: channel,
      kind: 'viid',
      send,
      listen: async (_, signal) => {
        if (options.server) {
          const address = await server.open();
          logger.info({ channel, address }, 'listening for the platform');
        }
        try {
          await session.hold(() => reports.report(signal), signal);
        } finally {
          await server.close();
        }
      },
      fault: () => session.fault(),
      wants: ({ camera, subject, at }) => {
        const device = options.devices[camera];
        if (!device || (subject === 'person' && !options.faces)) return false;
        if (options.passagesBy !== 'subscription') return true;
        const { face, motorVehicle, nonMotorVehicle } = subscribable;
        const kinds = subject === 'person' ? [face] : [motorVehicle, nonMotorVehicle];
        return wantedBy(orders, options, device, at, kinds).length > 0;
      },
    },
    close: () => client.close(),
  };
}

/** Ids of the cameras that an order names by gate or by device. */
function camerasAt(options: ViidOptions, gates: readonly string[]): string[] {
  return Object.entries(options.devices)
    .filter(([, { id, tollgateId }]) => gates.includes(id) || (tollgateId !== undefined && gates.includes(tollgateId)))
    .map(([camera]) => camera);
}
