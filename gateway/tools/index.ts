/** The one-shot commands of `kanmen`, joined from the rooms: a composition root like app.ts and desk.ts. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { exitCodes, type Commands } from '../cli/index.ts';
import type { ToolContext } from './context.ts';

export { exitCodeOf, printFaults, type ToolContext } from './context.ts';

export function createTools(context: ToolContext & { readonly execPath: string }): Omit<Commands, 'run' | 'desk'> {
  const devices = async () => (await import('./devices.ts')).createDeviceCommands(context);
  const users = async () => (await import('./users.ts')).createUserCommands(context);
  const rules = async () => (await import('./rules.ts')).createRuleCommands(context);
  const models = async () => (await import('./models.ts')).createModelCommands(context);
  const deliveries = async () => (await import('./deliveries.ts')).createDeliveryCommands(context);
  const alerts = async () => (await import('./alerts.ts')).createAlertCommands(context);
  const desk = async () => (await import('./desk.ts')).createDeskCommands(context);
  return {
    // Each command loads what it needs when it is called: all of it together takes a second to load.
    init: async (...given) => (await import('./init.ts')).createInitCommand(context).init(...given),
    check: async (...given) => (await import('./check.ts')).createCheckCommand(context).check(...given),
    inspect: async (...given) => (await import('./inspect.ts')).createInspectCommand(context).inspect(...given),
    rulesTest: async (...given) => (await rules()).rulesTest(...given),
    rulesList: async (...given) => (await rules()).rulesList(...given),
    rulesShow: async (...given) => (await rules()).rulesShow(...given),
    rulesReload: async (...given) => (await rules()).rulesReload(...given),
    rulesApply: async (...given) => (await rules()).rulesApply(...given),
    rulesBacktest: async (...given) =>
      (await import('./rules-backtest.ts')).createBacktestCommand(context).rulesBacktest(...given),
    modelsList: async (...given) => (await models()).modelsList(...given),
    modelsPull: async (...given) => (await models()).modelsPull(...given),
    modelsAdd: async (...given) => (await models()).modelsAdd(...given),
    modelsVerify: async (...given) => (await models()).modelsVerify(...given),
    devicesAdd: async (...given) => (await devices()).devicesAdd(...given),
    devicesList: async (...given) => (await devices()).devicesList(...given),
    devicesRemove: async (...given) => (await devices()).devicesRemove(...given),
    devicesRotate: async (...given) => (await devices()).devicesRotate(...given),
    devicesLastFault: async (...given) => (await devices()).devicesLastFault(...given),
    usersAdd: async (...given) => (await users()).usersAdd(...given),
    usersList: async (...given) => (await users()).usersList(...given),
    usersRemove: async (...given) => (await users()).usersRemove(...given),
    usersPassword: async (...given) => (await users()).usersPassword(...given),
    deliveriesList: async (...given) => (await deliveries()).deliveriesList(...given),
    deliveriesShow: async (...given) => (await deliveries()).deliveriesShow(...given),
    deliveriesResend: async (...given) => (await deliveries()).deliveriesResend(...given),
    deskInvite: async (...given) => (await desk()).deskInvite(...given),
    deskGateways: async (...given) => (await desk()).deskGateways(...given),
    deskRevoke: async (...given) => (await desk()).deskRevoke(...given),
    deskAuditVerify: async (...given) => (await desk()).deskAuditVerify(...given),
    backup: async (...given) => (await import('./backup.ts')).createBackupCommand(context).backup(...given),
    restore: async (...given) => (await import('./restore.ts')).createRestoreCommand(context).restore(...given),
    pair: async (...given) => (await import('./pair.ts')).createPairCommand(context).pair(...given),
    alertsList: async (...given) => (await alerts()).alertsList(...given),
    alertsShow: async (...given) => (await alerts()).alertsShow(...given),
    alertsAnswer: async (...given) => (await alerts()).alertsAnswer(...given),
    alertsAck: async (...given) => (await alerts()).alertsAck(...given),
    alertsNote: async (...given) => (await alerts()).alertsNote(...given),
    alertsResolve: async (...given) => (await alerts()).alertsResolve(...given),
    alertsTransfer: async (...given) => (await alerts()).alertsTransfer(...given),
    alertsClose: async (...given) => (await alerts()).alertsClose(...given),
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
