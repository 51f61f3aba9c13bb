import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ChannelCamera } from '../setup.ts';
import { businessId, viidTime } from './ids.ts';
import { apeOf, type ViidObject } from './objects.ts';
import type { ViidOptions } from './options.ts';
import { covers, isActive, subscribable, type Orders, type Subscription } from './orders.ts';
import type { Profile } from './profile.ts';
import type { ViidSession } from './session.ts';

/**
 * Tells the platform and its subscriptions which cameras there are and which of them are on. What counts is the state, not
 * the change: whoever has not taken the present state gets it at the next beat, so nothing has to be queued.
 */
export function createDeviceReports(given: {
  readonly channel: string;
  readonly options: ViidOptions;
  readonly profile: Profile;
  readonly timeZone: string;
  readonly session: Pick<ViidSession, 'request'>;
  readonly orders: Orders;
  readonly cameras: () => readonly ChannelCamera[];
  readonly clock: Clock;
  readonly logger: Logger;
}) {
  const { channel, options, profile, timeZone, session, orders, clock, logger } = given;
  /** State that each addressee has taken. */
  const taken = new Map<string, string>();

  const list = (): { readonly id: string; readonly ape: ViidObject; readonly online: string }[] =>
    given.cameras().flatMap((camera) => {
      const device = options.devices[camera.id];
      if (!device) return [];
      const ape = apeOf(camera, device, { gatewayId: options.deviceId, orgCode: options.orgCode, profile });
      return [{ id: camera.id, ape, online: camera.connected ? '1' : '2' }];
    });

  const tell = async (
    key: string,
    state: unknown,
    request: { readonly method: 'PUT' | 'POST'; readonly uri: string; readonly body: unknown },
    signal: AbortSignal,
  ): Promise<void> => {
    const text = JSON.stringify(state);
    if (taken.get(key) === text) return;
    const verdict = await session.request({ ...request, objectId: null }, signal);
    if (verdict.kind === 'retry') return;
    // A platform that does not want it is not asked again until something changes.
    taken.set(key, text);
    if (verdict.kind === 'rejected') logger.warn({ channel, what: key, reason: verdict.reason }, 'cameras not taken');
  };

  const notification = (subscription: Subscription, detail: string, content: ViidObject) => {
    const now = clock.now();
    return {
      method: 'POST',
      uri: subscription.receiveAddress,
      body: {
        SubscribeNotificationListObject: {
          SubscribeNotificationObject: [
            {
              NotificationID: businessId(
                options.orgCode,
                'notify',
                now,
                timeZone,
                `${subscription.id}/${detail}/${now}`,
              ),
              SubscribeID: subscription.id,
              Title: subscription.title,
              TriggerTime: viidTime(now, timeZone, profile.times),
              InfoIDs: list()
                .map(({ ape }) => ape['ApeID'])
                .join(','),
              ...content,
            },
          ],
        },
      },
    } as const;
  };

  return {
    apes: (): readonly ViidObject[] => list().map(({ ape }) => ape),
    report: async (signal: AbortSignal): Promise<void> => {
      const all = list();
      const apes = all.map(({ ape }) => ape);
      if (apes.length > 0)
        await tell(
          'APEs',
          apes,
          { method: profile.apesMethod, uri: '/VIID/APEs', body: { APEListObject: { APEObject: apes } } },
          signal,
        );
      for (const subscription of orders.subscriptions()) {
        if (!isActive(subscription, clock.now())) continue;
        const mine = all.filter(({ id }) => {
          const device = options.devices[id];
          return device !== undefined && covers(subscription, device, options.deviceId);
        });
        if (mine.length === 0) continue;
        const { details, id } = subscription;
        if (details.includes(subscribable.devices)) {
          const objects = mine.map(({ ape }) => ape);
          const body = notification(subscription, subscribable.devices, { DeviceList: { APEObject: objects } });
          await tell(`${id}/devices`, objects, body, signal);
        }
        if (details.includes(subscribable.deviceStatus)) {
          const states = mine.map(({ ape, online }) => ({ ApeID: ape['ApeID'], IsOnline: online }));
          const CurrentTime = viidTime(clock.now(), timeZone, profile.times);
          const objects = states.map((state) => ({ ...state, CurrentTime }));
          const body = notification(subscription, subscribable.deviceStatus, {
            DeviceStatusList: { APEStatusObject: objects },
          });
          await tell(`${id}/status`, states, body, signal);
        }
      }
    },
  };
}
