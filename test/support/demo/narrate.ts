import type { Json, Reader } from './clients.ts';

const colors: Readonly<Record<string, string>> = {
  red: '\u001b[41;97m',
  orange: '\u001b[48;5;208;30m',
  yellow: '\u001b[43;30m',
  blue: '\u001b[44;97m',
};
const reset = '\u001b[0m';
const zhTier: Readonly<Record<string, string>> = { red: '红', orange: '橙', yellow: '黄', blue: '蓝' };

const text = (value: unknown): string =>
  typeof value === 'string' ? value : value === null || value === undefined ? '–' : JSON.stringify(value);
const clock = (value: unknown): string => new Date(text(value)).toLocaleTimeString('sv-SE');

/**
 * Tells in the terminal what the gateway has seen since the last call: passages, sessions that began or ended, alerts and
 * each step of their lives. To be called every second or so.
 */
export function createNarrator(gateway: Reader, say: (line: string) => void, colored: boolean): () => Promise<void> {
  const told = new Set<string>();
  const once = (key: string, line: () => string): void => {
    if (told.has(key)) return;
    told.add(key);
    say(line());
  };
  const badge = (tier: string): string => {
    const word = ` ${zhTier[tier] ?? ''} ${tier.toUpperCase()} `;
    return colored ? `${colors[tier] ?? ''}${word}${reset}` : `[${word.trim()}]`;
  };
  const alert = async (row: Json): Promise<void> => {
    const id = text(row['id']);
    const { zh, en } = row['title'] as { zh: string; en: string };
    once(
      `alert ${id}`,
      () =>
        `${clock(row['raisedAt'])} ${badge(text(row['tier']))} ${zh} / ${en}, ${text((row['place'] as Json)['name'])}`,
    );
    const detail = await gateway.get(`/api/alerts/${id}`);
    for (const step of detail['life'] as Json[]) {
      if (step['from'] !== null)
        once(
          `life ${id} ${text(step['at'])} ${text(step['to'])}`,
          () => `${clock(step['at'])}     ↳ ${zh}: ${text(step['to'])}, ${text(step['by'])}`,
        );
    }
  };
  return async () => {
    for (const row of (await gateway.list('/api/passages')).toReversed()) {
      const plate = row['plate'] as Json | null;
      const camera = text((row['camera'] as Json)['name']);
      const who =
        row['subject'] === 'person'
          ? 'person 行人'
          : plate
            ? `${text(plate['text'])} (${text(plate['color'])}, ${Math.round(Number(plate['confidenceRatio']) * 100)} %)`
            : 'vehicle, plate not read';
      once(
        `passage ${text(row['id'])}`,
        () => `${clock(row['at'])} passage 过车   ${camera} ${text(row['direction'])}  ${who}`,
      );
    }
    for (const row of (await gateway.list('/api/sessions')).toReversed()) {
      const port = `${text(row['device'])} port ${text(row['port'])}`;
      once(`begin ${text(row['id'])}`, () => `${clock(row['startedAt'])} charging 充电  ${port} begins`);
      if (row['endedAt'] !== null)
        once(
          `end ${text(row['id'])}`,
          () =>
            `${clock(row['endedAt'])} charging 充电  ${port} ends: ${text(row['stopReason'])}, ${text(row['energyKwh'])} kWh`,
        );
    }
    for (const row of (await gateway.list('/api/alerts')).toReversed()) await alert(row);
  };
}
