import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { ZodError } from 'zod';
import type { GatewayEvent } from '../domain/event.ts';
import type { DeviceKey, EventId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { formOf } from './forms.ts';
import { parseRfc3339 } from './timestamp.ts';
import type { DeviceTopic } from './topic.ts';

/** Older than this at arrival: recorded as late, no live alert (interfaces.md). */
export const lateAfterMs = 24 * 3_600_000;
/**
 * A time before this was never set: a clock without battery wakes up in 1970 or 2000. The message counts as said now.
 * Taken at its word it would be late, and the smoke alarm of a sensor with a flat clock battery would alert nobody.
 */
const clockWasSetAfterMs = Date.UTC(2024, 0, 1);
/** A capture time ahead of the gateway by more than this is replaced by the time of receipt. */
const aheadMs = 60_000;

export interface MessageToParse {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly receivedAt: EpochMs;
  /** The MQTT DUP flag. */
  readonly duplicate: boolean;
  /** Takes its topic apart (`createTopicParser`). */
  readonly topicOf: (topic: string) => DeviceTopic | null;
  readonly newId: () => string;
}

export interface DeviceMessage {
  readonly kind: 'message';
  readonly topic: DeviceTopic;
  readonly event: GatewayEvent;
  /** How a repeat is known (interfaces.md): by the device's own id, or by SHA-256(topic ‖ payload). */
  readonly messageKey: string;
  /** Neither id nor ts: the same key is a repeat only within 60 s or under a DUP flag, see `createRepeatWindow`. */
  readonly weak: boolean;
  readonly duplicate: boolean;
  /** Gateway time minus device time, ms; null where the device gave none. */
  readonly skewMs: number | null;
}

export type ParsedMessage =
  | DeviceMessage
  | { readonly kind: 'malformed'; readonly device: DeviceKey | null; readonly reason: string }
  | { readonly kind: 'forged'; readonly device: DeviceKey; readonly reason: string };

/**
 * Turns one MQTT message of a device into events (interfaces.md "MQTT, device side"; standards.md 4.4). Pure but for
 * `newId`. Never throws: what cannot be understood is `malformed` with a reason that names the field, and what names
 * another device than its topic is `forged`. `area` is null: whoever knows places fills it in.
 */
export function parseMessage(input: MessageToParse): ParsedMessage {
  const topic = input.topicOf(input.topic);
  if (topic === null)
    return { kind: 'malformed', device: null, reason: 'the topic is not below a device of this site' };
  const malformed = (reason: string): ParsedMessage => ({ kind: 'malformed', device: topic.device, reason });
  const form = formOf(topic);
  if (form === null) return malformed('no message is defined for this topic');
  const json = parseJson(input.payload);
  if ('reason' in json) return malformed(json.reason);
  const said = form(json.value, topic);
  if (said instanceof ZodError) return malformed(describe(said));
  const { pile, device } = said;
  if (pile === null && device === null) return malformed('device: missing');
  if ((pile !== null && pile !== topic.id) || (device !== null && device !== topic.id)) {
    return { kind: 'forged', device: topic.device, reason: 'the payload names another device than the topic' };
  }
  if (topic.port !== null && said.port !== null && said.port !== topic.port) {
    return malformed(`port: ${said.port} in the payload, ${topic.port} in the topic`);
  }
  const ts = said.ts === null ? null : parseRfc3339(said.ts);
  if (said.ts !== null && ts === null) return malformed('ts: there is no such day');

  // A last will is written when the device connects and sent when it is gone: its ts may be days old, the news is not.
  const believed = ts !== null && ts >= clockWasSetAfterMs && ts <= input.receivedAt + aheadMs && !said.farewell;
  const at = believed ? ts : input.receivedAt;
  const event = said.toEvent({
    id: input.newId() as EventId,
    at,
    receivedAt: input.receivedAt,
    area: null,
    late: input.receivedAt - at > lateAfterMs,
    device: topic.device,
  });
  return {
    kind: 'message',
    topic,
    event,
    messageKey: said.id === null ? `sha256:${digest(input.topic, input.payload)}` : `id:${topic.device}:${said.id}`,
    // A device sends the same will again after each reconnection: it is not a repeat for that. Nor is a second fire one,
    // told by a sensor whose clock stands at the same moment whenever it wakes.
    weak: said.id === null && (ts === null || ts < clockWasSetAfterMs || said.farewell),
    duplicate: input.duplicate,
    skewMs: ts === null || said.farewell ? null : input.receivedAt - ts,
  };
}

function parseJson(payload: Uint8Array): { readonly value: unknown } | { readonly reason: string } {
  if (payload.length === 0) return { reason: 'the payload is empty' };
  const text = asBuffer(payload).toString('utf8');
  // U+FFFD stands where bytes were wrong, or where the device wrote it: only then the bytes are looked at.
  if (text.includes('\uFFFD') && !isUtf8(payload)) return { reason: 'the payload is not UTF-8' };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return { reason: 'the payload is not a JSON object' };
    }
    return { value };
  } catch {
    // JSON.parse tells nothing but where; a device's log shows the payload anyway.
    return { reason: 'the payload is not JSON' };
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** SHA-256(topic ‖ payload), base64url. */
function digest(topic: string, payload: Uint8Array): string {
  return hash('sha256', Buffer.concat([Buffer.from(topic, 'utf8'), payload]), 'base64url');
}

/** First fault of a payload in one line: which field, what is allowed. Never more than 200 characters. */
function describe(error: ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'the payload does not fit its schema';
  return `${issue.path.join('.') || 'payload'}: ${issue.message}`.slice(0, 200);
}
