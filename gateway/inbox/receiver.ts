import { z } from 'zod';
import {
  canaryDataSchema,
  canaryType,
  digestEventSchema,
  digestType,
  noticeEventSchema,
  noticeTypes,
  passageDataSchema,
  passageType,
  watchHitType,
  type CanaryData,
  type DigestEvent,
  type NoticeEvent,
} from '../domain/notice.ts';
import type { Clock } from '../lib/clock.ts';
import { codeOf, isGatewayError, messageOf } from '../lib/errors.ts';
import type { PassKillPoint } from '../lib/kill-points.ts';
import type { Logger } from '../lib/logger.ts';
import { verifyWebhook, webhookHeaders } from '../lib/standard-webhooks.ts';
import type { WireMeter } from '../lib/wire.ts';
import { answersTo, findAlert, toOwnAnswer } from './alert-row.ts';
import type { DeskData } from './data/desk-data.ts';
import type { EvidenceFiles } from './evidence-files.ts';
import {
  canaryStatement,
  gatewayWordStatement,
  noticeStatements,
  receiptsStatement,
  type EvidenceArrival,
} from './notice-statements.ts';
import { passageStatements } from './passages.ts';
import type { RefusalReason, Refusals } from './refusals.ts';

/** A gateway that may send here, with the keys that its signatures are checked against. */
export interface KnownGateway {
  readonly id: string;
  readonly name: string;
  /** The newest first; all are accepted, the desk's own answers are signed with each. */
  readonly keys: readonly Uint8Array[];
}

/** The gateways that may send here, as they are at this moment. */
export interface GatewayLookup {
  get(id: string): KnownGateway | undefined;
}

export type Reception =
  | { readonly kind: 'stored'; readonly alertId: string | null }
  /** It was here already; nothing has changed. */
  | { readonly kind: 'repeat' }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly detail?: string };

export interface Delivered {
  readonly gateway: KnownGateway;
  readonly header: (name: string) => string | undefined;
  readonly body: Uint8Array;
}

export interface Receiver {
  /** Stores what a gateway sent. Resolves only when it is on disk, or with why not. */
  receive(delivered: Delivered): Promise<Reception>;
  /** Which of these deliveries are not here: after a backup was put back, what the gateway believes to be received may be gone. */
  missing(gateway: string, deliveryIds: readonly string[]): Promise<string[]>;
  /** Stores a version of an alert that this desk raises itself, about one of its gateways. */
  raiseOwn(gateway: Pick<KnownGateway, 'id'>, event: NoticeEvent): Promise<void>;
  counts(): { readonly stored: number; readonly repeats: number };
}

/** What is kept of events that this version has nothing to show for: enough to look into, not enough to fill a disk. */
const maxUnread = 10_000;

const envelopeSchema = z.object({ id: z.string().min(1).max(200), type: z.string().min(1).max(200) });

const canarySchema = z.object({ data: canaryDataSchema });
const passageSchema = z.object({ data: passageDataSchema });

/** Signature faults as the reasons that this desk answers with. */
const verdictReasons = {
  'missing-headers': 'signature.missing',
  'bad-timestamp': 'signature.timestamp',
  'too-old': 'signature.too-old',
  'too-new': 'signature.too-new',
  'no-match': 'signature.wrong',
} as const satisfies Record<string, RefusalReason>;

/** Checks a signature as receiving and the answers' poll both need it; null when it is good. */
export function signatureFault(delivered: Delivered, nowMs: number): RefusalReason | null {
  const verdict = verifyWebhook({
    keys: delivered.gateway.keys,
    header: delivered.header,
    body: delivered.body,
    nowMs,
  });
  return verdict.kind === 'valid' ? null : verdictReasons[verdict.reason];
}

