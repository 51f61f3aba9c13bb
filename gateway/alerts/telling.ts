import type { Alert, Delivery, DigestItem, Notice, NoticeChange } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { AlertId, DeliveryId, NoticeId, RecipientId } from '../domain/ids.ts';
import { digestType, noticeTypes, type DigestData, type NoticeData } from '../domain/notice.ts';
import type { Places } from '../domain/place.ts';
import { tierRank } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import { localDate, nextTimeOfDay } from '../lib/local-time.ts';
import type { Random } from '../lib/random.ts';
import type { Addressed } from './audience.ts';
import type { SharedNoticeData } from './notice-data.ts';
import type { AlertsOptions } from './options.ts';

/** Turns what is to be told into rows: a notice and its delivery at once, or, for blue, a place in the daily digest. */
export interface Telling {
  tell(alert: Alert, change: NoticeChange, data: SharedNoticeData, to: Addressed, nowMs: EpochMs): Change[];
  /** One delivery for each recipient whose digest is due. */
  digests(items: readonly DigestItem[], nowMs: EpochMs): Change[];
  /** `lastSequence` of the store; never falls. */
  reload(lastSequence: number): void;
}

export function createTelling(given: {
  readonly options: AlertsOptions;
  readonly recipients: readonly Recipient[];
  readonly places: Places;
  readonly gateway: string;
  readonly random: Pick<Random, 'id'>;
}): Telling {
  const { options, recipients, places, gateway, random } = given;
  let sequence = 0;

  const deliveryOf = (
    row: Omit<Delivery, 'id' | 'sequence' | 'state' | 'attempts' | 'lastError' | 'deliveredAt'>,
  ): Delivery => {
    sequence += 1;
    return {
      ...row,
      id: random.id() as DeliveryId,
      sequence,
      state: 'pending',
      attempts: 0,
      lastError: null,
      deliveredAt: null,
    };
  };

  return {
    tell: (alert, change, data, { recipient, form }, nowMs) => {
      const notice: Notice = {
        id: random.id() as NoticeId,
        alertId: alert.id,
        alertVersion: alert.version,
        recipient: recipient.id,
        form,
        change,
        createdAt: nowMs,
      };
      const whole: NoticeData = { ...data, noticeId: notice.id, form };
      const type = noticeTypes[change];
      if (alert.tier === 'blue') {
        const dueAt = nextTimeOfDay(nowMs, options.digestAt, options.timeZone);
        const { channel } = recipient;
        return [
          { kind: 'notice-created', notice },
          { kind: 'digest-owed', item: { notice, tier: alert.tier, channel, dueAt, type, data: whole } },
        ];
      }
      const delivery = deliveryOf({
        item: 'notice',
        notice: notice.id,
        alertId: alert.id,
        recipient: recipient.id,
        channel: recipient.channel,
        tier: alert.tier,
        type,
        data: whole,
        createdAt: nowMs,
        nextAttemptAt: nowMs,
      });
      return [
        { kind: 'notice-created', notice },
        { kind: 'delivery-created', delivery },
      ];
    },
    digests: (items, nowMs) => {
      const byRecipient = new Map<RecipientId, DigestItem[]>();
      for (const item of items) {
        const { recipient } = item.notice;
        byRecipient.set(recipient, [...(byRecipient.get(recipient) ?? []), item]);
      }
      return [...byRecipient].flatMap(([recipient, mine]): Change[] => {
        const sorted = [...mine].sort(
          (a, b) => tierRank(a.tier) - tierRank(b.tier) || a.notice.createdAt - b.notice.createdAt,
        );
        const data: DigestData = {
          gateway,
          site: { id: places.site.id, name: places.site.name },
          recipient,
          day: localDate(nowMs, options.timeZone),
          notices: sorted.map((item) => ({
            type: item.type as DigestData['notices'][number]['type'],
            data: item.data as NoticeData,
          })),
        };
        const delivery = deliveryOf({
          item: 'digest',
          notice: null,
          alertId: null,
          recipient,
          channel: recipients.find(({ id }) => id === recipient)?.channel ?? mine[0]?.channel ?? '',
          tier: 'blue',
          type: digestType,
          data,
          createdAt: nowMs,
          nextAttemptAt: nowMs,
        });
        const notices = sorted.map(({ notice }) => notice.id);
        return [
          { kind: 'delivery-created', delivery },
          { kind: 'digest-made', recipient, notices, delivery: delivery.id },
        ];
      });
    },
    reload: (lastSequence) => {
      sequence = Math.max(sequence, lastSequence);
    },
  };
}

/** The alerts that a delivered digest told of. */
export function alertsOfDigest(delivery: Delivery): AlertId[] {
  const { notices } = delivery.data as Partial<DigestData>;
  return (notices ?? []).map(({ data }) => data.alertId as AlertId);
}
