import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import type { GatewayEvent } from '../gateway/domain/event.ts';
import { openReader } from '../gateway/lib/database/reader.ts';
import { charging, fire, rule } from '../gateway/rules/samples.ts';
import type { AreaId } from '../gateway/domain/ids.ts';
import { numbers } from './bench/rule-events.ts';
import { projectRoot } from './support/kanmen-process.ts';

const dir = mkdtempSync(join(tmpdir(), 'kanmen-rules-kill-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A rule of every sort that remembers something. */
const texts = Object.entries({
  held: 'tier: orange\nwhen: { kind: charging }\nif: event.portC >= 55\nfor: 5m\nkey: "held:{{event.port}}"',
  counted:
    'tier: yellow\nwhen: { kind: fire }\ncount: { within: 10m, atLeast: 3 }\nkey: "counted:{{place}}"\nsuppress: { for: 20m, extend: true }',
  both: 'tier: red\ntogether:\n  - { name: smoke, when: { kind: fire, alarm: smoke } }\n  - { name: heat, when: { kind: charging }, if: event.portC >= 60 }\nwithin: 5m\nkey: "both:{{place}}"',
  unended:
    'tier: blue\nwhen: { kind: fire, active: true }\nabsent: { when: { kind: fire, active: false }, within: 10m }\nper: "{{event.device}}"\nkey: "unended:{{event.device}}"',
}).map(([id, body]) => ({ file: `${id}.yaml`, text: rule(id, body) }));

function history(count: number): GatewayEvent[] {
  const random = numbers(7);
  let atS = 0;
  return Array.from({ length: count }, (): GatewayEvent => {
    atS += Math.floor(random() * 60);
    const area = `shed-${Math.floor(random() * 2)}` as AreaId;
    if (random() < 0.25) return fire(atS, { area, active: random() < 0.7 });
    return charging(atS, { area, port: 1 + Math.floor(random() * 3), portC: random() < 0.6 ? 62 : 40 });
  });
}

/** Runs the process until it says `done`, or until it has accepted so many events, when it dies with the next under way. */
function run(database: string, given: string, killAfter: number | null): Promise<{ done: boolean; accepted: number }> {
  const program = join(projectRoot, 'dist/test/support/rules-child.js');
  const child = spawn(process.execPath, [program, database, given, String(killAfter ?? 'never')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let accepted = 0;
  let done = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'done') done = true;
    else accepted += 1;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve({ done, accepted }));
  });
}

/** All that rules remember and have raised. */
async function standing(database: string): Promise<unknown> {
  const reader = await openReader(database);
  try {
    return {
      memory: reader.all('SELECT rule, key, state FROM rule_state ORDER BY rule, key', []),
      alerts: reader.all<{ body: string }>('SELECT body FROM alerts ORDER BY id', []).map(({ body }) => {
        const { id, rule: by, key, tier, occurredAt, why } = JSON.parse(body) as Record<string, unknown>;
        return { id, by, key, tier, occurredAt, why };
      }),
    };
  } finally {
    reader.close();
  }
}

describe('rules and SIGKILL', () => {
  it('stand where an uninterrupted run stands, wherever the process was killed', { timeout: 180_000 }, async () => {
    const given = join(dir, 'given.json');
    const events = history(160);
    writeFileSync(given, JSON.stringify({ events, texts }));
    const steady = join(dir, 'steady.sqlite');
    expect(await run(steady, given, null)).toEqual({ done: true, accepted: events.length });
    const expected = (await standing(steady)) as { memory: unknown[]; alerts: unknown[] };
    expect(expected.alerts.length).toBeGreaterThan(5);
    expect(expected.memory.length).toBeGreaterThan(2);

    const killed = join(dir, 'killed.sqlite');
    // Everything is sent again after each kill: what was stored is a repeat, and nothing of it counts twice.
    for (const point of [3, 40, 41, 77, 120, 159]) {
      expect((await run(killed, given, point)).done).toBe(false);
    }
    expect((await run(killed, given, null)).done).toBe(true);
    expect(await standing(killed)).toEqual(expected);
  });
});
