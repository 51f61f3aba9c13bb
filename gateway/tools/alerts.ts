import { exitCodes, formatJsonLines, formatTable, type Commands, type ExitCode } from '../cli/index.ts';
import { feedbackKinds, type Alert } from '../domain/alert.ts';
import type { AlertId } from '../domain/ids.ts';
import { tierRank, type Tier } from '../domain/tier.ts';
import { withDeskTools } from '../desk.ts';
import { GatewayError } from '../lib/errors.ts';
import { argon2Passwords } from '../lib/passwords.ts';
import { readRunFile } from '../lib/run-file.ts';
import type { Store } from '../store/index.ts';
import { withEither, withGateway, withStore, type ToolContext } from './context.ts';

type AlertCommands = Pick<Commands, 'alertsList' | 'alertsShow' | 'alertsAnswer'>;

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
  const { out, err, clock, logger, random } = context;
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
          return withDeskTools({ config: value, clock, logger, passwords: argon2Passwords }, ({ alerts }) =>
            print(chosen(alerts.lines(limit)), json),
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
          return withDeskTools({ config: value, clock, logger, passwords: argon2Passwords }, ({ alerts }) =>
            show(alerts.detail(id)),
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
                deliveries: store.deliveries(alert.id).map((delivery) => ({ ...delivery, data: undefined })),
              },
            ),
          );
        });
      }),
    alertsAnswer: (id, { config, kind, by, text, outcome, json }) =>
      withGateway(context, config, async ({ dataDir }) => {
        const chosen = feedbackKinds.find((candidate) => candidate === kind);
        if (!chosen || (chosen === 'outcome') !== (outcome !== undefined)) {
          err('--outcome goes with --kind outcome, and --kind outcome needs it\n');
          return exitCodes.wrongUse;
        }
        const run = readRunFile(dataDir);
        if (run?.api == null)
          throw new GatewayError('gateway.not-running', 'the gateway is not running: an answer needs it', {
            facts: { dataDir },
          });
        const response = await fetch(`${run.api}/api/alerts/${encodeURIComponent(id)}/feedback`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-kanmen-control': run.token },
          body: JSON.stringify({
            kind: chosen,
            by,
            text,
            id: random.id(),
            ...(outcome === undefined ? {} : { outcome }),
          }),
        });
        if (!response.ok) {
          err(`the gateway refused: ${await response.text()}\n`);
          return exitCodes.failed;
        }
        out(json ? formatJsonLines([{ alertId: id, kind: chosen, by }]) : `${chosen} by ${by}: stored\n`);
        return exitCodes.fine;
      }),
  };
}
