/** Closes a union: a call that `tsc` accepts can never happen; if outside data made it happen, it says with what. */
export function assertNever(value: never): never {
  throw new Error(`unexpected variant: ${JSON.stringify(value)}`);
}
