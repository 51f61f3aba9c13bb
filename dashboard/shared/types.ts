/** What the pages know of the server's JSON, taken from the schemas that the server itself parses with. */
import type { z } from 'zod';
import type { AlertState, FeedbackKind, FeedbackMark } from '../../gateway/domain/alert.ts';
import type { Tier } from '../../gateway/domain/tier.ts';
import type { AlertDetailJson, AlertJson } from '../../gateway/api/schemas/alerts.ts';
import type {
  CameraJson,
  DeviceJson,
  PassageJson,
  quarantined,
  SessionJson,
} from '../../gateway/api/schemas/records.ts';
import type { noticeWhySchema } from '../../gateway/domain/notice.ts';
import type { FiguresJson, PersonJson } from '../../gateway/api/schemas/follow-up.ts';
import type { DeliveryJson } from '../../gateway/api/schemas/deliveries.ts';
import type { status } from '../../gateway/api/schemas/status.ts';

export type { AlertState, FeedbackKind, Tier };
export type Alert = AlertJson;
export type AlertDetail = AlertDetailJson;
export type Passage = PassageJson;
export type Plate = NonNullable<PassageJson['plate']>;
export type Session = SessionJson;
export type DeliveryRow = DeliveryJson;
export type Device = DeviceJson;
export type Camera = CameraJson;
export type Quarantined = z.infer<typeof quarantined>;
export type Status = z.infer<typeof status>;
export type Figures = FiguresJson;
export type Person = PersonJson;
export type Facts = AlertJson['facts'];
/** What both servers tell of why an alert was raised. */
export type Why = z.infer<typeof noticeWhySchema>;
export type Outcome = 'true' | 'false-alarm' | 'drill';

export interface List<Item> {
  readonly items: Item[];
  readonly next: string | null;
}

/** What an alert has in both dashboards' lists. */
export type AlertSummary = Pick<
  AlertJson,
  'id' | 'tier' | 'title' | 'state' | 'raisedAt' | 'count' | 'escalation' | 'owner' | 'deadline'
>;

export interface Answer {
  readonly id: string;
  readonly kind: FeedbackKind;
  readonly text: string;
  readonly outcome: Outcome | null;
  readonly mark?: FeedbackMark;
  readonly to?: string;
}

/** One entry of an alert's life as people read it. */
export interface TimeLineEntry {
  readonly key: string;
  readonly at: string;
  readonly what: string;
  readonly by: string;
  readonly text: string;
}
