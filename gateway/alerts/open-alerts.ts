import type { Alert } from '../domain/alert.ts';
import { endedAlertStates } from '../domain/alert.ts';
import type { AlertId } from '../domain/ids.ts';

/** The alerts that are not over, by id and by cause. Holds as many as are open; an ended one is let go at once. */
export interface OpenAlerts {
  byId(id: AlertId): Alert | undefined;
  byKey(key: string): Alert | undefined;
  /** Keeps the alert, or lets it go if its state is an end. */
  put(alert: Alert): void;
  all(): readonly Alert[];
  replace(alerts: readonly Alert[]): void;
}

export function createOpenAlerts(): OpenAlerts {
  const ids = new Map<AlertId, Alert>();
  const keys = new Map<string, AlertId>();
  const put = (alert: Alert): void => {
    if (endedAlertStates.includes(alert.state)) {
      ids.delete(alert.id);
      if (keys.get(alert.key) === alert.id) keys.delete(alert.key);
      return;
    }
    ids.set(alert.id, alert);
    keys.set(alert.key, alert.id);
  };
  return {
    byId: (id) => ids.get(id),
    byKey: (key) => {
      const id = keys.get(key);
      return id === undefined ? undefined : ids.get(id);
    },
    put,
    all: () => [...ids.values()],
    replace: (alerts) => {
      ids.clear();
      keys.clear();
      alerts.forEach(put);
    },
  };
}
