import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:https';
import type { FastifyServerFactory } from 'fastify';
import { repeat, type Clock, type Timer } from '../../lib/clock.ts';
import { codeOf, GatewayError, messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';

/** A certificate renewed at night is in use a minute later. */
const lookMs = 60_000;

export interface DeskTls {
  readonly serverFactory: FastifyServerFactory;
  start(): void;
  stop(): void;
}

/** TLS of the desk's own, its certificate read again when its file changes. Throws `config.secret-missing`. */
export function createDeskTls(given: {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): DeskTls {
  const { certFile, keyFile, clock, logger } = given;
  const read = () => {
    try {
      return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
    } catch (cause) {
      throw new GatewayError('config.secret-missing', `certificate or key of tls cannot be read: ${messageOf(cause)}`, {
        facts: { certFile, keyFile, code: codeOf(cause) },
        cause,
      });
    }
  };
  const stamp = (): string => [certFile, keyFile].map((file) => statSync(file).mtimeMs).join(' ');
  let seen = '';
  let timer: Timer | null = null;
  let renew: (() => void) | null = null;

  return {
    serverFactory: (handler, options) => {
      seen = stamp();
      // TLS 1.2 is what older browsers of stations still speak; below is broken.
      const server = createServer({ ...read(), minVersion: 'TLSv1.2' }, handler);
      const { requestTimeout } = options as { requestTimeout?: number };
      if (requestTimeout !== undefined) server.requestTimeout = requestTimeout;
      renew = () => server.setSecureContext({ ...read(), minVersion: 'TLSv1.2' });
      return server;
    },
    start: () => {
      timer = repeat(clock, lookMs, () => {
        try {
          const now = stamp();
          if (now === seen) return;
          renew?.();
          seen = now;
          logger.info({ certFile }, 'certificate read anew');
        } catch (error) {
          // Half-written just now, or the pair does not fit: the old one goes on.
          logger.warn({ certFile, reason: messageOf(error) }, 'new certificate cannot be used');
        }
      });
    },
    stop: () => timer?.cancel(),
  };
}
