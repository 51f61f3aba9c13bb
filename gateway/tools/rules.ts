import { fileURLToPath } from 'node:url';
import { exitCodes, formatJsonLines, formatTable, type Commands, type ExitCode } from '../cli/index.ts';
import { faultsOf, formatFault, loadConfiguration, type Fault, type GatewayConfiguration } from '../config/index.ts';
import type { RuleInfo } from '../domain/rule-report.ts';
import { GatewayError, isGatewayError } from '../lib/errors.ts';
import {
  createRules,
  originOf,
  readRuleFiles,
  readRuleFolders,
  readRuleTexts,
  ruleFolders,
  testRules,
  type RuleFolders,
} from '../rules/index.ts';
import { rulesOptions } from '../rules/options.ts';
import { askGateway } from './ask-gateway.ts';
import { printFaults, reported, type ToolContext } from './context.ts';

type RuleCommands = Pick<Commands, 'rulesTest' | 'rulesList' | 'rulesShow' | 'rulesReload' | 'rulesApply'>;

/** A rule as `list` and `show` print it; the API of a running gateway answers the same. */
type Shown = Omit<RuleInfo, 'keys' | 'counters'> & Partial<Pick<RuleInfo, 'keys' | 'counters'>>;

/** The pack that came with the program. */
export const shippedRules = ({ installDir }: Pick<ToolContext, 'installDir'>): string =>
  fileURLToPath(new URL('rules', installDir));

/** Where the rules of a configuration stand; without one, the pack that ships. */
export function ruleFoldersOf(
  context: Pick<ToolContext, 'installDir'>,
  configuration: Pick<GatewayConfiguration, 'rules' | 'dataDir'> | null,
): RuleFolders {
  return ruleFolders({
    dir: configuration?.rules.dir ?? null,
    shipped: shippedRules(context),
    dataDir: configuration?.dataDir ?? null,
  });
}

/** A value without some of its parts. */
function omit<Value extends object, Part extends keyof Value & string>(
  value: Value,
  parts: readonly Part[],
): Omit<Value, Part> {
  const left = Object.entries(value).filter(([name]) => !(parts as readonly string[]).includes(name));
  return Object.fromEntries(left) as Omit<Value, Part>;
}

