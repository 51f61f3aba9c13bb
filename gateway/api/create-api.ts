import type { FastifyInstance } from 'fastify';
import type { Component } from '../lib/component.ts';
import { hostPort } from '../lib/listen-address.ts';
import type { ApiCollaborators } from './collaborators.ts';
import { buildServer } from './server.ts';

export interface Api extends Component {
  /** `http://host:port` as bound; throws before `start`. */
  address(): string;
}

/** The HTTP API and the dashboard's pages. */
export function createApi(given: ApiCollaborators): Api {
  let app: FastifyInstance | null = null;
  return {
    name: 'api',
    start: async () => {
      app = await buildServer(given);
      await app.listen({ host: given.options.listen.host, port: given.options.listen.port });
      given.logger.info({ port: portOf(app) }, 'api listens');
    },
    stop: async () => {
      const closing = app;
      app = null;
      await closing?.close();
    },
    address: () => {
      if (!app) throw new Error('the API does not listen yet');
      return `http://${hostPort({ host: given.options.listen.host, port: portOf(app) })}`;
    },
  };
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the API does not listen on a port');
  return address.port;
}
