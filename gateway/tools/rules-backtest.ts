import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DateTime } from 'luxon';
import { backtest } from '../app/backtest.ts';
import { exitCodes, formatJsonLines, formatTable, type Commands } from '../cli/index.ts';
import { faultsOf, loadConfiguration } from '../config/index.ts';
import type { BacktestLine, BacktestReport } from '../domain/rule-report.ts';
import { parseDurationMs } from '../lib/quantities.ts';
import { createRules, draftSet, readRuleFolders } from '../rules/index.ts';
import { printFaults, reported, type ToolContext } from './context.ts';
import { ruleFoldersOf } from './rules.ts';

const shownLines = 100;

/** `kanmen rules backtest`. */
export function createBacktestCommand(context: ToolContext): Pick<Commands, 'rulesBacktest'> {
  const { out, err, clock, logger } = context;
  return {
    rulesBacktest: ({ config, json, since, until, rule, only, threads, all }) => {
      const loaded = loadConfiguration(config);
      if (!loaded.ok) return Promise.resolve(printFaults(loaded.faults, err));
      const { value } = loaded;
      const { timeZone } = value.alerts;
      return reported(context, async () => {
        const nowMs = clock.now();
        const fromMs = whenMs(since, nowMs, timeZone);
        const toMs = until === undefined ? nowMs : whenMs(until, nowMs, timeZone);
        const count = Number(threads);
        if (fromMs === null || toMs === null || fromMs >= toMs) {
          err('--since and --until take a duration (30d) or a time (2026-11-01T00:00), the first before the second\n');
          return exitCodes.wrongUse;
        }
        if (!Number.isInteger(count) || count < 1 || count > 16) {
          err('--threads must be a whole number from 1 to 16\n');
          return exitCodes.wrongUse;
        }
        try {
          const folder = readRuleFolders(ruleFoldersOf(context, value));
          const drafts = (rule ?? []).map((file) => ({ file, text: readFileSync(file, 'utf8') }));
          const { texts, ids } = draftSet(folder, drafts);
          const known = createRules({ source: texts, timeZone, options: value.rules, logger }).list();
          const stranger = (only ?? []).find((id) => !known.some((other) => other.id === id));
          if (stranger !== undefined) {
            err(`--only ${stranger}: there is no such rule\n`);
            return exitCodes.wrongUse;
          }
          const wanted = [...ids, ...(only ?? [])];
          const report = await backtest({
            database: join(value.dataDir, 'kanmen.sqlite'),
            rules: { texts, timeZone, options: value.rules, only: wanted.length > 0 ? wanted : null },
            fromMs,
            toMs,
            threads: count,
          });
          print(report, json, all, timeZone);
          return exitCodes.fine;
        } catch (error) {
          const faults = faultsOf(error);
          if (faults.length === 0) throw error;
          return printFaults(faults, err);
        }
      });
    },
  };

  function print(report: BacktestReport, json: boolean, all: boolean, timeZone: string): void {
    const time = (at: number): string => DateTime.fromMillis(at, { zone: timeZone }).toFormat('yyyy-MM-dd HH:mm:ss');
    const { lines, rules, events, elapsedMs } = report;
    if (json) {
      const iso = (at: number): string => new Date(at).toISOString();
      const lineJson = ({ rule, key, would, was }: BacktestLine): object => ({
        ...{ rule, key },
        would: would && { ...would, at: iso(would.at), lastAt: iso(would.lastAt) },
        was: was && { ...was, at: iso(was.at) },
      });
      const span = { from: iso(report.fromMs), to: iso(report.toMs) };
      out(formatJsonLines([...lines.map(lineJson), { ...span, events, elapsedMs, rules }]));
      return;
    }
    const shown = all ? lines : lines.slice(0, shownLines);
    if (shown.length > 0) {
      out(
        formatTable(
          shown.map(({ rule, key, would, was }) => ({
            rule,
            cause: key,
            'would be raised': would ? `${time(would.at)} ${would.tier} ×${would.matches}` : '–',
            'was raised': was ? `${time(was.at)} ${was.tier} ×${was.matches} ${was.state}` : '–',
            says: would?.message.zh ?? '',
          })),
        ),
      );
    }
    if (shown.length < lines.length) err(`${lines.length - shown.length} more lines: --all prints them\n`);
    out(
      formatTable(
        rules.map(({ rule, wouldRaise, wasRaised, both, onlyWould, onlyWas, suppressed, absent }) => ({
          ...{ rule, 'would raise': String(wouldRaise), 'was raised': String(wasRaised), both: String(both) },
          ...{ 'only would': String(onlyWould), 'only was': String(onlyWas) },
          ...{ 'repeats kept back': String(suppressed), 'fields absent': String(absent) },
        })),
      ),
    );
    err(`${events} recorded events from ${time(report.fromMs)} to ${time(report.toMs)}, in ${elapsedMs} ms\n`);
  }
}

/** `30d` back from now, or a moment, local where it has no offset; null where it is neither. */
function whenMs(text: string, nowMs: number, timeZone: string): number | null {
  const backMs = parseDurationMs(text);
  if (backMs !== null) return nowMs - backMs;
  const moment = DateTime.fromISO(text, { zone: timeZone });
  return moment.isValid ? moment.toMillis() : null;
}