/** Verifies, stores and announces what gateways send. A delivery that arrives twice at once is stored once. */
export function createReceiver(options: {
  readonly data: DeskData;
  readonly evidence: EvidenceFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly refusals: Refusals;
  readonly meter: WireMeter;
  readonly passKillPoint: PassKillPoint;
  /** Called after each stored notice, and for everything else that was stored with `alertId` null. */
  readonly onStored: (gateway: Pick<KnownGateway, 'id'>, alertId: string | null) => void;
}): Receiver {
  const { data, evidence, clock, logger, refusals, meter, passKillPoint, onStored } = options;
  const counts = { stored: 0, repeats: 0 };
  /** Deliveries being stored, so that a repeat waits for the first instead of racing it. */
  const inFlight = new Map<string, Promise<Reception>>();

  const isKnown = async (gateway: string, deliveryId: string): Promise<boolean> => {
    const params = [gateway, deliveryId];
    const found = await data.get(
      `SELECT 1 AS here FROM notice WHERE gateway = ? AND delivery_id = ?
       UNION ALL SELECT 1 FROM unread WHERE gateway = ? AND delivery_id = ?
       UNION ALL SELECT 1 FROM delivery WHERE gateway = ? AND delivery_id = ?`,
      ...params,
      ...params,
      ...params,
    );
    return found !== undefined;
  };

  async function keepEvidence(event: NoticeEvent): Promise<EvidenceArrival[]> {
    const arrivals: EvidenceArrival[] = [];
    for (const item of event.data.evidence) {
      if (item.inline === undefined) {
        arrivals.push(0);
        continue;
      }
      const whole = await evidence.keep(Buffer.from(item.inline, 'base64'), item.sha256);
      if (!whole) logger.warn({ alertId: event.data.alertId, evidenceId: item.id }, 'evidence arrived damaged');
      arrivals.push(whole ? 2 : 1);
    }
    return arrivals;
  }

  async function storeNotice(gateway: Pick<KnownGateway, 'id'>, event: NoticeEvent, own = false): Promise<Reception> {
    const alertId = event.data.alertId;
    const arrivals = await keepEvidence(event);
    for (;;) {
      const before = await findAlert(data, alertId);
      if (before && (before.gateway !== gateway.id || (before.own === 1) !== own)) {
        return { kind: 'refused', reason: 'alert.of-another-gateway' };
      }
      const answers = before ? (await answersTo(data, alertId)).map(toOwnAnswer) : [];
      passKillPoint('desk.before-store');
      await data.write(
        noticeStatements({
          ...{ dialect: data.dialect, gateway: gateway.id, own, event, now: clock.now(), before, answers, arrivals },
        }),
      );
      passKillPoint('desk.after-store');
      // Missing if the alert changed between reading and writing (another version, an answer): look anew.
      if (await isKnown(gateway.id, event.id)) break;
    }
    onStored(gateway, alertId);
    return { kind: 'stored', alertId };
  }

  /** The reserve file is there for exactly this: red and orange are kept even when the disk is full. */
  async function storeEvenIfFull(gateway: KnownGateway, event: NoticeEvent): Promise<Reception> {
    try {
      return await storeNotice(gateway, event);
    } catch (error) {
      const full = codeOf(error) === 'ENOSPC' || (isGatewayError(error) && error.facts['disk'] === 'SQLITE_FULL');
      const urgent = event.data.tier === 'red' || event.data.tier === 'orange';
      if (!full || !urgent || !(await data.releaseReserve())) throw error;
      return storeNotice(gateway, event);
    }
  }

  /**
   * A daily digest is its notices, each stored as if it had come alone, under its notice's id; then the digest itself, so
   * that a repeat is known. Cut short in between, the repeat stores what is still missing.
   */
  async function storeDigest(gateway: KnownGateway, event: DigestEvent): Promise<Reception> {
    for (const { type, data: told } of event.data.notices) {
      const notice: NoticeEvent = { ...event, id: told.noticeId, subject: told.alertId, type, data: told };
      if (await isKnown(gateway.id, notice.id)) continue;
      const stored = await storeNotice(gateway, notice);
      if (stored.kind === 'refused') return stored;
    }
    await data.write([gatewayWordStatement(gateway.id, clock.now(), true), deliveryStatement(gateway.id, event.id)]);
    return { kind: 'stored', alertId: event.data.notices[0]?.data.alertId ?? null };
  }

  /** Nothing more is kept of it than that it was here. */
  const deliveryStatement = (gateway: string, id: string) => ({
    sql: 'INSERT INTO delivery (gateway, delivery_id, received_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    params: [gateway, id, clock.now()],
  });

  /** A canary says that the way is good, and how the gateway is. */
  async function storeCanary(gateway: KnownGateway, value: unknown): Promise<Reception> {
    const canary = canarySchema.safeParse(value);
    const { receipts = [], ...told }: Partial<CanaryData> = canary.success ? canary.data.data : {};
    const said = told.state ? JSON.stringify(told) : null;
    const late = [];
    for (const { alertId, receipts: now } of receipts) {
      const alert = await findAlert(data, alertId);
      // Of an alert that is not here, or is another's, nobody here is told anything.
      if (alert?.gateway === gateway.id && alert.own === 0) late.push({ alert, now });
    }
    await data.write([
      canaryStatement(gateway.id, clock.now(), said),
      ...late.map(({ alert, now }) => receiptsStatement(alert, now)),
    ]);
    onStored(gateway, null);
    for (const { alert } of late) onStored(gateway, alert.id);
    return { kind: 'stored', alertId: null };
  }

  async function storePassage(
    gateway: KnownGateway,
    envelope: z.output<typeof envelopeSchema>,
    value: unknown,
    body: Uint8Array,
  ): Promise<Reception> {
    const passage = passageSchema.safeParse(value);
    // Of a later version: kept for the one who looks into it, and no reason for the gateway to try again.
    if (!passage.success) return storeOther(gateway, envelope, body);
    await data.write([
      gatewayWordStatement(gateway.id, clock.now(), false),
      deliveryStatement(gateway.id, envelope.id),
      ...passageStatements(data.dialect, { gateway: gateway.id, data: passage.data.data, now: clock.now() }),
    ]);
    onStored(gateway, null);
    return { kind: 'stored', alertId: null };
  }

  async function storeOther(
    gateway: KnownGateway,
    envelope: z.output<typeof envelopeSchema>,
    body: Uint8Array,
  ): Promise<Reception> {
    const now = clock.now();
    await data.write([
      gatewayWordStatement(gateway.id, now, false),
      {
        sql: `INSERT INTO unread (gateway, delivery_id, type, body, received_at) VALUES (?, ?, ?, ?, ?)
              ON CONFLICT DO NOTHING`,
        params: [gateway.id, envelope.id, envelope.type, body, now],
      },
      {
        sql: `DELETE FROM unread WHERE received_at <=
                (SELECT received_at FROM unread ORDER BY received_at DESC LIMIT 1 OFFSET ?)`,
        params: [maxUnread],
      },
    ]);
    onStored(gateway, null);
    return { kind: 'stored', alertId: null };
  }

  async function store(gateway: KnownGateway, value: unknown, body: Uint8Array): Promise<Reception> {
    const envelope = envelopeSchema.safeParse(value);
    if (!envelope.success) return invalid(envelope.error);
    const { id, type } = envelope.data;
    if ((Object.values(noticeTypes) as string[]).includes(type)) {
      const notice = noticeEventSchema.safeParse(value);
      return notice.success ? storeEvenIfFull(gateway, notice.data) : invalid(notice.error);
    }
    if (type === digestType) {
      const digest = digestEventSchema.safeParse(value);
      return digest.success ? storeDigest(gateway, digest.data) : invalid(digest.error);
    }
    // An alert that nobody here can see must not have a receipt, or the gateway would believe that it was told.
    if (type.startsWith('kanmen.notice.') || type.startsWith('kanmen.digest.')) {
      return { kind: 'refused', reason: 'notice.unknown-version', detail: type };
    }
    if (type === canaryType) return storeCanary(gateway, value);
    if (type === passageType || type === watchHitType) return storePassage(gateway, { id, type }, value, body);
    return storeOther(gateway, { id, type }, body);
  }

  async function take(delivered: Delivered): Promise<Reception> {
    const { gateway, header, body } = delivered;
    const fault = signatureFault(delivered, clock.now());
    if (fault !== null) return { kind: 'refused', reason: fault };
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    } catch (error) {
      return { kind: 'refused', reason: 'notice.not-json', detail: messageOf(error) };
    }
    const id = header(webhookHeaders.id) ?? '';
    if (typeof value === 'object' && value !== null && 'id' in value && value.id !== id) {
      return { kind: 'refused', reason: 'notice.id-differs' };
    }
    const key = `${gateway.id} ${id}`;
    const running = inFlight.get(key);
    if (running) {
      const first = await running;
      return first.kind === 'refused' ? first : { kind: 'repeat' };
    }
    const storeOnce = async (): Promise<Reception> =>
      (await isKnown(gateway.id, id)) ? { kind: 'repeat' } : store(gateway, value, body);
    const storing = storeOnce().finally(() => inFlight.delete(key));
    inFlight.set(key, storing);
    return storing;
  }

  return {
    receive: async (delivered) => {
      meter.enter();
      let reception: Reception;
      try {
        reception = await take(delivered);
      } catch (error) {
        logger.error({ gateway: delivered.gateway.id, reason: messageOf(error) }, 'notice could not be stored');
        const detail = isGatewayError(error) ? error.code : 'internal';
        reception = { kind: 'refused', reason: 'store.failed', detail };
      }
      if (reception.kind === 'refused') {
        meter.leave();
        meter.drop();
        refusals.note(reception.reason, delivered.gateway.id, reception.detail ? { detail: reception.detail } : {});
      } else {
        counts[reception.kind === 'stored' ? 'stored' : 'repeats'] += 1;
        meter.leave();
      }
      return reception;
    },
    missing: async (gateway, deliveryIds) => {
      const known = await Promise.all(deliveryIds.map((id) => isKnown(gateway, id)));
      return deliveryIds.filter((_id, index) => known[index] !== true);
    },
    raiseOwn: async (gateway, event) => {
      await storeNotice(gateway, event, true);
    },
    counts: () => ({ ...counts }),
  };
}

/** The first faults of a body, with where they are. */
function invalid(error: z.ZodError): Reception {
  const detail = error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.map(String).join('.') || '(body)'}: ${issue.message}`)
    .join('; ');
  return { kind: 'refused', reason: 'notice.invalid', detail };
}
