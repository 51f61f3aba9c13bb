import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { AreaId, CameraId, DeviceKey } from '../../domain/ids.ts';
import type { EpochMs } from '../../lib/clock.ts';
import type { ApiCollaborators } from '../collaborators.ts';
import { defineRoute } from '../define-route.ts';
import { readPage } from '../paging.ts';
import { iso, type Representation } from '../represent.ts';
import { listOf, pageQuery, timeRange } from '../schemas/shapes.ts';
import { camera, device, passage, quarantined, session } from '../schemas/records.ts';

const shownPayloadBytes = 2000;

const instant = (text: string | undefined): EpochMs | null =>
  text === undefined ? null : (Date.parse(text) as EpochMs);

/** The logs: passages, charging sessions, devices, cameras, messages that were not understood. */
export function recordRoutes(app: FastifyInstance, given: ApiCollaborators, represent: Representation): void {
  const { reads, cameras } = given;

  defineRoute(app, {
    method: 'GET',
    url: '/api/passages',
    summary: 'Vehicles and people through the gates, newest first',
    query: z.strictObject({
      ...pageQuery,
      ...timeRange,
      camera: z.string().max(64).optional(),
      subject: z.enum(['vehicle', 'person']).optional(),
      direction: z.enum(['in', 'out', 'unknown']).optional(),
      plate: z.string().trim().min(1).max(16).optional().describe('Part of a plate'),
    }),
    reply: listOf(passage),
    handle: ({ query }) =>
      readPage({
        before: query.before,
        limit: query.limit,
        read: (page) =>
          reads.passages({
            ...page,
            camera: (query.camera ?? null) as CameraId | null,
            subject: query.subject ?? null,
            direction: query.direction ?? null,
            plate: query.plate?.toUpperCase() ?? null,
            from: instant(query.from),
            to: instant(query.to),
          }),
        cursorOf: (row) => ({ at: row.at, id: row.id }),
        represent: represent.passage,
      }),
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/sessions',
    summary: 'Charging sessions, newest first',
    query: z.strictObject({
      ...pageQuery,
      ...timeRange,
      device: z.string().max(80).optional(),
      area: z.string().max(64).optional(),
      state: z.enum(['running', 'ended']).optional(),
    }),
    reply: listOf(session),
    handle: ({ query }) =>
      readPage({
        before: query.before,
        limit: query.limit,
        read: (page) =>
          reads.sessions({
            ...page,
            device: (query.device ?? null) as DeviceKey | null,
            area: (query.area ?? null) as AreaId | null,
            state: query.state ?? null,
            from: instant(query.from),
            to: instant(query.to),
          }),
        cursorOf: (row) => ({ at: row.startedAt, id: row.id }),
        represent: represent.session,
      }),
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/devices',
    summary: 'Every provisioned device and what is known of it now',
    reply: listOf(device),
    handle: async () => {
      const [devices, statuses] = await Promise.all([reads.devices(), reads.deviceStatuses()]);
      const byKey = new Map(statuses.map((status) => [status.key, status]));
      return { items: devices.map((value) => represent.device(value, byKey.get(value.key))), next: null };
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/cameras',
    summary: 'Every configured camera and how it does',
    reply: listOf(camera),
    handle: () => Promise.resolve({ items: cameras().map(represent.camera), next: null }),
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/quarantine',
    summary: 'Messages that could not be understood, newest first',
    query: z.strictObject({ ...pageQuery, device: z.string().max(80).optional() }),
    reply: listOf(quarantined),
    handle: ({ query }) =>
      readPage({
        before: query.before,
        limit: query.limit,
        read: (page) => reads.quarantine({ ...page, device: (query.device ?? null) as DeviceKey | null }),
        cursorOf: (row) => ({ at: row.at, id: row.id }),
        represent: (row) => ({
          id: row.id,
          at: iso(row.at),
          device: row.device,
          topic: row.topic,
          reason: row.reason,
          sizeBytes: row.payload.length,
          text: Buffer.from(row.payload).toString('utf8', 0, shownPayloadBytes),
        }),
      }),
  });
}
