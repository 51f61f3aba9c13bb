import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { AlertId, AreaId } from '../../domain/ids.ts';
import { tiers } from '../../domain/tier.ts';
import type { ApiCollaborators } from '../collaborators.ts';
import { defineRoute } from '../define-route.ts';
import { ApiError } from '../errors.ts';
import { followUpJson } from '../follow-up.ts';
import { readPage } from '../paging.ts';
import type { Representation } from '../represent.ts';
import { alert, alertDetail, feedbackRequest, type AlertDetailJson } from '../schemas/alerts.ts';
import { listOf, pageQuery } from '../schemas/shapes.ts';

const alertParams = z.strictObject({ id: z.string().min(1).max(64) });

export function alertRoutes(app: FastifyInstance, given: ApiCollaborators, represent: Representation): void {
  const { reads, answer, clock, random } = given;

  const detailOf = async (id: AlertId): Promise<AlertDetailJson> => {
    const found = await reads.alert(id);
    if (!found) throw new ApiError(404, 'alert.unknown', `there is no alert ${id}`);
    const [transitions, feedback, notices, deliveries, clips] = await Promise.all([
      reads.transitions(id),
      reads.feedback(id),
      reads.notices(id),
      reads.deliveries(id),
      reads.clipsOf(id),
    ]);
    const followUp = followUpJson(found, given.followUp);
    const detail = represent.alertDetail(found, { transitions, feedback, notices, deliveries, followUp });
    const more = clips.filter(({ id: clip }) => !detail.evidence.some((known) => known.id === clip));
    return { ...detail, evidence: [...detail.evidence, ...more.map(represent.evidence)] };
  };

  defineRoute(app, {
    method: 'GET',
    url: '/api/alerts',
    summary: 'Alerts, newest first',
    query: z.strictObject({
      ...pageQuery,
      state: z.enum(['open', 'ended', 'all']).default('all'),
      tier: z.enum(tiers).optional(),
      kind: z.string().max(80).optional(),
      area: z.string().max(64).optional(),
    }),
    reply: listOf(alert),
    handle: ({ query }) =>
      readPage({
        before: query.before,
        limit: query.limit,
        read: (page) =>
          reads.alerts({
            ...page,
            state: query.state === 'all' ? null : query.state,
            tier: query.tier ?? null,
            kind: query.kind ?? null,
            area: (query.area ?? null) as AreaId | null,
          }),
        cursorOf: (row) => ({ at: row.raisedAt, id: row.id }),
        represent: represent.alert,
      }),
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/alerts/:id',
    summary: 'One alert with its life, its answers, and who was told',
    params: alertParams,
    reply: alertDetail,
    errors: [404],
    handle: ({ params }) => detailOf(params.id as AlertId),
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/alerts/:id/feedback',
    summary: 'Answer an alert; replies with the alert as it is afterwards',
    params: alertParams,
    body: feedbackRequest,
    reply: alertDetail,
    errors: [404, 409, 503],
    handle: async ({ params, body, identity }) => {
      if (body.by !== undefined && identity.via !== 'control') {
        throw new ApiError(400, 'request.invalid', 'by: you answer in your own name; leave it out');
      }
      const id = params.id as AlertId;
      await answer({
        id: body.id ?? random.id(),
        alertId: id,
        kind: body.kind,
        by: body.by ?? identity.name,
        at: clock.now(),
        text: body.text.trim(),
        outcome: body.outcome,
        recipient: null,
        mark: body.mark,
        to: body.to,
      });
      return detailOf(id);
    },
  });
}