/** `kanmen rules list|show|test|reload|apply`. */
export function createRuleCommands(context: ToolContext): RuleCommands {
  const { out, err, logger } = context;

  /** The rules as the running gateway has them, else as they stand in the folder. */
  const shownRules = async (configuration: GatewayConfiguration): Promise<readonly Shown[]> => {
    const answer = await askGateway(configuration.dataDir, 'GET', '/api/rules');
    if (answer?.ok) return ((await answer.json()) as { items: Shown[] }).items;
    const rules = createRules({
      source: ruleFoldersOf(context, configuration),
      timeZone: configuration.alerts.timeZone,
      options: configuration.rules,
      logger,
    });
    // Counts of a gateway that does not run would all be nought.
    return rules.list().map((rule) => omit(rule, ['keys', 'counters']));
  };

  const withConfiguration = (
    file: string,
    work: (configuration: GatewayConfiguration) => Promise<ExitCode>,
  ): Promise<ExitCode> => {
    const loaded = loadConfiguration(file);
    if (!loaded.ok) return Promise.resolve(printFaults(loaded.faults, err));
    return reported(context, async () => {
      try {
        return await work(loaded.value);
      } catch (error) {
        const faults = faultsOf(error);
        if (faults.length === 0) throw error;
        return printFaults(faults, err);
      }
    });
  };

  return {
    rulesList: ({ config, json }) =>
      withConfiguration(config, async (configuration) => {
        const shown = await shownRules(configuration);
        if (json) out(formatJsonLines(shown.map((rule) => omit(rule, ['text']))));
        else {
          const folders = ruleFoldersOf(context, configuration);
          out(
            formatTable(
              shown.map(({ id, tiers, kind, to, listensTo, pattern, enabled, counters, title, file, text }) => ({
                rule: id,
                tier: tiers.join('/'),
                kind,
                what: title.zh,
                'listens to': listensTo.join(', '),
                time: pattern,
                tells: to.join(', '),
                matched: counters === undefined ? '' : String(counters.matched),
                from: originOf({ id, file, text }, folders),
                state: enabled ? 'in force' : 'switched off',
              })),
            ),
          );
        }
        return exitCodes.fine;
      }),
    rulesShow: (id, { config, json }) =>
      withConfiguration(config, async (configuration) => {
        const rule = (await shownRules(configuration)).find((other) => other.id === id);
        if (!rule) throw new GatewayError('rules.unknown', `there is no rule ${id}`, { facts: { rule: id } });
        if (json) out(formatJsonLines([rule]));
        else {
          const { text, title, counters, ...facts } = rule;
          const lines = [
            `${title.zh} · ${title.en}`,
            `${facts.file} (version ${facts.version}${facts.enabled ? '' : ', switched off'})`,
            `why: ${facts.reason.trim()}`,
            `threshold: ${facts.source.trim()}`,
            `in force with: ${JSON.stringify(facts.params)}`,
            ...(counters === undefined ? [] : [`since the start: ${JSON.stringify(counters)}`]),
          ];
          out(`${lines.join('\n')}\n\n${text}`);
        }
        return exitCodes.fine;
      }),
    rulesReload: ({ config, json }) =>
      withConfiguration(config, async ({ dataDir }) => {
        const answer = await askGateway(dataDir, 'POST', '/api/rules/reload');
        if (answer === null) {
          throw new GatewayError('gateway.not-running', 'no gateway runs: it reads its rules when it starts', {
            facts: { dataDir },
          });
        }
        if (!answer.ok) {
          err(`the gateway refused: ${await answer.text()}\n`);
          return exitCodes.failed;
        }
        const said = (await answer.json()) as { loaded: boolean; version: string; rules: number; faults: Fault[] };
        for (const fault of said.faults) err(`${formatFault(fault)}\n`);
        const what = said.loaded ? 'in force' : 'refused whole; in force as before';
        out(json ? formatJsonLines([said]) : `${what}: ${said.rules} rules, version ${said.version}\n`);
        return said.loaded ? exitCodes.fine : exitCodes.wrongConfiguration;
      }),
    rulesApply: (id, { config, json, by, why }) =>
      withConfiguration(config, async ({ dataDir }) => {
        const path = `/api/proposals/${encodeURIComponent(id)}/apply`;
        const answer = await askGateway(dataDir, 'POST', path, { by, why });
        if (answer === null) {
          throw new GatewayError('gateway.not-running', 'no gateway runs that could put the change in force', {
            facts: { dataDir },
          });
        }
        if (!answer.ok) {
          const { error } = (await answer.json()) as { error: { message: string } };
          err(`not applied: ${error.message}\n`);
          return exitCodes.failed;
        }
        const said = (await answer.json()) as {
          file: string;
          failing: string[];
          proposal: { rule: string; change: { setting: string; to: string | number } };
        };
        const { rule, change } = said.proposal;
        out(json ? formatJsonLines([said]) : `${rule}: ${change.setting} is ${change.to} now, in ${said.file}\n`);
        for (const example of said.failing) err(`its example does not hold any more: ${example}\n`);
        return exitCodes.fine;
      }),
    rulesTest: (files, { dir, config, json }) =>
      reported(context, () => {
        if (files.length > 0 && dir !== undefined) {
          err('name files or --dir, not both\n');
          return Promise.resolve(exitCodes.wrongUse);
        }
        const loaded = config === undefined ? null : loadConfiguration(config);
        if (loaded && !loaded.ok) return Promise.resolve(printFaults(loaded.faults, err));
        const folders = ruleFoldersOf(context, loaded?.value ?? null);
        try {
          const texts =
            files.length > 0 ? readRuleFiles(files) : dir === undefined ? readRuleFolders(folders) : readRuleTexts(dir);
          const results = testRules(texts, {
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
          if (!isGatewayError(error, 'rules.invalid')) throw error;
          return Promise.resolve(printFaults(faultsOf(error), err));
        }
      }),
  };
}
