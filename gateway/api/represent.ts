import type { Alert, AlertTransition, Delivery, EvidenceRef, Feedback, Notice } from '../domain/alert.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { Device, DeviceStatus } from '../domain/device.ts';
import type { ChargingSession, PassageEvent } from '../domain/event.ts';
import type { FactValue, MatchExplanation } from '../domain/match.ts';
import type { AreaId } from '../domain/ids.ts';
import type { Places } from '../domain/place.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { CameraReport } from './collaborators.ts';
import type { AlertDetailJson, AlertJson } from './schemas/alerts.ts';
import type { FollowUpJson } from './schemas/follow-up.ts';
import type { CameraJson, DeviceJson, PassageJson, SessionJson } from './schemas/records.ts';

export const iso = (at: EpochMs): string => new Date(at).toISOString();
export const isoOrNull = (at: EpochMs | null): string | null => (at === null ? null : iso(at));

/** By when the next answer is due, as the notices say it; null where none is. */
export function deadlineOf(alert: Alert): EpochMs | null {
  if (alert.closedAt !== null || alert.followUp.resolvedAt !== null) return null;
  return alert.acknowledgedAt === null ? (alert.acknowledgeBy ?? alert.outcomeBy) : alert.outcomeBy;
}

/** Turns domain values into the forms of the HTTP API, with the compound's own names for places and cameras. */
export function createRepresentation(options: {
  readonly places: Places;
  readonly recipients: readonly Recipient[];
  readonly cameras: () => readonly CameraReport[];
}) {
  const { places, recipients, cameras } = options;
  const { site } = places;

  const placeOf = (areaId: AreaId | null) => {
    const area = places.area(areaId);
    const grid = places.grid(area?.grid ?? null);
    return {
      site: { id: site.id, name: site.name },
      area: area ? { id: area.id, name: area.name } : null,
      grid: grid ? { id: grid.id, name: grid.name, people: [...grid.people] } : null,
    };
  };

  const passage = (event: PassageEvent): PassageJson => ({
    id: event.id,
    at: iso(event.at),
    receivedAt: iso(event.receivedAt),
    place: placeOf(event.area),
    camera: { id: event.camera, name: cameras().find((other) => other.id === event.camera)?.name ?? event.camera },
    subject: event.subject,
    direction: event.direction,
    plate: event.plate && {
      text: event.plate.text,
      accepted: event.plate.accepted,
      confidenceRatio: event.plate.confidenceRatio,
      kind: event.plate.kind,
      color: event.plate.color,
    },
    registered: event.registered,
    clip: event.clip ?? null,
    evidence: event.evidence,
    late: event.late,
  });

  const session = (value: ChargingSession): SessionJson => ({
    id: value.id,
    device: value.device,
    port: value.port,
    place: placeOf(value.area),
    order: value.order,
    startedAt: iso(value.startedAt),
    endedAt: isoOrNull(value.endedAt),
    lastAt: iso(value.lastAt),
    energyKwh: value.energyKwh,
    meanPowerW: value.meanPowerW,
    peakPowerW: value.peakPowerW,
    maxPortC: value.maxPortC,
    stopReason: value.stopReason,
  });

  const evidence = (piece: EvidenceRef): AlertJson['evidence'][number] => ({
    id: piece.id,
    kind: piece.kind,
    capturedAt: iso(piece.capturedAt),
    camera: piece.camera,
    sha256: piece.sha256,
  });

  const alert = (value: Alert): AlertJson => ({
    id: value.id,
    tier: value.tier,
    kind: value.kind,
    title: value.title,
    message: value.message,
    state: value.state,
    occurredAt: iso(value.occurredAt),
    raisedAt: iso(value.raisedAt),
    lastAt: iso(value.lastAt),
    count: value.count,
    place: placeOf(value.area),
    source: value.source,
    facts: { ...value.facts },
    owner: value.owner,
    acknowledgedAt: isoOrNull(value.acknowledgedAt),
    closedAt: isoOrNull(value.closedAt),
    acknowledgeBy: isoOrNull(value.acknowledgeBy),
    outcomeBy: isoOrNull(value.outcomeBy),
    deadline: isoOrNull(deadlineOf(value)),
    escalation: value.escalation,
    version: value.version,
    rule: { id: value.rule, version: value.ruleVersion },
    evidence: value.evidence.map(evidence),
  });

  const recipientOf = (id: string) => {
    const known = recipients.find((other) => other.id === id);
    return { id, name: known?.name ?? id, role: known?.role ?? null };
  };

  const alertDetail = (
    value: Alert,
    parts: {
      readonly transitions: readonly AlertTransition[];
      readonly feedback: readonly (Feedback & { readonly receivedAt: EpochMs })[];
      readonly notices: readonly Notice[];
      readonly deliveries: readonly Delivery[];
      readonly followUp: FollowUpJson;
    },
  ): AlertDetailJson => ({
    ...alert(value),
    why: value.why ? whyOf(value.why) : null,
    life: parts.transitions.map((step) => ({
      at: iso(step.at),
      from: step.from,
      to: step.to,
      by: step.by,
      why: step.why,
      step: step.step ?? null,
    })),
    followUp: parts.followUp,
    feedback: parts.feedback.map((answer) => ({
      id: answer.id,
      kind: answer.kind,
      by: answer.by,
      at: iso(answer.at),
      receivedAt: iso(answer.receivedAt),
      text: answer.text,
      outcome: answer.outcome,
      mark: answer.mark ?? null,
      to: answer.to ?? null,
      recipient: answer.recipient === null ? null : { id: answer.recipient, name: recipientOf(answer.recipient).name },
    })),
    told: parts.notices.map((notice) => ({
      recipient: recipientOf(notice.recipient),
      form: notice.form,
      change: notice.change,
      createdAt: iso(notice.createdAt),
      deliveries: parts.deliveries
        .filter((delivery) => delivery.notice === notice.id)
        .map((delivery) => ({
          id: delivery.id,
          channel: delivery.channel,
          state: delivery.state,
          attempts: delivery.attempts,
          nextAttemptAt: iso(delivery.nextAttemptAt),
          lastError: delivery.lastError,
          deliveredAt: isoOrNull(delivery.deliveredAt),
        })),
    })),
  });

  const device = (value: Device, status: DeviceStatus | undefined): DeviceJson => ({
    key: value.key,
    deviceClass: value.deviceClass,
    id: value.id,
    place: placeOf(value.area),
    state: status?.state ?? 'never',
    lastHeardAt: isoOrNull(status?.lastHeardAt ?? null),
    lastFault: status?.lastFault ?? null,
    lastFaultAt: isoOrNull(status?.lastFaultAt ?? null),
    createdAt: iso(value.createdAt),
  });

  const camera = (value: CameraReport): CameraJson => ({
    id: value.id,
    name: value.name,
    place: placeOf(value.area),
    direction: value.direction,
    state: value.state,
    cause: value.cause,
    reason: value.reason,
    lastFrameAt: isoOrNull(value.lastFrameAt),
    passages: value.passages,
    rejected: { ...value.rejected },
    stream: { ...value.stream, lastKeyAt: isoOrNull(value.stream.lastKeyAt) },
    blind: value.blind ? { ...value.blind, since: iso(value.blind.since) } : null,
    zones: (value.zones ?? []).map(({ id, name, use, points, occupiedSince }) => ({
      ...{ id, name, use, occupiedSince: isoOrNull(occupiedSince) },
      points: points.map(([x, y]): [number, number] => [x, y]),
    })),
  });

  return { passage, session, alert, alertDetail, evidence, device, camera };
}

function whyOf(why: MatchExplanation): NonNullable<AlertDetailJson['why']> {
  type Condition = MatchExplanation['conditions'][number];
  const condition = ({ of, expression, values }: Condition) => ({
    of,
    expression,
    values: values.map(([name, value]): [string, FactValue] => [name, value]),
  });
  return {
    rule: why.rule,
    version: why.version,
    conditions: why.conditions.map(condition),
    time: 'since' in why.time ? { ...why.time, since: iso(why.time.since) } : why.time,
    tier: { ...why.tier, condition: why.tier.condition && condition(why.tier.condition) },
    events: why.events.map((event) => ({ ...event, at: iso(event.at) })),
    lateByS: why.lateByS,
  };
}

export type Representation = ReturnType<typeof createRepresentation>;
