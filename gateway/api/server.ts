import cookie from '@fastify/cookie';
import { fastify, type FastifyInstance } from 'fastify';
import { accessOf, isLoopback, requireRole, sameSecret } from './access.ts';
import type { ApiCollaborators } from './collaborators.ts';
import { ApiError, registerErrors } from './errors.ts';
import { registerHeaders } from './headers.ts';
import { registerOpenApi } from './openapi.ts';
import { createRepresentation } from './represent.ts';
import { accountRoutes } from './routes/account.ts';
import { alertRoutes } from './routes/alerts.ts';
import { channelRoutes } from './routes/channels.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { evidenceRoutes } from './routes/evidence.ts';
import { followUpRoutes } from './routes/follow-up.ts';
import { liveRoutes } from './routes/live.ts';
import { pageRoutes } from './routes/page.ts';
import { recordRoutes } from './routes/records.ts';
import { ruleRoutes } from './routes/rules.ts';
import { sharedEvidenceRoutes } from './routes/shared-evidence.ts';
import { statusRoutes } from './routes/status.ts';
import { registerWebSockets, videoRoutes } from './routes/video.ts';
import { createSignIn, type SignIn } from './sign-in.ts';
import { useZod } from './zod-compilers.ts';

/** No request of this API is large; a login is 100 bytes, an answer at most 8 kB. */
const bodyLimitBytes = 32_768;

/** Every route has its place in the access table, and is checked against it before its body is even read. */
function registerAccess(app: FastifyInstance, signIn: SignIn, metricsToken: string | null): void {
  app.decorateRequest('identity', null);
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) accessOf(method, route.url);
  });
  app.addHook('onRequest', async (request) => {
    const { url } = request.routeOptions;
    if (url === undefined) return;
    const access = accessOf(request.method, url);
    if (access === 'public') return;
    if (access === 'metrics') {
      const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
      if (isLoopback(request)) return;
      if (metricsToken !== null && given !== undefined && sameSecret(given, metricsToken)) return;
      throw new ApiError(401, 'auth.required', 'metrics are for this machine, or with the metrics token');
    }
    request.identity = requireRole(await signIn.identify(request), access);
  });
}

/** All routes on one Fastify instance that does not listen yet. */
export async function buildServer(given: ApiCollaborators): Promise<FastifyInstance> {
  const app = fastify({
    // Fastify's own log would name every URL, and a URL may hold a plate.
    logger: false,
    bodyLimit: bodyLimitBytes,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 128 },
    // Slow senders are cut off; live feeds are answers and are not meant by this.
    requestTimeout: 30_000,
  });
  await registerWebSockets(app, given);
  useZod(app);
  registerErrors(app, given.logger);
  registerHeaders(app);
  await app.register(cookie);
  const signIn = createSignIn(given);
  registerAccess(app, signIn, given.metricsToken);
  await registerOpenApi(app, given.version);
  const represent = createRepresentation(given);
  accountRoutes(app, given, signIn);
  alertRoutes(app, given, represent);
  recordRoutes(app, given, represent);
  ruleRoutes(app, given);
  followUpRoutes(app, given);
  deliveryRoutes(app, given);
  channelRoutes(app, given);
  evidenceRoutes(app, given);
  sharedEvidenceRoutes(app, given);
  statusRoutes(app, given);
  liveRoutes(app, given, represent, signIn);
  videoRoutes(app, given, signIn);
  await pageRoutes(app, given.dashboardDir);
  return app;
}
