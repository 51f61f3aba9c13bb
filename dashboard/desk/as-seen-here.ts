import type { DeskAlert } from './types.ts';

/** “Being told” is over for whoever reads it: at the desk, a matter that was raised waits for an answer. */
export function asSeenHere<Alert extends DeskAlert>(alert: Alert): Alert {
  return alert.state === 'raised' ? { ...alert, state: 'delivered' } : alert;
}
