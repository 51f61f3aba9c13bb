import type { Seen, SeenAlert, SeenAnswer, SeenPassage, SeenPerson, SeenSession } from '../simulators/compare.ts';
import type { Json, Reader } from './clients.ts';

const time = (value: unknown): number => Date.parse(value as string);
const idOf = (value: unknown): string | null => (value === null ? null : ((value as Json)['id'] as string));

/** Everything that gateway and desk have to say about the story. */
export async function gather(gateway: Reader, desk: Reader): Promise<Seen & { readonly faults: readonly string[] }> {
  const rows = await gateway.list('/api/passages');
  const passages: SeenPassage[] = [];
  const persons: SeenPerson[] = [];
  for (const row of rows) {
    const plate = row['plate'] as Json | null;
    const camera = idOf(row['camera']) ?? '';
    const common = { camera, direction: row['direction'] as string, atMs: time(row['at']) };
    if (row['subject'] === 'person') persons.push(common);
    else
      passages.push({
        ...common,
        text: (plate?.['text'] ?? null) as string | null,
        kind: (plate?.['kind'] ?? null) as string | null,
        color: (plate?.['color'] ?? null) as string | null,
      });
  }
  const sessions = (await gateway.list('/api/sessions')).map((row): SeenSession => ({
    device: row['device'] as string,
    port: row['port'] as number,
    order: row['order'] as string | null,
    endedAtMs: row['endedAt'] === null ? null : time(row['endedAt']),
    energyKwh: row['energyKwh'] as number | null,
    stopReason: row['stopReason'] as string | null,
  }));
  const details: Json[] = [];
  for (const { id } of await gateway.list('/api/alerts'))
    details.push(await gateway.get(`/api/alerts/${id as string}`));
  const atDesk = new Map((await desk.list('/api/alerts?state=all')).map((alert) => [alert['id'] as string, alert]));
  const faults: string[] = [];
  for (const id of atDesk.keys())
    if (!details.some((detail) => detail['id'] === id))
      faults.push(`the desk shows an alert that the gateway does not have: ${id}`);
  const alerts: SeenAlert[] = [];
  for (const detail of details) alerts.push(await seenAlert(detail, atDesk, desk, faults));
  return {
    passages,
    persons,
    sessions,
    alerts,
    receipts: details.flatMap(receiptsOf),
    acknowledgements: details.flatMap(acknowledgementsOf),
    faults,
  };
}

/** An alert with the cameras whose pictures really are at the desk and open as JPEG. */
async function seenAlert(
  detail: Json,
  atDesk: ReadonlyMap<string, Json>,
  desk: Reader,
  faults: string[],
): Promise<SeenAlert> {
  const id = detail['id'] as string;
  const place = detail['place'] as Json;
  const evidenceCameras: string[] = [];
  const shown = atDesk.get(id);
  if (!shown) faults.push(`not at the desk: ${id}`);
  for (const [index, picture] of ((shown?.['evidence'] ?? []) as Json[]).entries()) {
    const bytes = await desk.bytes(`/api/alerts/${id}/evidence/${index}`);
    if (bytes[0] === 0xff && bytes[1] === 0xd8) evidenceCameras.push(picture['camera'] as string);
    else faults.push(`evidence ${index} of ${id} is no JPEG`);
  }
  return {
    id,
    tier: detail['tier'] as string,
    kind: detail['kind'] as string,
    area: idOf(place['area']),
    source: detail['source'] as string | null,
    atMs: time(detail['occurredAt']),
    evidenceCameras,
  };
}

/** One for each recipient that has the alert: several versions are several deliveries of one matter. */
function receiptsOf(detail: Json): SeenAnswer[] {
  const recipients = (detail['told'] as Json[]).flatMap((told) =>
    (told['deliveries'] as Json[]).some(({ state }) => state === 'delivered') ? [idOf(told['recipient']) ?? ''] : [],
  );
  return [...new Set(recipients)].map((recipient) => ({ alertId: detail['id'] as string, recipient }));
}

function acknowledgementsOf(detail: Json): SeenAnswer[] {
  return (detail['feedback'] as Json[])
    .filter(({ kind }) => kind === 'acknowledged')
    .map(({ recipient }) => ({ alertId: detail['id'] as string, recipient: idOf(recipient) ?? 'gateway' }));
}
