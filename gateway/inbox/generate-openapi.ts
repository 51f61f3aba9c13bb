import { systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { systemRandom } from '../lib/random.ts';
import { buildServer } from './http/server.ts';

/**
 * The OpenAPI document as it stands in `gateway/inbox/openapi.json`. Routes are built but never called, so their
 * collaborators only have to be there.
 */
export async function generateInboxOpenApi(): Promise<string> {
  // Anything that is asked of it is a function that throws: the generator calls nothing.
  const nobody = new Proxy(
    {},
    {
      get: () => () => {
        throw new Error('the generator of the OpenAPI document calls nothing');
      },
    },
  ) as never;
  const clock = systemClock;
  const logger = silentLogger;
  const app = await buildServer({
    notices: {
      gateways: nobody,
      receiver: nobody,
      line: nobody,
      refusals: nobody,
      clock,
      maxNoticeBytes: 1,
      onHeard: nobody,
    },
    pair: { invites: nobody, book: nobody, clock },
    session: {
      ...{ title: '', version: '1', timeZone: 'UTC', secureCookies: false, sessionLifetimeMs: 1 },
      ...{ secondFactorMode: 'option', clock, logger, logins: nobody, users: nobody, secondFactor: nobody },
      ...{ audit: nobody, live: nobody },
    },
    alerts: {
      ...{ clock, queries: nobody, answers: nobody, evidence: nobody, audit: nobody, users: nobody, shift: nobody },
      live: nobody,
    },
    gateways: { book: nobody, watch: nobody, invites: nobody, plans: nobody, publicUrl: null },
    station: { clock, shift: nobody, figures: nobody, search: nobody, audit: nobody, push: nobody },
    people: { users: nobody, secondFactor: nobody, random: systemRandom },
    ...{ trustProxy: false, serverFactory: null, logger, version: '1', webRoot: null, health: nobody },
  });
  await app.ready();
  const document = JSON.stringify(app.swagger(), null, 2);
  await app.close();
  return `${document}\n`;
}
