/**
 * URL of a worker thread's entry file beside the calling module.
 * In `dist/` that is simply the neighbour. Under vitest the caller is a `.ts` file, which a worker thread cannot load on
 * Node 20, so the built neighbour in `dist/` is named instead (tests build first).
 */
export function workerUrl(callerUrl: string, name: string): URL {
  const neighbour = new URL(`./${name}.js`, callerUrl);
  if (!callerUrl.split('?')[0]?.endsWith('.ts')) return neighbour;
  return new URL(neighbour.href.replace(/\/gateway\/(?!.*\/gateway\/)/, '/dist/gateway/'));
}
