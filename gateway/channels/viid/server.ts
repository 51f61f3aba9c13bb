import { isIP, BlockList } from 'node:net';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import { hostPort } from '../../lib/listen-address.ts';
import type { Logger } from '../../lib/logger.ts';
import { viidTime } from './ids.ts';
import type { ViidObject } from './objects.ts';
import type { ViidOptions } from './options.ts';
import { parseDisposition, parseSubscription, type Orders, type Parsed } from './orders.ts';
import { jsonOf } from './reply.ts';
import { viidMediaType } from './session.ts';

/** Orders of a thousand plates are below 1 MB. */
const bodyLimit = 2_000_000;

interface Status {
  readonly id: string;
  readonly code: number;
  readonly text: string;
}

/** What the platform may call: clock, cameras, subscriptions and orders. All else is answered with StatusCode 4. */
export interface ViidServer {
  /** Address it listens on; throws what `listen` throws. */
  open(): Promise<string>;
  close(): Promise<void>;
}

/** Networks and addresses of `allowFrom`. GatewayError `config.invalid` where one is neither. */
export function allowedAddresses(allowFrom: readonly string[], channel: string): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of allowFrom) {
    const [address = '', bits, more] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    const longest = family === 'ipv6' ? 128 : 32;
    const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (isIP(address) === 0 || more !== undefined || prefix < 0 || prefix > longest)
      throw new GatewayError(
        'config.invalid',
        `channel ${channel}: server.allowFrom: "${entry}" is no address or network`,
        {
          facts: { channel, entry },
        },
      );
    list.addSubnet(address, prefix, family);
  }
  return (given) => {
    const address = given.replace(/^::ffff:(?=\d+\.)/, '');
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
}

