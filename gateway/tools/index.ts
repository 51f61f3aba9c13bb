/** The one-shot commands of `kanmen`, joined from the rooms: a composition root like app.ts and desk.ts. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { exitCodes, type Commands } from '../cli/index.ts';
import { createAlertCommands } from './alerts.ts';
import { createCheckCommand } from './check.ts';
import type { ToolContext } from './context.ts';
import { createDeviceCommands } from './devices.ts';
import { createInitCommand } from './init.ts';
import { createInspectCommand } from './inspect.ts';
import { createRuleCommands } from './rules.ts';
import { createUserCommands } from './users.ts';

export { exitCodeOf, printFaults, type ToolContext } from './context.ts';

export function createTools(context: ToolContext & { readonly execPath: string }): Omit<Commands, 'run' | 'desk'> {
  return {
    ...createInitCommand(context),
    ...createCheckCommand(context),
    ...createInspectCommand(context),
    ...createRuleCommands(context),
    ...createDeviceCommands(context),
    ...createUserCommands(context),
    ...createAlertCommands(context),
    demo: async ({ once, seed, keep }) => {
      // The simulators are no part of the gateway: the demo is a program of its own that a clone has and a package may not.
      const program = fileURLToPath(new URL('dist/test/support/demo/main.js', context.installDir));
      if (!existsSync(program)) {
        context.err('the demo needs a clone of the repository: git clone …, then npm run demo\n');
        return exitCodes.failed;
      }
      const args = [
        program,
        ...(once ? ['--once'] : []),
        ...(seed === undefined ? [] : ['--seed', seed]),
        ...(keep ? ['--keep'] : []),
      ];
      const child = spawn(context.execPath, args, { stdio: 'inherit' });
      const code = await new Promise<number | null>((resolve) => {
        child.once('exit', resolve);
      });
      return code === 0 ? exitCodes.fine : exitCodes.failed;
    },
  };
}
