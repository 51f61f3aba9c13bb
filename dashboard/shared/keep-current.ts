import type { Router } from 'vue-router';

const key = 'kanmen.reloaded';

/**
 * After an update of the server an open tab asks for parts that are no longer there: it reads itself anew, once a minute
 * at most, so that a part that is really missing does not make it reload for ever.
 */
export function reloadWhenOutdated(router: Router): void {
  router.onError((error: unknown, to) => {
    if (!(error instanceof TypeError) && !String(error).includes('preload')) return;
    const last = Number(sessionStorage.getItem(key) ?? 0);
    if (Date.now() - last < 60_000) return;
    sessionStorage.setItem(key, String(Date.now()));
    window.location.hash = to.fullPath;
    window.location.reload();
  });
}
