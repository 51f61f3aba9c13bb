import { fileURLToPath } from 'node:url';
import { exitCodes, formatJsonLines, formatTable, type Commands } from '../cli/index.ts';
import { faultsOf, loadConfiguration } from '../config/index.ts';
import { readRuleTexts, testRules } from '../rules/index.ts';
import { rulesOptions } from '../rules/options.ts';
import { printFaults, reported, type ToolContext } from './context.ts';

/** `kanmen rules test`. */
export function createRuleCommands(context: ToolContext): Pick<Commands, 'rulesTest'> {
  const { out, err } = context;
  return {
    rulesTest: ({ dir, config, json }) =>
      reported(context, () => {
        const loaded = config === undefined ? null : loadConfiguration(config);
        if (loaded && !loaded.ok) return Promise.resolve(printFaults(loaded.faults, err));
        const folder = dir ?? loaded?.value.rules.dir ?? fileURLToPath(new URL('rules', context.installDir));
        try {
          const results = testRules(readRuleTexts(folder), {
            timeZone: loaded?.value.alerts.timeZone ?? 'Asia/Shanghai',
            options: loaded?.value.rules ?? rulesOptions.parse({}),
          });
          const failed = results.filter(({ ok }) => !ok);
          if (json) out(formatJsonLines(results));
          else
            out(
              formatTable(
                results.map(({ rule, example, ok, fault }) => ({ rule, example, result: ok ? 'ok' : 'FAILED', fault })),
              ),
            );
          err(`${results.length - failed.length} of ${results.length} examples hold\n`);
          return Promise.resolve(failed.length === 0 ? exitCodes.fine : exitCodes.failed);
        } catch (error) {
          const faults = faultsOf(error);
          if (faults.length === 0) throw error;
          return Promise.resolve(printFaults(faults, err));
        }
      }),
  };
}