export function createViidServer(given: {
  readonly channel: string;
  readonly options: ViidOptions;
  readonly timeZone: string;
  readonly orders: Orders;
  readonly apes: () => readonly ViidObject[];
  /** Hosts that subscriptions and orders may name. */
  readonly mayNotify: (host: string) => boolean;
  /** After the orders on disk have changed. */
  readonly onChanged: () => void;
  readonly audit: (action: string, subject: string) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}): ViidServer {
  const { channel, options, timeZone, orders, clock, logger } = given;
  const settings = options.server;
  const isAllowed = allowedAddresses(settings?.allowFrom ?? [], channel);
  const context = { timeZone, mayNotify: given.mayNotify };
  let server: FastifyInstance | null = null;

  const statusObject = (url: string, { id, code, text }: Status): ViidObject => ({
    RequestURL: url.split('?')[0],
    StatusCode: code,
    StatusString: text,
    Id: id,
    LocalTime: viidTime(clock.now(), timeZone),
  });
  const one = (reply: FastifyReply, http: number, status: Status) =>
    send(reply.code(http), { ResponseStatusObject: statusObject(reply.request.url, status) });
  const many = (reply: FastifyReply, statuses: readonly Status[]) =>
    send(reply, {
      ResponseStatusListObject: {
        ResponseStatusObject: statuses.map((status) => statusObject(reply.request.url, status)),
      },
    });

  const ok = (id: string): Status => ({ id, code: 0, text: 'OK' });
  const failed = (id: string, code: number, text: string): Status => ({ id, code, text });

  /** Takes each item of a list; what is good is on disk before the answer, whatever else was in the list. */
  const take = async <T extends { readonly id: string }>(
    parsed: readonly Parsed<T>[],
    held: readonly T[],
    room: (items: readonly T[]) => boolean,
    save: (items: readonly T[]) => Promise<void>,
    what: string,
  ): Promise<Status[]> => {
    let items = [...held];
    const statuses = parsed.map((entry): Status => {
      if (entry.kind === 'refused') return failed(entry.id, entry.code, entry.reason);
      const id = entry.kind === 'put' ? entry.item.id : entry.id;
      const others = items.filter((item) => item.id !== id);
      if (entry.kind === 'cancel') {
        if (others.length === items.length) return failed(id, 4, 'there is nothing of this id');
        items = others;
        return ok(id);
      }
      if (!room([...others, entry.item])) return failed(id, 4, 'too many; take others back first');
      items = [...others, entry.item];
      return ok(id);
    });
    const changed = statuses.filter(({ code }) => code === 0);
    if (changed.length > 0) {
      await save(items);
      given.onChanged();
      await given.audit(
        `viid.${what}`,
        changed
          .map(({ id }) => id)
          .join(',')
          .slice(0, 1000),
      );
      logger.info({ channel, what, changed: changed.length, held: items.length }, 'orders of the platform changed');
    }
    return statuses;
  };

  const subscriptions = (parsed: readonly Parsed<ReturnType<Orders['subscriptions']>[number]>[]) =>
    take(
      parsed,
      orders.subscriptions(),
      (items) => items.length <= (settings?.maxSubscriptions ?? 0),
      (items) => orders.change({ subscriptions: items }),
      'subscriptions',
    );
  const dispositions = (parsed: readonly Parsed<ReturnType<Orders['dispositions']>[number]>[]) =>
    take(
      options.watchList.accept
        ? parsed
        : parsed.map((entry) => ({
            kind: 'refused' as const,
            id: entry.kind === 'put' ? entry.item.id : entry.id,
            code: 4 as const,
            reason: 'this gateway takes no orders',
          })),
      orders.dispositions(),
      (items) => items.reduce((sum, { plates }) => sum + plates.length, 0) <= options.watchList.maxPlates,
      (items) => orders.change({ dispositions: items }),
      'dispositions',
    );

  const cancelled = (ids: readonly string[]) => ids.map((id) => ({ kind: 'cancel', id }) as const);
  const idList = (request: FastifyRequest): string[] => {
    const query = request.query as Readonly<Record<string, unknown>>;
    const value = Object.entries(query).find(([key]) => key.toLowerCase() === 'idlist')?.[1];
    return typeof value === 'string' ? value.split(',').filter((id) => id !== '') : [];
  };
  const idOf = (request: FastifyRequest): string => (request.params as { readonly id: string }).id;

  const routes = (app: FastifyInstance): void => {
    app.get('/VIID/System/Time', (_, reply) =>
      send(reply, {
        SystemTimeObject: {
          VIIDServerID: options.deviceId,
          TimeMode: '1',
          LocalTime: viidTime(clock.now(), timeZone),
          TimeZone: timeZone,
        },
      }),
    );
    app.get('/VIID/APEs', (_, reply) => send(reply, { APEListObject: { APEObject: given.apes() } }));
    const list = <T>(
      path: string,
      name: string,
      parse: (raw: unknown) => Parsed<T>,
      change: (parsed: readonly Parsed<T>[]) => Promise<Status[]>,
      shown: () => readonly ViidObject[],
    ): void => {
      const put = async (request: FastifyRequest, reply: FastifyReply) => {
        const items = objectsNamed(request.body, name);
        if (items.length === 0) return one(reply, 400, failed('', 8, `no ${name} in the body`));
        return many(reply, await change(items.map(parse)));
      };
      app.post(path, put);
      app.put(path, put);
      app.delete(path, async (request, reply) => {
        const ids = idList(request);
        if (ids.length === 0) return one(reply, 400, failed('', 8, 'IDList is missing'));
        return many(reply, await change(cancelled(ids)));
      });
      app.put(`${path}/:id`, async (request, reply) => many(reply, await change(cancelled([idOf(request)]))));
      app.get(path, (_, reply) => send(reply, { [name.replace('Object', 'ListObject')]: { [name]: shown() } }));
    };
    list(
      '/VIID/Subscribes',
      'SubscribeObject',
      (raw) => parseSubscription(raw, context),
      subscriptions,
      () =>
        orders.subscriptions().map(({ id, title, details, resources, receiveAddress }) => ({
          ...{ SubscribeID: id, Title: title, SubscribeDetail: details.join(','), ResourceURI: resources.join(',') },
          ...{ ReceiveAddr: receiveAddress, SubscribeStatus: 0, OperateType: 0 },
        })),
    );
    list(
      '/VIID/Dispositions',
      'DispositionObject',
      (raw) => parseDisposition(raw, context),
      dispositions,
      () =>
        orders.dispositions().map(({ id, title, plates }) => ({
          ...{ DispositionID: id, Title: title, TargetFeature: plates.join(',') },
          ...{ DispositionStatus: 0, OperateType: 0 },
        })),
    );
    app.setNotFoundHandler((_, reply) => one(reply, 404, failed('', 4, 'not offered by this gateway')));
  };

  return {
    open: async () => {
      if (!settings) throw new Error('this channel has no server');
      const app = fastify({ bodyLimit, forceCloseConnections: true, requestTimeout: options.timeout });
      app.removeAllContentTypeParsers();
      app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body: Buffer, done) => {
        const parsed = jsonOf(body);
        if (parsed) done(null, parsed.value);
        else if (body.byteLength === 0) done(null, null);
        else done(Object.assign(new Error('no JSON'), { statusCode: 400, viidCode: 7 }));
      });
      app.addHook('onRequest', async (request, reply) => {
        if (!isAllowed(request.ip)) {
          logger.warn({ channel, from: request.ip }, 'call from an address that is not allowed');
          return one(reply, 403, failed('', 4, 'address not allowed'));
        }
        const caller = request.headers['user-identify'];
        if (options.serverId !== undefined && caller !== options.serverId)
          return one(reply, 403, failed('', 4, 'User-Identify is not that of the platform'));
        return undefined;
      });
      app.setErrorHandler((error, _, reply) => {
        const { statusCode, viidCode } = error as { readonly statusCode?: number; readonly viidCode?: number };
        if (statusCode !== undefined && statusCode < 500)
          return one(reply, statusCode, failed('', viidCode ?? 8, messageOf(error)));
        logger.error({ channel, error: messageOf(error) }, 'order of the platform not stored');
        return one(reply, 500, failed('', 3, 'not stored; try again'));
      });
      routes(app);
      server = app;
      const { host, port } = settings.listen;
      try {
        await app.listen({ host, port });
      } catch (cause) {
        server = null;
        await app.close();
        throw cause;
      }
      const bound = app.addresses().find((address) => typeof address !== 'string');
      return `http://${hostPort({ host: bound?.address ?? host, port: bound?.port ?? port })}`;
    },
    close: async () => {
      const closing = server;
      server = null;
      await closing?.close();
    },
  };
}

const send = (reply: FastifyReply, body: unknown) =>
  reply.header('content-type', viidMediaType).send(JSON.stringify(body));

/** Every object under a key of this name, alone or in a list, wherever it stands. */
function objectsNamed(body: unknown, name: string, depth = 0): unknown[] {
  if (typeof body !== 'object' || body === null || depth > 4) return [];
  return Object.entries(body).flatMap(([key, value]): unknown[] => {
    if (key === name) return Array.isArray(value) ? (value as unknown[]) : [value];
    return objectsNamed(value, name, depth + 1);
  });
}
