import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Role } from '../domain/user.ts';
import { ApiError } from './errors.ts';

/** Who may use a route. `metrics`: loopback, or the metrics token. A role includes those above it. */
export type Access = 'public' | 'metrics' | Role;

/** The whole table. A route that does not stand here cannot be registered. */
export const accessTable: Readonly<Record<string, Access>> = {
  'POST /api/login': 'public',
  'POST /api/logout': 'viewer',
  'GET /api/me': 'viewer',
  'GET /api/status': 'viewer',
  'GET /api/passages': 'viewer',
  'GET /api/sessions': 'viewer',
  'GET /api/alerts': 'viewer',
  'GET /api/alerts/:id': 'viewer',
  'POST /api/alerts/:id/feedback': 'manager',
  'POST /api/proposals/:id/apply': 'admin',
  'GET /api/figures': 'viewer',
  'GET /api/figures.csv': 'viewer',
  'GET /api/figures/report': 'viewer',
  'GET /api/people': 'viewer',
  'GET /api/devices': 'viewer',
  'GET /api/cameras': 'viewer',
  // Or admin, where api.liveVideo.role says so: the route itself asks for that.
  'GET /api/cameras/:id/video': 'manager',
  'GET /api/rules': 'viewer',
  'GET /api/rules/:id': 'viewer',
  'POST /api/rules/reload': 'admin',
  'POST /api/rules/backtest': 'manager',
  'POST /api/channels/reload': 'admin',
  'GET /api/quarantine': 'viewer',
  'GET /api/evidence/:id': 'viewer',
  // The link's signature says whose it is.
  'GET /api/shared-evidence/:id': 'public',
  'GET /api/deliveries': 'viewer',
  'GET /api/deliveries/:id': 'viewer',
  'POST /api/deliveries/resend': 'manager',
  'GET /api/live': 'viewer',
  'GET /openapi.json': 'public',
  'GET /health': 'public',
  'GET /metrics': 'metrics',
  // The page itself holds no data; it asks for the login.
  'GET /*': 'public',
};

const rank: Readonly<Record<Role, number>> = { viewer: 0, manager: 1, admin: 2 };
export const roleAllows = (role: Role, needed: Role): boolean => rank[role] >= rank[needed];

/** Who makes a request. */
export interface Identity {
  readonly name: string;
  readonly role: Role;
  readonly via: 'session' | 'control';
  /** Of the cookie; null for the control token. */
  readonly tokenSha256: string | null;
}

export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Compares secrets without telling by the time it takes how much of them fits. */
export function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** True only for a caller on this machine that came straight here: a reverse proxy speaks for someone else. */
export function isLoopback(request: FastifyRequest): boolean {
  const address = request.socket.remoteAddress ?? '';
  const local = address === '::1' || /^(?:::ffff:)?127\./.test(address);
  return local && request.headers['x-forwarded-for'] === undefined && request.headers.forwarded === undefined;
}

export function accessOf(method: string, url: string): Access {
  const access = accessTable[`${method === 'HEAD' ? 'GET' : method} ${url}`];
  if (access === undefined) throw new Error(`no entry in the access table for ${method} ${url}`);
  return access;
}

/** Throws 401 or 403 unless the identity has the role. */
export function requireRole(identity: Identity | null, needed: Role): Identity {
  if (!identity) throw new ApiError(401, 'auth.required', 'sign in first: POST /api/login');
  if (!roleAllows(identity.role, needed)) {
    throw new ApiError(403, 'auth.not-allowed', `this needs the role ${needed}; you are ${identity.role}`);
  }
  return identity;
}
