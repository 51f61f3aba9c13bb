import { describe, expect, it } from 'vitest';
import { recipientsOptions } from '../alerts/options.ts';
import { channelsOptions } from '../channels/options.ts';
import type { Alert, Delivery, Feedback } from '../domain/alert.ts';
import type { AlertId, RecipientId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { createAnswerGate } from './answers.ts';

const webhook = (url: string) => ({ kind: 'webhook', url, secretFile: 'x' });
const channels = channelsOptions.parse({
  desk: webhook('https://desk.example/notices/gw-1'),
  // Another of the same far side: what was told there can be answered here.
  'desk-2': webhook('https://desk.example/notices/gw-1-department'),
  housing: webhook('https://housing.example/notices'),
});
const recipients = recipientsOptions.parse([
  { id: 'station', name: '派出所', role: 'station', channel: 'desk' },
  { id: 'fire', name: '消防', role: 'department', channel: 'desk-2' },
  { id: 'housing', name: '住建', role: 'department', channel: 'housing' },
]);
const answer = (alertId: string, recipient: string | null): Feedback => ({
  ...{ id: 'f-1', alertId: alertId as AlertId, kind: 'acknowledged', by: '李警官', at: 1 as EpochMs, text: '' },
  ...{ outcome: null, recipient: recipient as RecipientId | null },
});

function opened() {
  const noted: string[] = [];
  const gate = createAnswerGate({
    ...{ channels, recipients },
    store: {
      findAlert: (id) => (id === 'a-1' ? ({ id } as Alert) : undefined),
      deliveries: () => [{ channel: 'desk' } as Delivery],
    },
    refusals: { note: (what, reason, by, subject) => noted.push(`${what} ${reason}: ${subject} (${by})`) },
  });
  return { gate, noted };
}

describe('an answer that comes over a channel', () => {
  it('is taken from the far side that was told, over whichever of its channels, and from the gateway itself', () => {
    const { gate, noted } = opened();
    expect(['station', 'fire', null].map((who) => gate.fault(answer('a-1', who)))).toEqual([null, null, null]);
    expect(noted).toEqual([]);
  });

  it('is refused, counted and audited from somebody who was not told, or about no alert of ours', () => {
    const { gate, noted } = opened();
    expect(gate.fault(answer('a-1', 'housing'))).toBe('not-told');
    expect(gate.fault(answer('a-9', 'station'))).toBe('unknown-alert');
    expect(noted).toEqual([
      'answer housing not-told: acknowledged of a-1 (channel housing)',
      'answer desk unknown-alert: acknowledged of a-9 (channel desk)',
    ]);
  });

  it('is an error that the way back passes over', () => {
    const { gate } = opened();
    expect(() => gate.check(answer('a-1', 'housing'))).toThrow(expect.objectContaining({ code: 'alert.not-allowed' }));
    expect(() => gate.check(answer('a-9', 'station'))).toThrow(expect.objectContaining({ code: 'alert.unknown' }));
    gate.check(answer('a-1', 'station'));
  });
});
