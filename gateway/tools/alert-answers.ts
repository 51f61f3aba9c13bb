/** How an answer given at the command line gets to where the alert is. */
import { withDeskTools } from '../desk.ts';
import type { FeedbackKind, FeedbackMark } from '../domain/alert.ts';
import type { DeskOptions } from '../inbox/options.ts';
import { GatewayError } from '../lib/errors.ts';
import { argon2Passwords } from '../lib/passwords.ts';
import { readRunFile } from '../lib/run-file.ts';
import type { ToolContext } from './context.ts';

export interface GivenAnswer {
  readonly kind: FeedbackKind;
  readonly by: string;
  readonly text: string;
  readonly outcome: 'true' | 'false-alarm' | 'drill' | null;
  readonly mark?: FeedbackMark | null;
  readonly to?: string | null;
}

export type Given =
  /** `awaits`: what has to be answered before the alert closes, in words. */
  | { readonly kind: 'given'; readonly state: string; readonly awaits: readonly string[] }
  | { readonly kind: 'refused'; readonly message: string };

interface DetailJson {
  readonly state: string;
  readonly followUp: {
    readonly awaits: readonly ('report' | 'notification')[];
    readonly deadlines: readonly { readonly kind: string; readonly at: string }[];
  };
}

const sideNames = { report: 'the station or department', notification: 'the community or grid' } as const;

/** Over the running gateway's API, by the token that only this machine's user can read. Throws `gateway.not-running`. */
export async function giveAtGateway(
  { random }: ToolContext,
  dataDir: string,
  id: string,
  answer: GivenAnswer,
): Promise<Given> {
  const run = readRunFile(dataDir);
  if (run?.api == null)
    throw new GatewayError('gateway.not-running', 'the gateway is not running: an answer needs it', {
      facts: { dataDir },
    });
  const response = await fetch(`${run.api}/api/alerts/${encodeURIComponent(id)}/feedback`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-kanmen-control': run.token },
    body: JSON.stringify({ ...answer, id: random.id() }),
  });
  const text = await response.text();
  if (!response.ok) return { kind: 'refused', message: `the gateway refused: ${messageIn(text)}` };
  const { state, followUp } = JSON.parse(text) as DetailJson;
  if (state === 'closed' || state === 'false-alarm') return { kind: 'given', state, awaits: [] };
  const awaits = [
    ...followUp.awaits.map((side) => `an answer of ${sideNames[side]}`),
    ...followUp.deadlines.map(({ kind, at }) => `${kind} by ${at}`),
  ];
  return { kind: 'given', state, awaits };
}

function messageIn(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: string } };
    return error?.message ?? text;
  } catch {
    return text;
  }
}

/** Into the desk's database; a running desk hands it on to the gateway within seconds, another at its next start. */
export async function giveAtDesk(
  { clock, logger, random }: ToolContext,
  config: DeskOptions,
  id: string,
  answer: GivenAnswer,
): Promise<Given> {
  return withDeskTools({ config, clock, logger, passwords: argon2Passwords }, async ({ answers }) => {
    const result = await answers.give(id, answer.by, {
      id: random.id(),
      kind: answer.kind,
      text: answer.text.trim(),
      outcome: answer.outcome,
      mark: answer.mark ?? null,
      to: answer.to ?? null,
    });
    switch (result.kind) {
      case 'given':
        return { kind: 'given', state: result.alert.state, awaits: [] };
      case 'unknown-alert':
        throw new GatewayError('alert.unknown', `there is no alert ${id}`, { facts: { id } });
      case 'not-allowed':
        return { kind: 'refused', message: result.message };
      case 'id-taken':
        return { kind: 'refused', message: 'the answer was given already' };
    }
  });
}
