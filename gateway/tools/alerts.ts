import { exitCodes, formatJsonLines, formatTable, type Commands, type ExitCode } from '../cli/index.ts';
import { feedbackKinds, type Alert } from '../domain/alert.ts';
import { giveAtDesk, giveAtGateway, type GivenAnswer } from './alert-answers.ts';
import type { AlertId } from '../domain/ids.ts';
import { tierRank, type Tier } from '../domain/tier.ts';
import { withDeskTools } from '../desk.ts';
import { GatewayError } from '../lib/errors.ts';
import { argon2Passwords } from '../lib/passwords.ts';
import type { Store } from '../store/index.ts';
import { withEither, withStore, type ToolContext } from './context.ts';

type AlertCommands = Pick<
  Commands,
  | 'alertsList'
  | 'alertsShow'
  | 'alertsAnswer'
  | 'alertsAck'
  | 'alertsNote'
  | 'alertsResolve'
  | 'alertsTransfer'
  | 'alertsClose'
>;

/** One line of `kanmen alerts list --json` (interfaces.md); the desk prints the same form. */
interface Line {
  readonly id: string;
  readonly tier: Tier;
  readonly kind: string;
  readonly state: string;
  readonly shownCount: number;
  readonly raisedAt: string;
  readonly receivedAt: string | null;
  readonly acknowledgedBy: string | null;
  readonly closedAt: string | null;
}

const iso = (at: number): string => new Date(at).toISOString();
const ended = (state: string): boolean => state === 'closed' || state === 'false-alarm';

/** At the gateway, "shown" is to have been raised here, and "received" the first receipt of any recipient. */
function gatewayLine(store: Store, alert: Alert): Line {
  const receipts = store.deliveries(alert.id).flatMap(({ deliveredAt }) => deliveredAt ?? []);
  return {
    id: alert.id,
    tier: alert.tier,
    kind: alert.kind,
    state: alert.state,
    shownCount: 1,
    raisedAt: iso(alert.raisedAt),
    receivedAt: receipts.length === 0 ? null : iso(Math.min(...receipts)),
    acknowledgedBy: alert.owner,
    closedAt: alert.closedAt === null ? null : iso(alert.closedAt),
  };
}

