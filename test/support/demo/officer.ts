import { randomUUID } from 'node:crypto';
import type { Json, Reader } from './clients.ts';

/** How long the officer lets an alert stand before answering it, so that a person can see it open. */
const answersAfterMs = 12_000;

/**
 * The officer on duty at the desk: acknowledges each alert once it has its picture and has stood for a while.
 * To be called every second or so.
 */
export function createOfficer(desk: Reader, say: (line: string) => void): () => Promise<void> {
  const answered = new Set<string>();
  return async () => {
    for (const alert of await desk.list('/api/alerts?state=open')) {
      const id = alert['id'] as string;
      const pictures = alert['evidence'] as Json[];
      const ageMs = Date.now() - Date.parse(alert['receivedAt'] as string);
      if (
        answered.has(id) ||
        alert['owner'] !== null ||
        ageMs < answersAfterMs ||
        !pictures.some(({ arrived }) => arrived === true)
      )
        continue;
      answered.add(id);
      await desk.post(`/api/alerts/${id}/feedback`, {
        id: randomUUID(),
        kind: 'acknowledged',
        text: '',
        outcome: null,
      });
      say(`officer at the desk acknowledges: ${(alert['title'] as { zh: string }).zh}`);
    }
  };
}
