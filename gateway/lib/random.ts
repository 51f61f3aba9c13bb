import { randomBytes } from 'node:crypto';
import { createUuidV7 } from './uuid-v7.ts';

/** Randomness as a collaborator, so that tests can repeat themselves. */
export interface Random {
  /** 0 ≤ x < 1. */
  unit(): number;
  bytes(count: number): Uint8Array;
  /** A time-ordered id (UUIDv7). Holds no dot, so it may stand in a webhook signature. */
  id(): string;
}

export const systemRandom: Random = {
  unit: Math.random,
  bytes: (count) => randomBytes(count),
  id: createUuidV7(),
};
