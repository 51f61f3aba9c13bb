import type { FastifyInstance } from 'fastify';
import { repeat } from '../../lib/clock.ts';
import type { ApiCollaborators } from '../collaborators.ts';
import type { LiveNews } from '../live-feed.ts';
import { createLiveRing, type LiveItem } from '../live-ring.ts';
import { iso, type Representation } from '../represent.ts';
import type { SignIn } from '../sign-in.ts';

/** Items per browser: at 10 flushes a second that is 5 120 a second, what one gateway takes in at most. */
const ringCapacity = 512;
/** Many small writes cost more than a tenth of a second of age. */
const flushMs = 100;
/** Keeps proxies from closing a quiet line, and is when a login that has ended is noticed. */
const pingMs = 15_000;

/** The live feed as server-sent events: `hello`, `passage`, `session`, `alert`, `camera`, `devices`, `deliveries`, `gap`. */
export function liveRoutes(
  app: FastifyInstance,
  given: ApiCollaborators,
  represent: Representation,
  signIn: SignIn,
): void {
  const { live, clock, cameras } = given;
  const open = new Set<() => void>();

  const item = (key: string | null, name: string, data: unknown): LiveItem => ({
    key,
    name,
    data: JSON.stringify(data),
  });
  const toItem = (news: LiveNews): LiveItem | null => {
    switch (news.kind) {
      case 'alert':
        return item(`alert ${news.alert.id}`, 'alert', represent.alert(news.alert));
      case 'session':
        return item(`session ${news.session.id}`, 'session', represent.session(news.session));
      // Of 2 000 devices that report every minute only "look again" is worth telling; the page asks when it shows them.
      case 'device':
        return item('devices', 'devices', {});
      case 'delivery':
        return item('deliveries', 'deliveries', {});
      case 'event': {
        const { event } = news;
        if (event.kind === 'passage') return item(null, 'passage', represent.passage(event));
        if (event.kind === 'device') return item('devices', 'devices', {});
        if (event.kind !== 'camera') return null;
        const report = cameras().find((camera) => camera.id === event.camera);
        return report ? item(`camera ${event.camera}`, 'camera', represent.camera(report)) : null;
      }
    }
  };
  // One browser or fifty: each piece of news is turned into text once.
  const texts = new WeakMap<LiveNews, { readonly item: LiveItem | null }>();
  const itemOf = (news: LiveNews): LiveItem | null => {
    const known = texts.get(news);
    if (known) return known.item;
    const made = toItem(news);
    texts.set(news, { item: made });
    return made;
  };

  app.addHook('preClose', (done) => {
    for (const end of [...open]) end();
    done();
  });

  app.route({
    method: 'GET',
    url: '/api/live',
    schema: {
      summary: 'Server-sent events: what happens, as it happens',
      description:
        'Role: viewer or higher. Events: hello, passage, session, alert, camera (data as in the lists), devices and deliveries (look again), gap (events were dropped: read everything anew).',
    },
    handler: (request, reply) => {
      reply.hijack();
      const { raw } = reply;
      const headers = Object.fromEntries(
        Object.entries(reply.getHeaders()).map(([name, value]) => [name, value ?? '']),
      );
      raw.writeHead(200, {
        ...headers,
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      const ring = createLiveRing(ringCapacity);
      let number = 0;
      let flushing = false;
      let ended = false;

      const write = (entries: readonly LiveItem[]): void => {
        let text = '';
        for (const entry of entries) text += `id: ${(number += 1)}\nevent: ${entry.name}\ndata: ${entry.data}\n\n`;
        raw.write(text);
      };
      const flush = (): void => {
        flushing = false;
        if (ended) return;
        if (raw.writableNeedDrain) {
          // A slow browser: what comes meanwhile waits in the ring, and the oldest of it falls out.
          flushing = true;
          raw.once('drain', flush);
          return;
        }
        const { items, dropped } = ring.take();
        if (dropped > 0) live.countDropped(dropped);
        live.countSent(items.length);
        if (items.length > 0) write(dropped > 0 ? [item(null, 'gap', { dropped }), ...items] : items);
      };
      const unsubscribe = live.subscribe((news) => {
        const next = itemOf(news);
        if (!next) return;
        ring.push(next);
        if (!flushing) {
          flushing = true;
          clock.after(flushMs, flush);
        }
      });
      const ping = repeat(clock, pingMs, async () => {
        const identity = await signIn.identify(request).catch(() => null);
        if (ended) return;
        if (identity) raw.write(': ping\n\n');
        else end();
      });
      const end = (): void => {
        if (ended) return;
        ended = true;
        unsubscribe();
        ping.cancel();
        open.delete(end);
        raw.end();
      };
      open.add(end);
      raw.on('close', end);
      raw.on('error', end);
      write([item(null, 'hello', { now: iso(clock.now()) })]);
    },
  });
}
