import type { Clock } from './clock.ts';
import { GatewayError, messageOf } from './errors.ts';

/** A part with a life. No I/O and no timer before `start`; `stop` may be called twice and leaves nothing behind. */
export interface Component {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Runs parts as one: starts them in list order and stops them in reverse.
 * If one fails to start, those already started are stopped and the failure is thrown.
 */
export function createLifecycle(
  parts: readonly Component[],
  options: { readonly clock: Clock; readonly stopDeadlineMs: number },
): Component {
  let started: Component[] = [];
  const stopStarted = async (): Promise<void> => {
    const toStop = started.reverse();
    started = [];
    const failures: string[] = [];
    for (const part of toStop) {
      let timer = { cancel: (): void => undefined };
      const deadline = new Promise<'late'>((resolve) => {
        timer = options.clock.after(options.stopDeadlineMs, () => resolve('late'));
      });
      try {
        const outcome = await Promise.race([part.stop().then(() => 'stopped' as const), deadline]);
        if (outcome === 'late') failures.push(`${part.name}: still not stopped after ${options.stopDeadlineMs} ms`);
      } catch (error) {
        failures.push(`${part.name}: ${messageOf(error)}`);
      } finally {
        timer.cancel();
      }
    }
    if (failures.length > 0)
      throw new GatewayError('lifecycle.stop-failed', `not everything stopped: ${failures.join('; ')}`);
  };
  return {
    name: 'lifecycle',
    start: async (signal) => {
      for (const part of parts) {
        try {
          await part.start(signal);
          started.push(part);
        } catch (error) {
          // A part that failed half-way may hold a port or a child: it gets its stop too.
          started.push(part);
          await stopStarted().catch(() => undefined);
          throw error;
        }
      }
    },
    stop: stopStarted,
  };
}
