import { GatewayError } from '../lib/errors.ts';

/** One thing wrong in a file that a person wrote, said so that he can mend it. */
export interface Fault {
  readonly file: string;
  /** From 1; null where the file as a whole is meant. */
  readonly line: number | null;
  readonly column: number | null;
  /** `cameras[1].url`; empty for the whole document. */
  readonly path: string;
  /** What stands there, as text, shortened; null where nothing stands there. Never a secret. */
  readonly value: string | null;
  readonly message: string;
  /** What may stand there. */
  readonly allowed: string | null;
}

/** `kanmen.yaml:12:5 cameras[1].url = "10.0.0.7": is not … (allowed: …)`. */
export function formatFault(fault: Fault): string {
  const place =
    fault.line === null ? fault.file : `${fault.file}:${fault.line}${fault.column === null ? '' : `:${fault.column}`}`;
  const what = fault.path === '' ? '' : ` ${fault.path}${fault.value === null ? '' : ` = ${fault.value}`}`;
  return `${place}${what}: ${fault.message}${fault.allowed === null ? '' : ` (allowed: ${fault.allowed})`}`;
}

/** The error that start-up throws: all faults at once. */
export function faultsError(faults: readonly Fault[]): GatewayError {
  return new GatewayError('config.invalid', `${faults.length} fault(s) in the configuration`, { facts: { faults } });
}

export function faultsOf(error: unknown): readonly Fault[] {
  return error instanceof GatewayError && Array.isArray(error.facts['faults'])
    ? (error.facts['faults'] as Fault[])
    : [];
}
