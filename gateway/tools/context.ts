import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { exitCodes, type ExitCode } from '../cli/index.ts';
import {
  configurationKind,
  formatFault,
  loadConfiguration,
  loadDesk,
  type Fault,
  type GatewayConfiguration,
  type Loaded,
} from '../config/index.ts';
import type { ErrorCode } from '../domain/error-codes.ts';
import type { DeskOptions } from '../inbox/options.ts';
import type { Clock } from '../lib/clock.ts';
import { codeOf, isGatewayError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { createStore, type Store } from '../store/index.ts';

/** What the one-shot commands are given by the process edge. */
export interface ToolContext {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly installDir: URL;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Who is written down as having done what is done at the command line. */
export const commandLineActor = 'command line';

/** Prints every fault and answers the exit code for a wrong configuration. */
export function printFaults(faults: readonly Fault[], err: (text: string) => void): ExitCode {
  for (const fault of faults) err(`${formatFault(fault)}\n`);
  err(`${faults.length} fault${faults.length === 1 ? '' : 's'}\n`);
  return exitCodes.wrongConfiguration;
}

/** Errors that mean that a person wrote something wrong into a file: no use in starting again before it is mended. */
const wrongFiles: readonly ErrorCode[] = [
  'config.invalid',
  'config.secret-missing',
  'evidence.wrong-key',
  'rules.invalid',
];

/** The exit code for an error that ended a command. */
export const exitCodeOf = (error: unknown): ExitCode =>
  wrongFiles.some((code) => isGatewayError(error, code)) ? exitCodes.wrongConfiguration : exitCodes.failed;

/** Runs `work` and turns what may well go wrong into one line for the reader and exit code 1. */
export async function reported(context: ToolContext, work: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await work();
  } catch (error) {
    if (isGatewayError(error) || codeOf(error) !== null) {
      context.err(`${messageOf(error)}\n`);
      return exitCodeOf(error);
    }
    throw error;
  }
}

type Opened =
  | { readonly kind: 'gateway'; readonly loaded: Extract<Loaded<GatewayConfiguration>, { ok: true }> }
  | { readonly kind: 'desk'; readonly loaded: Extract<Loaded<DeskOptions>, { ok: true }> };

/** For commands that work on a gateway's and a desk's configuration. */
export async function withEither(
  context: ToolContext,
  file: string,
  work: (opened: Opened) => Promise<ExitCode>,
): Promise<ExitCode> {
  if (configurationKind(file) === 'desk') {
    const desk = loadDesk(file);
    return desk.ok
      ? reported(context, () => work({ kind: 'desk', loaded: desk }))
      : printFaults(desk.faults, context.err);
  }
  const gateway = loadConfiguration(file);
  return gateway.ok
    ? reported(context, () => work({ kind: 'gateway', loaded: gateway }))
    : printFaults(gateway.faults, context.err);
}

/** Opens the gateway's database beside a gateway that may be running, and closes it again. */
export async function withStore(
  context: ToolContext,
  configuration: GatewayConfiguration,
  work: (store: Store) => Promise<ExitCode>,
): Promise<ExitCode> {
  const store = createStore({
    file: join(configuration.dataDir, 'kanmen.sqlite'),
    clock: context.clock,
    logger: context.logger,
    retention: configuration.retention,
    // The reserve belongs to the running gateway.
    reserveBytes: 0,
  });
  await store.start(new AbortController().signal);
  try {
    return await work(store);
  } finally {
    await store.stop();
  }
}

/** For commands on a gateway's configuration and its database. */
export async function withGateway(
  context: ToolContext,
  file: string,
  work: (configuration: GatewayConfiguration, store: Store) => Promise<ExitCode>,
): Promise<ExitCode> {
  const loaded = loadConfiguration(file);
  if (!loaded.ok) return printFaults(loaded.faults, context.err);
  return reported(context, () => withStore(context, loaded.value, (store) => work(loaded.value, store)));
}

/** A password from a file, from standard input (`-`), or null where none was named and one is to be made. */
export async function readPassword(context: ToolContext, file: string | undefined): Promise<string | null> {
  if (file === undefined) return null;
  if (file !== '-') return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  for await (const line of createInterface({ input: context.stdin })) return line;
  return '';
}

/** A password that a person can type from a slip of paper: 96 random bits, no letters that look alike. */
export function makePassword(random: Pick<Random, 'bytes'>): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  // 31 letters of a byte's 256 values: those above 247 would make the first ones likelier, so they are left out.
  const picked: string[] = [];
  while (picked.length < 20) {
    for (const byte of random.bytes(32)) {
      const letter = byte < 248 ? letters[byte % 31] : undefined;
      if (letter !== undefined && picked.length < 20) picked.push(letter);
    }
  }
  return [0, 5, 10, 15].map((from) => picked.slice(from, from + 5).join('')).join('-');
}
