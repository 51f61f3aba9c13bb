import websocket, { type WebSocket } from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { CameraId } from '../../domain/ids.ts';
import { repeat } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { requireRole, type Identity } from '../access.ts';
import type { ApiCollaborators } from '../collaborators.ts';
import { ApiError } from '../errors.ts';
import { errorReply } from '../schemas/shapes.ts';
import type { SignIn } from '../sign-in.ts';
import { createVideoViewer, videoForms, type VideoForm } from '../video-viewer.ts';

const params = z.strictObject({ id: z.string().min(1).max(64) });
const order = z.strictObject({ kind: z.literal('play'), form: z.enum(videoForms) });

/** Each viewer costs a copy of the stream on the box's network: more than so many is a mistake. */
const maxViewers = 48;
/** When a login that has ended and a line that has died are noticed. */
const pingMs = 15_000;
/** Codes of RFC 6455, 7.4; 4xxx are our own. */
const closeCodes = { goingAway: 1001, invalid: 1003, internal: 1011, tryLater: 1013, signedOut: 4401 } as const;

/**
 * Lets routes take WebSockets. To be called before any other hook is added: it marks the requests that ask for one, and
 * closes the line of one that is refused, which nobody else would.
 */
export async function registerWebSockets(
  app: FastifyInstance,
  { logger }: Pick<ApiCollaborators, 'logger'>,
): Promise<void> {
  await app.register(websocket, {
    // Viewers say one short word; pictures do not compress.
    options: { maxPayload: 1024, perMessageDeflate: false },
    preClose: (done) => {
      // Not waited for: a viewer that does not answer must not hold up the stop.
      for (const socket of app.websocketServer.clients) {
        socket.close(closeCodes.goingAway);
        socket.terminate();
      }
      done();
    },
    errorHandler: (error, socket) => {
      logger.debug({ reason: messageOf(error) }, 'live view broken off');
      socket.terminate();
    },
  });
}

/**
 * A camera's live pictures over a WebSocket, for those who may see faces: who looks, and when, is written into the audit
 * log before the first picture leaves. Browsers send the session's cookie with the upgrade; pages of another origin are
 * refused beside what SameSite does.
 */
export function videoRoutes(app: FastifyInstance, given: ApiCollaborators, signIn: SignIn): void {
  const { video, cameras, commit, clock, logger, options } = given;
  const watch = (socket: WebSocket, camera: CameraId, request: FastifyRequest): void => {
    const viewer = createVideoViewer(socket);
    let alive = true;
    const look = (): (() => void) =>
      video.watch(camera, { begin: viewer.begin, take: viewer.fragment, end: viewer.end, seen: viewer.seen });
    // The first look tells the codec; until the browser has said what it plays, no picture is sent.
    let leave = look();
    const play = (form: VideoForm): void => {
      viewer.play(form);
      const next = form === 'mp4' ? look() : video.watchMpeg1(camera, { take: viewer.chunk, seen: viewer.seen });
      if (!next) {
        viewer.refuse();
        return;
      }
      // In this order, so that the camera's stream does not stop in between.
      leave();
      leave = next;
    };
    const ping = repeat(clock, pingMs, async () => {
      const identity = await signIn.identify(request).catch(() => null);
      if (!identity) socket.close(closeCodes.signedOut);
      else if (!alive) socket.terminate();
      else {
        alive = false;
        socket.ping();
      }
      video.count(viewer.takeCounts());
    });
    socket.on('pong', () => {
      alive = true;
    });
    socket.on('message', (data, isBinary) => {
      const asked = isBinary ? null : order.safeParse(parseJson((data as Buffer).toString()));
      if (asked?.success) play(asked.data.form);
      else socket.close(closeCodes.invalid);
    });
    socket.on('close', () => {
      leave();
      ping.cancel();
      video.count(viewer.takeCounts());
    });
  };

  app.route({
    method: 'GET',
    url: '/api/cameras/:id/video',
    schema: {
      summary: "A camera's live pictures over a WebSocket (gateway/api/video.md); 426 without one",
      description: `Role: as api.liveVideo.role says, ${options.liveVideo.role} or higher here. Written into the audit log.`,
      params,
      response: { 400: errorReply, 401: errorReply, 403: errorReply, 404: errorReply, 426: errorReply },
    },
    preHandler: async (request) => {
      const { id } = request.params as z.output<typeof params>;
      const identity = requireRole(request.identity, options.liveVideo.role);
      if (!cameras().some((camera) => camera.id === id)) {
        throw new ApiError(404, 'camera.unknown', `there is no camera ${id}`);
      }
      refuseOtherOrigins(request);
      if (!request.ws) throw new ApiError(426, 'request.upgrade', 'ask for a WebSocket');
      await written(identity, id);
    },
    handler: () => Promise.reject(new ApiError(426, 'request.upgrade', 'ask for a WebSocket')),
    wsHandler: (socket, request) => {
      const { id } = request.params as z.output<typeof params>;
      if (app.websocketServer.clients.size > maxViewers) {
        socket.close(closeCodes.tryLater, 'too many viewers');
        return;
      }
      watch(socket, id as CameraId, request);
    },
  });

  /** On record before the first picture leaves. */
  const written = async ({ name }: Identity, camera: string): Promise<void> => {
    await commit([{ kind: 'audited', at: clock.now(), by: name, action: 'live-view', subject: camera }]);
    logger.info({ camera, by: name }, 'live view begins');
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** A browser names the page's origin with every upgrade; it must be this server's own, as the browser or its proxy calls it. */
function refuseOtherOrigins({ headers }: FastifyRequest): void {
  if (headers.origin === undefined) return;
  const forwarded = headers['x-forwarded-host'];
  const own = [headers.host, ...(typeof forwarded === 'string' ? forwarded.split(/\s*,\s*/) : [])];
  if (!URL.canParse(headers.origin) || !own.includes(new URL(headers.origin).host)) {
    throw new ApiError(403, 'auth.other-origin', 'the live view is for pages of this gateway');
  }
}
