import type { EpochMs } from '../lib/clock.ts';

export const roles = ['admin', 'manager', 'viewer'] as const;
/** admin: everything; manager: reviews logs, answers alerts, imports the register; viewer: looks. */
export type Role = (typeof roles)[number];

export interface User {
  readonly name: string;
  readonly role: Role;
  /** argon2id in PHC string form. */
  readonly passwordHash: string;
  readonly createdAt: EpochMs;
}

/** A signed-in browser. The cookie holds the token; only its SHA-256 is kept. */
export interface WebSession {
  readonly tokenSha256: string;
  readonly user: string;
  readonly createdAt: EpochMs;
  readonly expiresAt: EpochMs;
}
