import type { ChargingEvent, ChargingSession } from '../domain/event.ts';

/**
 * The report with what the gateway knows of its session, so that rules can hold a reading against how the session began;
 * recorded with it, so that a backtest sees the same. Written out field by field: a spread of so many is slow (forms.ts).
 */
export function ofSession(event: ChargingEvent, session: ChargingSession | null): ChargingEvent {
  if (session === null) return event;
  return {
    id: event.id,
    kind: event.kind,
    at: event.at,
    receivedAt: event.receivedAt,
    area: event.area,
    late: event.late,
    device: event.device,
    port: event.port,
    report: event.report,
    state: event.state,
    powerW: event.powerW,
    voltageV: event.voltageV,
    currentA: event.currentA,
    energyKwh: event.energyKwh,
    durationS: event.durationS,
    ambientC: event.ambientC,
    portC: event.portC,
    order: event.order,
    stopReason: event.stopReason,
    sessionS: Math.round((event.at - session.startedAt) / 1000),
    startPeakW: session.startPeakW ?? null,
  };
}
