import type { Places } from '../domain/place.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { systemRandom } from '../lib/random.ts';
import type { ApiCollaborators } from './collaborators.ts';
import { createLiveFeed } from './live-feed.ts';
import { createVideoFeed } from './video-feed.ts';
import { apiOptions } from './options.ts';
import { buildServer } from './server.ts';

/**
 * The OpenAPI document as it stands in `gateway/api/openapi.json`. Routes are built but never called, so their
 * collaborators only have to be there.
 */
export async function generateOpenApi(): Promise<string> {
  const never = (): never => {
    throw new Error('the generator of the OpenAPI document calls nothing');
  };
  const given: ApiCollaborators = {
    options: apiOptions.parse({}),
    logger: silentLogger,
    clock: systemClock,
    random: systemRandom,
    version: '1',
    places: { site: { id: '', name: '' } as unknown as Places['site'], area: never, grid: never },
    recipients: [],
    reads: {
      passages: never,
      sessions: never,
      alerts: never,
      alert: never,
      transitions: never,
      feedback: never,
      notices: never,
      deliveries: never,
      clipsOf: never,
      deliveryCounts: never,
      devices: never,
      deviceStatuses: never,
      quarantine: never,
      user: never,
      webSession: never,
    },
    commit: never,
    users: { verify: never },
    answer: never,
    evidence: { kindOf: never, open: never, openClip: never },
    cameras: never,
    health: never,
    live: createLiveFeed(),
    video: createVideoFeed({ watch: never, watchMpeg1: never }),
    metrics: { contentType: 'text/plain', text: never },
    controlToken: null,
    metricsToken: null,
    dashboardDir: null,
  };
  const app = await buildServer(given);
  await app.ready();
  const document = JSON.stringify(app.swagger(), null, 2);
  await app.close();
  return `${document}\n`;
}
