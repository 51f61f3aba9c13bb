/** Passages to those who want them, and plates that the far side orders to be watched for: joins line, channels and store. */
import type { Channels, WatchList } from '../channels/index.ts';
import type { Delivery } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { PassageEvent } from '../domain/event.ts';
import type { DeliveryId } from '../domain/ids.ts';
import type { Match } from '../domain/match.ts';
import { passageType, watchHitType, type PassageData } from '../domain/notice.ts';
import type { Places } from '../domain/place.ts';
import { tierRank, type Tier } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import { rfc3339 } from '../lib/local-time.ts';
import type { Random } from '../lib/random.ts';

/** Passages go after everything that an alert has to tell. */
const passageTier: Tier = 'blue';
/** A plate that a station has ordered is told before passages even where no rule makes an alert of it. */
const hitTier: Tier = 'orange';

export interface PassageDeliveries {
  /** Rows for one passage, to be written in the transaction of its event. */
  deliveries(event: PassageEvent, matches: readonly Match[], nowMs: EpochMs): Change[];
  /** Fields of the event that tell rules of an order. `before` is what the register says. */
  watched(event: PassageEvent): Pick<PassageEvent, 'watch' | 'watchReason'>;
}

/**
 * Who gets what: `passages: true` (vehicles), `personPassages: true` (persons), and, whatever these say, the recipients of a
 * channel over which the plate was ordered. A channel that has no use for a passage is not given it.
 */
export function createPassageDeliveries(given: {
  readonly recipients: readonly Recipient[];
  readonly channels: () => Pick<Channels, 'byId'>;
  readonly watchList: Pick<WatchList, 'hits'>;
  readonly places: Places;
  readonly gateway: string;
  readonly timeZone: string;
  /** SHA-256 of a picture as recipients get it; null where it is not known any more. */
  readonly pictureSha256: (id: NonNullable<PassageEvent['evidence']>) => string | null;
  readonly lastSequence: () => number;
  readonly random: Pick<Random, 'id'>;
}): PassageDeliveries {
  const { recipients, watchList, places, gateway, timeZone, random } = given;
  let sequence = 0;

  const hitsOf = ({ plate, camera, at }: PassageEvent) =>
    plate?.accepted === true ? watchList.hits(plate.text, camera, at) : [];

  const dataOf = (event: PassageEvent): PassageData => {
    const { plate } = event;
    const area = places.area(event.area);
    const at = rfc3339(event.at, timeZone);
    const sha256 = event.evidence === null ? null : given.pictureSha256(event.evidence);
    return {
      passageId: event.id,
      at,
      startedAt: rfc3339(event.startedAt, timeZone),
      endedAt: rfc3339(event.endedAt, timeZone),
      camera: event.camera,
      place: {
        site: { id: places.site.id, name: places.site.name },
        area: area && { id: area.id, name: area.name },
        name: area?.name ?? places.site.name,
      },
      gateway,
      direction: event.direction,
      subject: event.subject,
      plate: plate && {
        ...{ text: plate.text, kind: plate.kind, color: plate.color, accepted: plate.accepted },
        confidence: plate.confidenceRatio,
        characters: [...plate.characterConfidenceRatios],
      },
      boxPx: event.boxPx ? [...event.boxPx] : null,
      evidence:
        event.evidence === null || sha256 === null
          ? []
          : [
              {
                ...{ id: event.evidence, kind: 'picture', mediaType: 'image/jpeg', sha256 },
                ...{ capturedAt: at, camera: event.camera },
              },
            ],
    };
  };

  const deliveryTo = (
    recipient: Recipient,
    tier: Tier,
    type: string,
    data: PassageData,
    nowMs: EpochMs,
  ): Extract<Change, { kind: 'delivery-created' }> => {
    sequence = Math.max(sequence, given.lastSequence()) + 1;
    const delivery: Delivery = {
      ...{ id: random.id() as DeliveryId, item: 'passage', notice: null, alertId: null },
      ...{ recipient: recipient.id, channel: recipient.channel, tier, sequence, type, data },
      ...{ createdAt: nowMs, state: 'pending', attempts: 0, nextAttemptAt: nowMs, lastError: null, deliveredAt: null },
    };
    return { kind: 'delivery-created', delivery };
  };

  return {
    deliveries: (event, matches, nowMs) => {
      const hits = hitsOf(event);
      const wanting = recipients.filter(
        (recipient) =>
          (event.subject === 'person' ? recipient.personPassages : recipient.passages) === true &&
          given.channels().byId.get(recipient.channel)?.wants?.(event) !== false,
      );
      if (hits.length === 0 && wanting.length === 0) return [];
      const data = dataOf(event);
      const raised = matches.filter(({ events }) => events.includes(event.id)).map(({ tier }) => tier);
      const tier = [...raised, hitTier].sort((a, b) => tierRank(a) - tierRank(b))[0] ?? hitTier;
      const told = new Set<string>();
      const ordered = hits.flatMap(({ channel, match, order, title }) => {
        const recipient = recipients.find((candidate) => candidate.channel === channel);
        // One plate of an order may be hit both exactly and by likeness: the exact one comes first.
        if (!recipient || told.has(`${channel}/${order}`)) return [];
        told.add(`${channel}/${order}`);
        return [deliveryTo(recipient, tier, watchHitType, { ...data, watch: { match, order, title } }, nowMs)];
      });
      return [...ordered, ...wanting.map((recipient) => deliveryTo(recipient, passageTier, passageType, data, nowMs))];
    },
    watched: (event) => {
      const [hit] = hitsOf(event);
      return hit ? { watch: hit.match, watchReason: hit.title === '' ? hit.order : hit.title } : {};
    },
  };
}