export function createAlertCommands(context: ToolContext): AlertCommands {
  const { out, err, clock, logger } = context;
  const print = (lines: readonly Line[], json: boolean): ExitCode => {
    if (json) out(formatJsonLines(lines));
    else if (lines.length === 0) err('no alerts\n');
    else {
      out(
        formatTable(lines, {
          tier: 'tier',
          kind: 'kind',
          state: 'state',
          raisedAt: 'raised',
          acknowledgedBy: 'acknowledged by',
          id: 'id',
        }),
      );
    }
    return exitCodes.fine;
  };
  const worstFirst = (lines: readonly Line[]): Line[] =>
    [...lines].sort((a, b) => tierRank(a.tier) - tierRank(b.tier) || a.raisedAt.localeCompare(b.raisedAt));

  /** Gives one answer where the configuration is: at a running gateway, or at a desk (running or not: it hands it on). */
  const give = (id: string, config: string, json: boolean, answer: GivenAnswer): Promise<ExitCode> => {
    if (answer.kind !== 'acknowledged' && answer.text.trim() === '') {
      err('say in a few words what was done: --text "…"\n');
      return Promise.resolve(exitCodes.wrongUse);
    }
    return withEither(context, config, async (opened) => {
      const result =
        opened.kind === 'desk'
          ? await giveAtDesk(context, opened.loaded.value, id, answer)
          : await giveAtGateway(context, opened.loaded.value.dataDir, id, answer);
      if (result.kind === 'refused') {
        err(`${result.message}\n`);
        return exitCodes.failed;
      }
      if (json)
        out(
          formatJsonLines([
            { alertId: id, kind: answer.kind, by: answer.by, state: result.state, awaits: result.awaits },
          ]),
        );
      else out(`${answer.kind} by ${answer.by}: stored; the alert is ${result.state}\n`);
      if (result.awaits.length > 0) err(`still waits for: ${result.awaits.join(', ')}\n`);
      return exitCodes.fine;
    });
  };

  return {
    alertsList: (options) => {
      const { config, json, all } = options;
      const limit = Number(options.limit);
      if (!Number.isInteger(limit) || limit < 1) {
        err('--limit must be a whole number of at least 1\n');
        return Promise.resolve(exitCodes.wrongUse);
      }
      const chosen = (lines: readonly Line[]): Line[] => worstFirst(lines.filter(({ state }) => all || !ended(state)));
      return withEither(context, config, (opened) => {
        if (opened.kind === 'desk') {
          const { value } = opened.loaded;
          return withDeskTools({ config: value, clock, logger, passwords: argon2Passwords }, async ({ alerts }) =>
            print(chosen(await alerts.lines(limit)), json),
          );
        }
        return withStore(context, opened.loaded.value, (store) => {
          const found = store.alerts({
            before: null,
            limit,
            state: all ? null : 'open',
            tier: null,
            kind: null,
            area: null,
          });
          return Promise.resolve(print(chosen(found.map((alert) => gatewayLine(store, alert))), json));
        });
      });
    },
    alertsShow: (id, { config, json }) =>
      withEither(context, config, (opened) => {
        const show = (detail: unknown): ExitCode => {
          if (detail === null || detail === undefined)
            throw new GatewayError('alert.unknown', `there is no alert ${id}`, { facts: { id } });
          // A tree of facts: JSON is what a person reads best here, too.
          out(json ? formatJsonLines([detail]) : `${JSON.stringify(detail, null, 2)}\n`);
          return exitCodes.fine;
        };
        if (opened.kind === 'desk') {
          const { value } = opened.loaded;
          return withDeskTools({ config: value, clock, logger, passwords: argon2Passwords }, async ({ alerts }) =>
            show(await alerts.detail(id)),
          );
        }
        return withStore(context, opened.loaded.value, (store) => {
          const alert = store.alert(id as AlertId);
          return Promise.resolve(
            show(
              alert && {
                ...alert,
                life: store.transitions(alert.id),
                answers: store.feedback(alert.id),
                notices: store.notices(alert.id),
                proposals: store.proposalsOf(alert.id),
                deliveries: store.deliveries(alert.id).map((delivery) => ({ ...delivery, data: undefined })),
              },
            ),
          );
        });
      }),
    alertsAnswer: (id, { config, kind, by, text, outcome, json }) => {
      const chosen = feedbackKinds.find((candidate) => candidate === kind);
      if (!chosen || (chosen === 'outcome') !== (outcome !== undefined)) {
        err('--outcome goes with --kind outcome, and --kind outcome needs it\n');
        return Promise.resolve(exitCodes.wrongUse);
      }
      return give(id, config, json, { kind: chosen, by, text, outcome: outcome ?? null });
    },
    alertsAck: (id, { config, by, text, json }) =>
      give(id, config, json, { kind: 'acknowledged', by, text, outcome: null }),
    alertsNote: (id, { config, by, text, json, steady, handTo }) => {
      if (steady && handTo !== undefined) {
        err('--steady and --hand-to are two notes: give them one after the other\n');
        return Promise.resolve(exitCodes.wrongUse);
      }
      const mark = steady ? 'steady' : handTo === undefined ? null : 'handed-over';
      return give(id, config, json, { kind: 'progress', by, text, outcome: null, mark, to: handTo ?? null });
    },
    alertsResolve: (id, { config, by, text, json, outcome }) =>
      give(id, config, json, { kind: 'outcome', by, text, outcome }),
    alertsTransfer: (id, { config, by, text, json, to }) =>
      give(id, config, json, { kind: 'transferred', by, text, outcome: null, to }),
    alertsClose: (id, { config, by, text, json, unsolved }) =>
      give(id, config, json, { kind: 'revisit', by, text, outcome: null, mark: unsolved ? 'unsolved' : null }),
  };
}
