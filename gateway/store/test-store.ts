/** Stores in a temporary folder, for this room's tests; they stop and vanish after each test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Change } from '../domain/change.ts';
import { systemClock } from '../lib/clock.ts';
import { createDatabase } from '../lib/database/index.ts';
import { silentLogger } from '../lib/logger.ts';
import { createStore, type Store } from './index.ts';
import { migrations } from './migrations/index.ts';
import { sampleFire } from './samples.ts';

let folder = '';
const open: { stop(): Promise<void> }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kanmen-store-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.stop()));
  rmSync(folder, { recursive: true, force: true });
});

export async function started(settings: Partial<Parameters<typeof createStore>[0]> = {}): Promise<Store> {
  const store = createStore({
    file: join(folder, 'kanmen.db'),
    clock: systemClock,
    logger: silentLogger,
    reserveBytes: 0,
    ...settings,
  });
  open.push(store);
  await store.start(new AbortController().signal);
  return store;
}

/** A second connection that may do what the store never does. */
export async function tamper(sql: string): Promise<void> {
  const database = createDatabase({
    file: join(folder, 'kanmen.db'),
    migrations,
    clock: systemClock,
    logger: silentLogger,
  });
  await database.start(new AbortController().signal);
  await database.write([{ sql, params: [] }]);
  await database.stop();
}

export const recorded = (id: string, messageKey: string | null = null): Change => ({
  kind: 'event-recorded',
  event: sampleFire(id),
  messageKey,
});
export const newest = { before: null, limit: 50 };

export const anyPassage = { camera: null, subject: null, direction: null, plate: null, from: null, to: null };
