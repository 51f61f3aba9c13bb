import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ApiCollaborators } from '../collaborators.ts';
import { defineRoute } from '../define-route.ts';
import { ApiError } from '../errors.ts';
import { figuresCsv } from '../figures-csv.ts';
import { figuresPage, figuresPagePolicy } from '../figures-page.ts';
import { figuresJson, personJson, proposalJson, type ApiFollowUp } from '../follow-up.ts';
import { applyReply, applyRequest, figures, month, person } from '../schemas/follow-up.ts';
import { errorReply } from '../schemas/shapes.ts';

const query = z.strictObject({ month: month.optional() });

/** The month's figures as JSON, as a table and as a page to print; who is on duty, and whether they can be reached. */
export function followUpRoutes(app: FastifyInstance, given: ApiCollaborators): void {
  const { places, clock } = given;
  const followUp = (): ApiFollowUp => {
    if (!given.followUp) throw new ApiError(503, 'internal', 'this gateway keeps no figures');
    return given.followUp;
  };
  const of = (asked: string | undefined) => {
    const source = followUp();
    return source.figures(asked ?? source.thisMonth());
  };

  defineRoute(app, {
    method: 'GET',
    url: '/api/figures',
    summary: 'Figures of a month by tier, grid, rule and department, against the month before',
    query,
    reply: figures,
    handle: async (parsed) => figuresJson(await of(parsed.query.month)),
  });

  const text = { 400: errorReply, 401: errorReply, 403: errorReply };
  app.route({
    method: 'GET',
    url: '/api/figures.csv',
    schema: {
      summary: 'The same as a table (CSV with BOM, times in hours)',
      description: 'Role: viewer or higher.',
      querystring: query,
      response: text,
    },
    handler: async (request, reply) => {
      const found = await of((request.query as z.output<typeof query>).month);
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="kanmen-${found.month}.csv"`)
        .send(figuresCsv(found));
    },
  });

  app.route({
    method: 'GET',
    url: '/api/figures/report',
    schema: {
      summary: 'The same on one page to print, in Chinese',
      description: 'Role: viewer or higher.',
      querystring: query,
      response: text,
    },
    handler: async (request, reply) => {
      const found = await of((request.query as z.output<typeof query>).month);
      const { timeZone } = followUp();
      return reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', figuresPagePolicy)
        .send(figuresPage(found, { now: clock.now(), timeZone }));
    },
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/proposals/:id/apply',
    summary: 'Write a proposed change into its rule’s file and put it in force: whole or not at all',
    params: z.strictObject({ id: z.string().min(1).max(64) }),
    body: applyRequest,
    reply: applyReply,
    errors: [404, 409, 503],
    handle: async ({ params, body, identity }) => {
      if (body.by !== undefined && identity.via !== 'control') {
        throw new ApiError(400, 'request.invalid', 'by: you decide in your own name; leave it out');
      }
      const done = await followUp().applyProposal(params.id, { by: body.by ?? identity.name, why: body.why });
      return { proposal: proposalJson(done.proposal), file: done.file, failing: [...done.failing] };
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/people',
    summary: 'Who is told: on duty or not, stand-ins, and whether the way to each is open',
    reply: z.object({ items: z.array(person) }),
    handle: () => {
      const all = followUp().people();
      return Promise.resolve({ items: all.map((each) => personJson(each, all, places)) });
    },
  });
}
