/** Has the running gateway take channels and recipients as its configuration has them now. */
import type { ApiWaysOut } from '../api/index.ts';
import { formatFault, type GatewayConfiguration, type Loaded } from '../config/index.ts';
import { GatewayError } from '../lib/errors.ts';
import type { WaysOut } from './ways-out.ts';

/** One change after another: two that ran at once could each undo half of the other. */
export function createWaysReload(reload: () => Loaded<GatewayConfiguration>, ways: Pick<WaysOut, 'take'>): ApiWaysOut {
  let last: Promise<unknown> = Promise.resolve();
  return {
    reload: (newKeys) => {
      const taking = last.then(() => {
        const loaded = reload();
        if (!loaded.ok) {
          throw new GatewayError('config.invalid', loaded.faults.map(formatFault).join('; '), {
            facts: { faults: loaded.faults },
          });
        }
        return ways.take(loaded.value, newKeys);
      });
      last = taking.catch(() => undefined);
      return taking;
    },
  };
}
