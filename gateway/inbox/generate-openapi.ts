import { systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { buildServer } from './http/server.ts';
import { createLiveFeed } from './live-feed.ts';

/**
 * The OpenAPI document as it stands in `gateway/inbox/openapi.json`. Routes are built but never called, so their
 * collaborators only have to be there.
 */
export async function generateInboxOpenApi(): Promise<string> {
  const never = (): never => {
    throw new Error('the generator of the OpenAPI document calls nothing');
  };
  const clock = systemClock;
  const logger = silentLogger;
  const logins = { begin: never, find: never, isAlive: never, end: never };
  const app = await buildServer({
    notices: {
      gateways: new Map(),
      receiver: { receive: never, counts: never },
      line: { unsent: never, poll: never, wake: never, waiting: never, report: never, stop: never },
      refusals: { note: never, counts: never },
      clock,
      maxNoticeBytes: 1,
      onHeard: never,
    },
    page: {
      title: '',
      version: '1',
      secureCookies: false,
      sessionLifetimeMs: 1,
      clock,
      logger,
      logins,
      queries: { get: never, detail: never, list: never, evidence: never, lines: never },
      answers: { give: never },
      evidence: { keep: never, read: never },
      watch: { heard: never, list: never, start: never, stop: never },
      live: createLiveFeed(() => 0),
    },
    logins,
    logger,
    version: '1',
    webRoot: null,
    health: never,
  });
  await app.ready();
  const document = JSON.stringify(app.swagger(), null, 2);
  await app.close();
  return `${document}\n`;
}
