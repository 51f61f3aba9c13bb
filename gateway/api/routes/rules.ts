import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { isGatewayError } from '../../lib/errors.ts';
import type { ApiCollaborators, ApiRules } from '../collaborators.ts';
import { defineRoute } from '../define-route.ts';
import { ApiError } from '../errors.ts';
import type { EpochMs } from '../../lib/clock.ts';
import { iso } from '../represent.ts';
import { backtestReply, backtestRequest, reloadReply, rule, ruleList } from '../schemas/rules.ts';

const shownLines = 500;
const timeOf = (atMs: number): string => iso(atMs as EpochMs);

/** The rules in force: look at them, have them read anew, try a draft on what was recorded. */
export function ruleRoutes(app: FastifyInstance, given: ApiCollaborators): void {
  const { clock, commit } = given;
  const desk = (): ApiRules => {
    if (!given.rules) throw new ApiError(404, 'rules.unknown', 'this program has no rules');
    return given.rules;
  };

  defineRoute(app, {
    method: 'GET',
    url: '/api/rules',
    summary: 'The rules in force, and why the files as they stand are not, if so',
    reply: ruleList,
    handle: () => {
      const { version, loadedAt, refused } = desk().status();
      const items = desk().list().map(asJson);
      return Promise.resolve({ items, version, loadedAt: iso(loadedAt), refused: [...refused] });
    },
  });

  defineRoute(app, {
    method: 'GET',
    url: '/api/rules/:id',
    summary: 'One rule with its document',
    params: z.strictObject({ id: z.string().min(1).max(64) }),
    reply: rule,
    errors: [404],
    handle: ({ params }) => {
      const found = desk()
        .list()
        .find(({ id }) => id === params.id);
      if (!found) throw new ApiError(404, 'rules.unknown', `there is no rule ${params.id}`);
      return Promise.resolve(asJson(found));
    },
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/rules/reload',
    summary: 'Read the rules anew: whole or not at all',
    reply: reloadReply,
    errors: [503],
    handle: async ({ identity }) => {
      const result = desk().reload();
      const action = result.loaded ? 'rules-reloaded' : 'rules-refused';
      await commit([{ kind: 'audited', at: clock.now(), by: identity.name, action, subject: result.version }]);
      return { ...result, faults: [...result.faults] };
    },
  });

  defineRoute(app, {
    method: 'POST',
    url: '/api/rules/backtest',
    summary: 'What the rules, or a draft, would have raised on what was recorded, against what was raised',
    body: backtestRequest,
    reply: backtestReply,
    errors: [409],
    handle: async ({ body }) => {
      const report = await desk()
        .backtest(body)
        .catch((error: unknown) => {
          if (isGatewayError(error, 'rules.invalid')) throw new ApiError(400, error.code, error.message);
          if (isGatewayError(error, 'rules.backtest-failed')) throw new ApiError(409, error.code, error.message);
          throw error;
        });
      return {
        from: timeOf(report.fromMs),
        to: timeOf(report.toMs),
        events: report.events,
        elapsedMs: report.elapsedMs,
        rules: report.rules.map((summary) => ({ ...summary })),
        lines: report.lines.slice(0, shownLines).map(({ rule: id, key, would, was }) => ({
          rule: id,
          key,
          would: would && { ...would, at: timeOf(would.at), lastAt: timeOf(would.lastAt) },
          was: was && { ...was, at: timeOf(was.at) },
        })),
        more: Math.max(0, report.lines.length - shownLines),
      };
    },
  });
}

function asJson(info: ReturnType<ApiRules['list']>[number]): z.input<typeof rule> {
  return {
    ...info,
    tiers: [...info.tiers],
    to: [...info.to],
    listensTo: [...info.listensTo],
    params: { ...info.params },
    counters: { ...info.counters },
  };
}
