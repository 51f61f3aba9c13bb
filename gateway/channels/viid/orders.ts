/** What a platform has ordered: subscriptions, and plates to be watched for (standards.md 1.9). Pure but for `createOrders`' file. */
import { readFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { classifyPlate, normalisePlate } from '../../domain/plate-grammar.ts';
import type { EpochMs } from '../../lib/clock.ts';
import { codeOf } from '../../lib/errors.ts';
import { parseViidTime } from './ids.ts';

const text = z.union([z.string(), z.number()]).transform(String).optional();
const kept = z.union([z.number(), z.null()]);

/** What a subscription wants: numbers of SubscribeDetail. */
export const subscribable = { devices: '3', deviceStatus: '4', face: '12', motorVehicle: '13', nonMotorVehicle: '14' };

const subscriptionSchema = z.object({
  id: z.string(),
  title: z.string(),
  details: z.array(z.string()),
  resources: z.array(z.string()),
  beginAt: kept,
  endAt: kept,
  receiveAddress: z.string(),
});
export type Subscription = z.infer<typeof subscriptionSchema>;

const dispositionSchema = z.object({
  id: z.string(),
  title: z.string(),
  plates: z.array(z.string()),
  gates: z.array(z.string()),
  beginAt: kept,
  endAt: kept,
  receiveAddress: z.string().nullable(),
});
export type Disposition = z.infer<typeof dispositionSchema>;

/** What a request comes to: something to keep, an id to forget, or why it is refused (with its status code). */
export type Parsed<T> =
  | { readonly kind: 'put'; readonly item: T }
  | { readonly kind: 'cancel'; readonly id: string }
  | { readonly kind: 'refused'; readonly id: string; readonly code: 4 | 8; readonly reason: string };

const listOf = (value: string | undefined, separators: RegExp): string[] =>
  (value ?? '')
    .split(separators)
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** A time of an order: null where none is given; `undefined` where it is none. */
function timeOf(value: string | undefined, timeZone: string): EpochMs | null | undefined {
  if (value === undefined || value.trim() === '') return null;
  return parseViidTime(value, timeZone) ?? undefined;
}

const looseSubscription = z.object({
  ...{ SubscribeID: text, Title: text, SubscribeDetail: text, ResourceURI: text, BeginTime: text, EndTime: text },
  ...{ ReceiveAddr: text, OperateType: text },
});

/** Reads one SubscribeObject; numbers and texts are taken alike, unknown fields are passed over. */
export function parseSubscription(
  raw: unknown,
  context: { readonly timeZone: string; readonly mayNotify: (host: string) => boolean },
): Parsed<Subscription> {
  const parsed = looseSubscription.safeParse(raw);
  const id = parsed.success ? (parsed.data.SubscribeID ?? '') : '';
  const refused = (code: 4 | 8, reason: string): Parsed<Subscription> => ({ kind: 'refused', id, code, reason });
  if (!parsed.success) return refused(8, 'SubscribeObject: a field has a wrong type');
  if (id === '' || id.length > 64) return refused(8, 'SubscribeID is missing');
  const given = parsed.data;
  if (given.OperateType === '1') return { kind: 'cancel', id };
  const details = listOf(given.SubscribeDetail, /[,;]/);
  const known = details.filter((detail) => Object.values(subscribable).includes(detail));
  if (known.length === 0) return refused(4, `SubscribeDetail: only 3, 4, 12, 13 and 14 are offered`);
  const [beginAt, endAt] = [timeOf(given.BeginTime, context.timeZone), timeOf(given.EndTime, context.timeZone)];
  if (beginAt === undefined || endAt === undefined) return refused(8, 'BeginTime or EndTime is no time');
  const address = given.ReceiveAddr ?? '';
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    return refused(8, 'ReceiveAddr is no http address');
  if (!context.mayNotify(new URL(address).hostname))
    return refused(4, 'ReceiveAddr: the gateway may not send there (allowHosts)');
  return {
    kind: 'put',
    item: {
      id,
      title: given.Title ?? '',
      details: known,
      resources: listOf(given.ResourceURI, /[,;]/),
      ...{ beginAt, endAt, receiveAddress: address },
    },
  };
}

const looseDisposition = z.object({
  ...{ DispositionID: text, Title: text, DispositionCategory: text, TargetFeature: text, BeginTime: text },
  ...{ EndTime: text, OperateType: text, DispositionRange: text, TollgateList: text, ReceiveAddr: text },
});

/** Reads one DispositionObject: category 3 (motor vehicle) or 4 (non-motor) by plate; persons and faces are refused. */
export function parseDisposition(
  raw: unknown,
  context: { readonly timeZone: string; readonly mayNotify: (host: string) => boolean },
): Parsed<Disposition> {
  const parsed = looseDisposition.safeParse(raw);
  const id = parsed.success ? (parsed.data.DispositionID ?? '') : '';
  const refused = (code: 4 | 8, reason: string): Parsed<Disposition> => ({ kind: 'refused', id, code, reason });
  if (!parsed.success) return refused(8, 'DispositionObject: a field has a wrong type');
  if (id === '' || id.length > 64) return refused(8, 'DispositionID is missing');
  const given = parsed.data;
  if (given.OperateType === '1') return { kind: 'cancel', id };
  if (given.DispositionCategory !== '3' && given.DispositionCategory !== '4')
    return refused(4, 'DispositionCategory: only plates (3, 4) can be watched for here');
  const plates = listOf(given.TargetFeature, /[,;，；\s]/).map(normalisePlate);
  if (plates.length === 0) return refused(8, 'TargetFeature: no plate');
  // An e-bike's plate has no national form, so only its length can be looked at.
  const wrong = plates.filter((plate) =>
    given.DispositionCategory === '3' ? classifyPlate(plate) === null : plate.length < 5 || plate.length > 12,
  );
  if (wrong.length > 0) return refused(8, 'TargetFeature: no plate of a known form');
  const [beginAt, endAt] = [timeOf(given.BeginTime, context.timeZone), timeOf(given.EndTime, context.timeZone)];
  if (beginAt === undefined || endAt === undefined) return refused(8, 'BeginTime or EndTime is no time');
  const address = given.ReceiveAddr ?? '';
  const usable = URL.canParse(address) && context.mayNotify(new URL(address).hostname);
  return {
    kind: 'put',
    item: {
      id,
      title: given.Title ?? '',
      plates: [...new Set(plates)],
      gates: listOf(given.TollgateList, /[;,]/),
      ...{ beginAt, endAt, receiveAddress: usable ? address : null },
    },
  };
}

export const isActive = (item: { beginAt: number | null; endAt: number | null }, at: EpochMs): boolean =>
  (item.beginAt === null || at >= item.beginAt) && (item.endAt === null || at <= item.endAt);

/** Whether a subscription covers what a device saw: named itself, its gate, a part of its code, or the whole gateway. */
export function covers(
  { resources }: Subscription,
  device: { readonly id: string; readonly tollgateId?: string | undefined },
  gatewayId: string,
): boolean {
  if (resources.length === 0) return true;
  return resources.some(
    (wanted) =>
      wanted === gatewayId ||
      wanted === device.tollgateId ||
      (/^\d{6,20}$/.test(wanted) && device.id.startsWith(wanted)),
  );
}

const fileSchema = z.object({
  v: z.literal(1),
  subscriptions: z.array(subscriptionSchema),
  dispositions: z.array(dispositionSchema),
});

export interface Orders {
  subscriptions(): readonly Subscription[];
  dispositions(): readonly Disposition[];
  /** Resolves when it is on disk: only then may the platform be told that it was taken. */
  change(next: {
    readonly subscriptions?: readonly Subscription[];
    readonly dispositions?: readonly Disposition[];
  }): Promise<void>;
}

/** Orders in one small file, replaced as a whole; a platform does not order again after our restart. */
export function createOrders(file: string, onDamaged: (reason: string) => void): Orders {
  let held: z.infer<typeof fileSchema> = { v: 1, subscriptions: [], dispositions: [] };
  let writing: Promise<void> = Promise.resolve();
  try {
    held = fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') onDamaged(codeOf(error) ?? 'not of the expected form');
  }
  const write = async (): Promise<void> => {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const beside = `${file}.new`;
    // Plates under watch are nobody else's business.
    const handle = await open(beside, 'w', 0o600);
    try {
      await handle.writeFile(JSON.stringify(held));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
  };
  return {
    subscriptions: () => held.subscriptions,
    dispositions: () => held.dispositions,
    change: (next) => {
      const before = held;
      held = {
        v: 1,
        subscriptions: [...(next.subscriptions ?? held.subscriptions)],
        dispositions: [...(next.dispositions ?? held.dispositions)],
      };
      const mine = held;
      const done = writing.then(write).catch((error: unknown) => {
        if (held === mine) held = before;
        throw error;
      });
      writing = done.catch(() => undefined);
      return done;
    },
  };
}
