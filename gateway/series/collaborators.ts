import type { ChargingEvent, FireTelemetryEvent } from '../domain/event.ts';

export type Reading = ChargingEvent | FireTelemetryEvent;

/** Stored events in the order in which they were committed, as numbered by the store. */
export interface ReadingPage {
  /** The readings among them. */
  readonly readings: readonly Reading[];
  /** Number of the last event looked at, reading or not; null where there is none after the one asked for. */
  readonly last: number | null;
  /** Events looked at, readings or not. */
  readonly events: number;
}

/** What the exporter asks of the store. */
export interface SeriesReads {
  /** At most `limit` events after number `after`, oldest first. */
  readings(after: number, limit: number): ReadingPage;
  /** Number of the newest stored event; 0 where there is none. */
  newestEvent(): number;
  /** How far the export had come, as last committed; 0 at first. */
  seriesPosition(): number;
}
