import type { Delivery } from '../../domain/alert.ts';
import type { DeliveryResult } from '../../domain/delivery.ts';
import type { DeliveryId } from '../../domain/ids.ts';
import { passageDataSchema, watchHitType, type PassageData } from '../../domain/notice.ts';
import type { Clock, EpochMs } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { parseRfc3339 } from '../../lib/local-time.ts';
import type { Logger } from '../../lib/logger.ts';
import { businessId, viidTime } from './ids.ts';
import { createBatches } from './batch.ts';
import { notifiedObject, objectOf, type BuiltObject, type ObjectPicture } from './objects.ts';
import type { ViidDevice, ViidOptions } from './options.ts';
import { covers, isActive, subscribable, type Orders, type Subscription } from './orders.ts';
import { picturesOf, type PictureSource } from './pictures.ts';
import type { Profile } from './profile.ts';
import type { ViidRequest, ViidSession } from './session.ts';

/** Deliveries whose finished parts are remembered between tries; an older one is simply sent whole again. */
const rememberedDeliveries = 1000;

export interface SendContext {
  readonly channel: string;
  readonly options: ViidOptions;
  readonly profile: Profile;
  readonly timeZone: string;
  readonly session: ViidSession;
  readonly orders: Orders;
  readonly pictures: PictureSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One request of a delivery. */
interface Part {
  readonly key: string;
  readonly send: (signal: AbortSignal) => ReturnType<ViidSession['request']>;
}

/** Which details of a subscription an object answers to. */
const detailOf: Readonly<Record<BuiltObject['kind'], string>> = {
  motorVehicle: subscribable.motorVehicle,
  nonMotorVehicle: subscribable.nonMotorVehicle,
  face: subscribable.face,
};

/** Subscriptions that want what this camera saw then. `kinds` null: whatever it was. */
export function wantedBy(
  orders: Orders,
  options: ViidOptions,
  device: ViidDevice,
  at: EpochMs,
  kinds: readonly string[] | null,
): Subscription[] {
  return orders
    .subscriptions()
    .filter(
      (subscription) =>
        isActive(subscription, at) &&
        covers(subscription, device, options.deviceId) &&
        (kinds === null || kinds.some((kind) => subscription.details.includes(kind))),
    );
}

/** Makes the function that tries one delivery once (README.md). */
export function createViidSender(context: SendContext) {
  const { options, session, orders, clock, logger, channel } = context;
  /** What of a delivery with several addressees has been taken already. */
  const done = new Map<DeliveryId, Set<string>>();

  const batches = createBatches({
    ...{ session, maxObjects: options.batch.objects, maxBytes: options.batch.size },
    now: () => clock.now(),
  });

  const remember = (id: DeliveryId, key: string): void => {
    const keys = done.get(id) ?? new Set();
    keys.add(key);
    done.delete(id);
    done.set(id, keys);
    const oldest = done.keys().next().value;
    if (done.size > rememberedDeliveries && oldest !== undefined) done.delete(oldest);
  };

  const pictures = async (passage: PassageData, id: DeliveryId): Promise<ObjectPicture[]> => {
    try {
      return await picturesOf(passage, context.pictures, {
        limitBytes: options.picturesUpTo,
        legalBasis: options.faces?.legalBasis ?? null,
      });
    } catch (error) {
      // A picture that cannot be read must not hold back the record.
      logger.warn(
        { channel, deliveryId: id, error: messageOf(error) },
        'picture not readable, passage sent without it',
      );
      return [];
    }
  };

  const build = async (passage: PassageData, device: ViidDevice, id: DeliveryId): Promise<BuiltObject> => {
    const { profile, timeZone } = context;
    return objectOf(passage, await pictures(passage, id), { device, profile, timeZone });
  };

  const subscriptionRequest = (subscription: Subscription, built: BuiltObject, delivery: Delivery): ViidRequest => {
    const notification = businessId(
      ...([options.orgCode, 'notify', delivery.createdAt, context.timeZone] as const),
      `${delivery.id}/${subscription.id}`,
    );
    return {
      method: 'POST',
      uri: subscription.receiveAddress,
      objectId: notification,
      body: {
        SubscribeNotificationListObject: {
          SubscribeNotificationObject: [
            {
              NotificationID: notification,
              SubscribeID: subscription.id,
              Title: subscription.title,
              TriggerTime: viidTime(clock.now(), context.timeZone, context.profile.times),
              InfoIDs: built.id,
              ...notifiedObject(built),
            },
          ],
        },
      },
    };
  };

  /** Sends each part that has not been taken yet. A retry of one part is a retry of the delivery. */
  const sendParts = async (
    delivery: Delivery,
    parts: readonly Part[],
    signal: AbortSignal,
  ): Promise<DeliveryResult> => {
    const receipts: string[] = [];
    let refused: string | null = null;
    for (const { key, send } of parts) {
      if (done.get(delivery.id)?.has(key) === true) continue;
      const verdict = await send(signal);
      if (verdict.kind === 'retry') return verdict;
      if (verdict.kind === 'rejected') refused ??= verdict.reason;
      else {
        receipts.push(`${key} ${verdict.receipt}`);
        if (parts.length > 1) remember(delivery.id, key);
      }
    }
    done.delete(delivery.id);
    if (refused !== null) return { kind: 'rejected', reason: refused };
    return { kind: 'delivered', receipt: receipts.join('; ') || 'taken before', feedback: [] };
  };

  const sending = (request: ViidRequest): Pick<Part, 'send'> => ({
    send: (ending) => session.request(request, ending),
  });

  const nothing = (why: string): DeliveryResult => ({
    kind: 'delivered',
    receipt: `nothing to send: ${why}`,
    feedback: [],
  });

  const sendPassage = async (
    delivery: Delivery,
    passage: PassageData,
    device: ViidDevice,
    at: EpochMs,
    signal: AbortSignal,
  ): Promise<DeliveryResult> => {
    const built = await build(passage, device, delivery.id);
    const push: Part[] =
      options.passagesBy === 'subscription' ? [] : [{ key: built.kind, send: (ending) => batches.send(built, ending) }];
    const subscribed =
      options.passagesBy === 'push'
        ? []
        : wantedBy(orders, options, device, at, [detailOf[built.kind]]).map((subscription) => ({
            key: subscription.id,
            ...sending(subscriptionRequest(subscription, built, delivery)),
          }));
    const parts = [...push, ...subscribed];
    // Wanted when it was queued; the platform has taken its subscription back since.
    return parts.length === 0 ? nothing('no subscription any more') : sendParts(delivery, parts, signal);
  };

  const sendHit = async (
    delivery: Delivery,
    passage: PassageData,
    device: ViidDevice,
    signal: AbortSignal,
  ): Promise<DeliveryResult> => {
    const disposition = orders.dispositions().find(({ id }) => id === passage.watch?.order);
    if (!disposition) return nothing('the order was taken back');
    const built = await build(passage, device, delivery.id);
    const notification = businessId(
      ...([options.orgCode, 'alarm', delivery.createdAt, context.timeZone] as const),
      delivery.id,
    );
    const objectName = built.kind === 'nonMotorVehicle' ? 'NonMotorVehicleObject' : 'MotorVehicleObject';
    const body = {
      DispositionNotificationListObject: {
        DispositionNotificationObject: [
          {
            NotificationID: notification,
            DispositionID: disposition.id,
            Title: disposition.title,
            TriggerTime: viidTime(
              parseRfc3339(passage.at) ?? delivery.createdAt,
              context.timeZone,
              context.profile.times,
            ),
            CntObjectID: built.id,
            [objectName]: built.body,
          },
        ],
      },
    };
    const uri = disposition.receiveAddress ?? '/VIID/DispositionNotifications';
    return sendParts(delivery, [{ key: 'alarm', ...sending(post(uri, body, notification)) }], signal);
  };

  return async (delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> => {
    if (delivery.item === 'canary') {
      const verdict = await session.keepAlive(signal);
      if (verdict.kind === 'ok') return { kind: 'delivered', receipt: verdict.receipt, feedback: [] };
      return verdict.kind === 'retry' || verdict.kind === 'rejected'
        ? verdict
        : { kind: 'retry', reason: verdict.kind, afterMs: null };
    }
    // Fire, charging and everything else that is no object of GA/T 1400 goes over another channel (standards.md 1.11).
    if (delivery.item !== 'passage')
      return { kind: 'rejected', reason: `GA/T 1400 has no object for a ${delivery.item}; set alerts: false` };
    const parsed = passageDataSchema.safeParse(delivery.data);
    const at = parsed.success ? parseRfc3339(parsed.data.at) : null;
    if (!parsed.success || at === null) return { kind: 'rejected', reason: 'not a passage' };
    const passage = parsed.data;
    const device = options.devices[passage.camera];
    if (!device) return { kind: 'rejected', reason: `camera ${passage.camera} has no code in devices` };
    if (passage.subject === 'person' && !options.faces)
      return { kind: 'rejected', reason: 'faces are off: no legal basis is configured' };
    return delivery.type === watchHitType
      ? sendHit(delivery, passage, device, signal)
      : sendPassage(delivery, passage, device, at, signal);
  };
}

const post = (uri: string, body: unknown, objectId: string): ViidRequest => ({ method: 'POST', uri, body, objectId });
