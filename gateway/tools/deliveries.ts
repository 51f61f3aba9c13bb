import { createDeliveryDesk, type ResendRequest } from '../app/deliveries.ts';
import { exitCodes, formatJsonLines, formatTable, type Commands } from '../cli/index.ts';
import { controlHeader } from '../api/index.ts';
import type { DeliveryState } from '../domain/alert.ts';
import type { DeliveryId, RecipientId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { parseRfc3339 } from '../lib/local-time.ts';
import { parseDurationMs } from '../lib/quantities.ts';
import { readRunFile } from '../lib/run-file.ts';
import type { DeliveryRecord, Store } from '../store/index.ts';
import { commandLineActor, withGateway, type ToolContext } from './context.ts';

type DeliveryCommands = Pick<Commands, 'deliveriesList' | 'deliveriesShow' | 'deliveriesResend'>;

const iso = (at: number): string => new Date(at).toISOString();
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at));

/** One line of `kanmen deliveries list --json`, with the names of the API. */
function lineOf(record: DeliveryRecord) {
  return {
    id: record.id,
    item: record.item,
    type: record.type,
    alertId: record.alertId,
    recipient: record.recipient,
    channel: record.channel,
    tier: record.tier,
    state: record.state,
    attempts: record.attempts,
    createdAt: iso(record.createdAt),
    nextAttemptAt: record.state === 'pending' ? iso(record.nextAttemptAt) : null,
    deliveredAt: isoOrNull(record.deliveredAt),
    receipt: record.receipt,
    lastError: record.lastError,
  };
}

export function createDeliveryCommands(context: ToolContext): DeliveryCommands {
  const { out, err, clock } = context;

  const newest = (store: Store, state: DeliveryState | null, recipient: RecipientId | null, limit: number) =>
    store.deliveryPage({ state, recipient, channel: null, before: null, limit });

  /** At the gateway that runs, so that it sends at once; else into its database, for its next start. */
  const resend = async (dataDir: string, store: Store, which: ResendRequest['which']): Promise<number | string> => {
    const run = readRunFile(dataDir);
    if (run?.api == null) {
      const desk = createDeliveryDesk({ store, commit: store.commit, wake: () => undefined, clock });
      return desk.resend({ by: commandLineActor, which });
    }
    const body =
      which.kind === 'ids'
        ? { ids: which.ids }
        : {
            recipient: which.recipient,
            state: which.state,
            ...(which.since !== null && { since: iso(which.since) }),
          };
    const response = await fetch(`${run.api}/api/deliveries/resend`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', [controlHeader]: run.token },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    return response.ok ? (JSON.parse(text) as { resent: number }).resent : `the gateway refused: ${text}`;
  };

  const momentOf = (text: string): EpochMs | null => {
    const backMs = parseDurationMs(text);
    return backMs === null ? parseRfc3339(text) : ((clock.now() - backMs) as EpochMs);
  };

  return {
    deliveriesList: ({ config, json, state, recipient, limit }) =>
      withGateway(context, config, (_configuration, store) => {
        const whose = (recipient ?? null) as RecipientId | null;
        const most = Math.max(1, Math.min(10_000, Number.parseInt(limit, 10) || 200));
        const states: readonly (DeliveryState | null)[] =
          state === 'open' ? ['dead', 'pending'] : state === 'all' ? [null] : [state];
        const lines = states
          .flatMap((each) => newest(store, each, whose, most))
          .slice(0, most)
          .map(lineOf);
        if (json) out(formatJsonLines(lines));
        else if (lines.length === 0) err('no such deliveries\n');
        else {
          out(
            formatTable(
              lines.map((line) => ({
                state: line.state,
                tier: line.tier,
                recipient: line.recipient,
                what: line.type.replace(/^kanmen\.|\.v1$/g, ''),
                made: line.createdAt.slice(0, 19),
                tries: line.attempts,
                'came back': line.receipt ?? line.lastError,
                id: line.id,
              })),
            ),
          );
        }
        return Promise.resolve(exitCodes.fine);
      }),
    deliveriesShow: (id, { config, json }) =>
      withGateway(context, config, (_configuration, store) => {
        const record = store.deliveryRecord(id as DeliveryId);
        if (!record) {
          err(`there is no delivery ${id}\n`);
          return Promise.resolve(exitCodes.failed);
        }
        const tries = record.tries.map(({ at, state, result }) => ({ at: iso(at), state, result }));
        if (json) out(formatJsonLines([{ ...lineOf(record), title: record.title, tries }]));
        else {
          for (const [name, value] of Object.entries(lineOf(record)))
            if (value !== null) out(`${name.padEnd(14)} ${value}\n`);
          for (const { at, state, result } of tries) out(`  ${at}  ${state.padEnd(9)}  ${result}\n`);
        }
        return Promise.resolve(exitCodes.fine);
      }),
    deliveriesResend: (ids, { config, json, recipient, delivered, since }) =>
      withGateway(context, config, async ({ dataDir, recipients }, store) => {
        const wrong = (why: string) => {
          err(`${why}\n`);
          return exitCodes.wrongUse;
        };
        if ((ids.length === 0) === (recipient === undefined))
          return wrong('name deliveries by id, or all of one recipient with --recipient');
        const from = since === undefined ? null : momentOf(since);
        if (since !== undefined && from === null) return wrong(`--since: not a duration or a time: ${since}`);
        if (delivered && (recipient === undefined || from === null))
          return wrong('--delivered needs --recipient and --since');
        if (recipient !== undefined && !recipients.some(({ id }) => id === recipient))
          return wrong(`there is no recipient ${recipient}`);
        const which: ResendRequest['which'] =
          recipient === undefined
            ? { kind: 'ids', ids: ids.map((id) => id as DeliveryId) }
            : {
                ...{ kind: 'recipient', recipient: recipient as RecipientId, since: from },
                state: delivered ? 'delivered' : 'dead',
              };
        const result = await resend(dataDir, store, which);
        if (typeof result === 'string') {
          err(`${result}\n`);
          return exitCodes.failed;
        }
        if (json) out(formatJsonLines([{ resent: result }]));
        else out(`${result} ${result === 1 ? 'delivery is' : 'deliveries are'} on the way again\n`);
        // Named ones that could not be sent are a failure; of a recipient there may well be none.
        return ids.length > 0 && result === 0 ? exitCodes.failed : exitCodes.fine;
      }),
  };
}
