import type { Component } from '../lib/component.ts';

/** An address that listens everywhere is reached, from here, on loopback. */
export const reachable = (address: {
  readonly host: string;
  readonly port: number;
}): { host: string; port: number } => ({
  host: address.host === '0.0.0.0' || address.host === '::' ? '127.0.0.1' : address.host,
  port: address.port,
});

/** A part that only has to be closed. */
export const createPart = (name: string, close: () => void): Component => ({
  name,
  start: () => Promise.resolve(),
  stop: () => {
    close();
    return Promise.resolve();
  },
});
