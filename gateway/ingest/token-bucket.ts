/**
 * How long a sender is to be held back. Holds one minute's worth; what is over is owed and paid off with time.
 * `take` counts one message and answers the milliseconds until the debt is paid, 0 while within the rate.
 */
export interface TokenBucket {
  take(nowMs: number): number;
}

export function createTokenBucket(perMinute: number, nowMs: number): TokenBucket {
  const perMs = perMinute / 60_000;
  let tokens = perMinute;
  let lastMs = nowMs;
  return {
    take: (atMs) => {
      tokens = Math.min(perMinute, tokens + (atMs - lastMs) * perMs) - 1;
      lastMs = atMs;
      return tokens >= 0 ? 0 : Math.ceil(-tokens / perMs);
    },
  };
}
