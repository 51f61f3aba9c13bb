/** The desk's tests once more, on PostgreSQL. */
import { afterAll } from 'vitest';
import { startPostgres } from '../support/postgres.ts';
import { useDatabase } from './fixture.ts';

const postgres = await startPostgres();
afterAll(() => postgres.stop());
useDatabase(() => postgres.database());

await import('./receiving.test.ts');
await import('./answering.test.ts');
await import('./page.test.ts');
await import('./station.test.ts');
await import('./pairing.test.ts');
await import('./gateways.test.ts');
