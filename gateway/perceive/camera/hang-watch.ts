/** A decoder that has work and gives no sign of life for this long hangs: a busy machine takes 2 s for a picture. */
const hangsAfterMs = 15_000;
const lookEveryMs = 3000;

/**
 * Ends a child that hangs: alive to the system, with work before it, and silent. `hasWork`: input waits to be read, or its
 * input is over and it has not ended; not while somebody else holds it up.
 */
export function watchForHang(given: { readonly hasWork: () => boolean; readonly onHang: () => void }): {
  /** It has read or given something. */
  alive(): void;
  cancel(): void;
} {
  let silentSince = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    if (!given.hasWork()) silentSince = now;
    else if (now - silentSince >= hangsAfterMs) {
      clearInterval(timer);
      given.onHang();
    }
  }, lookEveryMs);
  timer.unref();
  return {
    alive: () => {
      silentSince = performance.now();
    },
    cancel: () => clearInterval(timer),
  };
}
