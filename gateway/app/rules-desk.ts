/** The rules of a running gateway as people handle them: look, read anew (on command or when files change), backtest. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { repeat, type Clock, type EpochMs, type Timer } from '../lib/clock.ts';
import type { BacktestReport, RuleFault, RuleInfo, RulesReload } from '../domain/rule-report.ts';
import type { Component } from '../lib/component.ts';
import { codeOf, GatewayError, isGatewayError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { parseDurationMs } from '../lib/quantities.ts';
import {
  draftSet,
  formatRuleFault,
  readRuleFolders,
  type RuleFolders,
  type Rules,
  type RulesOptions,
} from '../rules/index.ts';
import { backtest } from './backtest.ts';
import { writeRuleChange, type RuleFileChange } from './rule-file.ts';

/** A change that is in force now. */
export interface AppliedChange {
  readonly file: string;
  readonly ruleVersion: string;
  /** The rule's own examples that no longer hold. */
  readonly failing: readonly string[];
  /** Takes it back, in the file and in force: what is to be on record of it could not be written. */
  undo(): void;
}

export interface RulesDesk extends Component {
  list(): readonly RuleInfo[];
  status(): {
    readonly version: string;
    readonly loadedAt: EpochMs;
    /** Why the files as they stand now were refused; empty where they are in force. */
    readonly refused: readonly RuleFault[];
  };
  reload(): RulesReload;
  /** Writes one change into its rule's file and puts the set in force. Throws 'proposal.not-applicable', with nothing changed. */
  apply(change: RuleFileChange): AppliedChange;
  /** One at a time: it takes a good part of a small box. Throws 'rules.invalid', 'rules.backtest-failed'. */
  backtest(request: {
    readonly since: string;
    readonly rule?: string | undefined;
    readonly only?: readonly string[] | undefined;
  }): Promise<BacktestReport>;
}

const lookEveryMs = 2000;
/** One thread: the gateway itself needs the other core. */
const threads = 1;

export function createRulesDesk(given: {
  readonly rules: Rules;
  readonly folders: RuleFolders;
  readonly database: string;
  readonly timeZone: string;
  readonly options: RulesOptions;
  readonly clock: Clock;
  readonly logger: Logger;
}): RulesDesk {
  const { rules, folders, database, timeZone, options, clock, logger } = given;
  let loadedAt = clock.now();
  let refused: readonly RuleFault[] = [];
  let timer: Timer | null = null;
  let running: AbortController | null = null;
  /** How the files looked when they were read, and at the last look. */
  let readStamp = '';
  let lastStamp = '';

  /** Names, sizes and times of all that a set is read from; empty while a file is being replaced. */
  const filesOf = (dir: string): readonly string[] =>
    readdirSync(dir)
      .filter((name) => /\.ya?ml$/.test(name))
      .sort()
      .map((name) => join(dir, name));
  const stampNow = (): string => {
    try {
      const { calendarFile } = options;
      const paths = [
        ...filesOf(folders.pack),
        ...(folders.own !== null && existsSync(folders.own) ? filesOf(folders.own) : []),
        ...(calendarFile === undefined ? [] : [calendarFile]),
      ];
      return paths
        .map((path) => {
          const { mtimeMs, size, ino } = statSync(path);
          return `${path} ${mtimeMs} ${size} ${ino}`;
        })
        .join('\n');
    } catch (error) {
      if (codeOf(error) === null) throw error;
      return '';
    }
  };

  const reload = (): RulesReload => {
    readStamp = stampNow();
    try {
      rules.load();
      loadedAt = clock.now();
      refused = [];
    } catch (error) {
      if (!isGatewayError(error, 'rules.invalid')) throw error;
      refused = error.facts['faults'] as readonly RuleFault[];
      logger.warn({ reason: messageOf(error), faults: refused.length }, 'rules refused, the ones before stay');
    }
    return { loaded: refused.length === 0, version: rules.version, rules: rules.list().length, faults: refused };
  };

  const apply = (change: RuleFileChange): AppliedChange => {
    const written = writeRuleChange(change, { folders, timeZone, options });
    const undo = (): void => {
      written.undo();
      reload();
    };
    const { loaded, faults } = reload();
    if (loaded) return { file: written.file, ruleVersion: written.version, failing: written.failing, undo };
    undo();
    const [first] = faults;
    throw new GatewayError(
      'proposal.not-applicable',
      `the set is refused as its files stand now${first ? `: ${formatRuleFault(first)}` : ''}`,
      { facts: { rule: change.rule } },
    );
  };

  const look = (): void => {
    const stamp = stampNow();
    // Files that are still being written are left alone until two looks agree.
    const still = stamp === lastStamp && stamp !== '';
    lastStamp = stamp;
    if (still && stamp !== readStamp) reload();
  };

  return {
    name: 'rules',
    start: () => {
      readStamp = stampNow();
      lastStamp = readStamp;
      if (options.watch) timer = repeat(clock, lookEveryMs, look);
      return Promise.resolve();
    },
    stop: () => {
      timer?.cancel();
      timer = null;
      running?.abort();
      return Promise.resolve();
    },
    list: () => rules.list(),
    status: () => ({ version: rules.version, loadedAt, refused }),
    reload,
    apply,
    backtest: async ({ since, rule, only }) => {
      const backMs = parseDurationMs(since);
      if (backMs === null)
        throw new GatewayError('rules.backtest-failed', `since: "${since}" is no duration such as 30d`);
      if (running) throw new GatewayError('rules.backtest-failed', 'another backtest is running; wait for it');
      const { texts, ids } = draftSet(
        readRuleFolders(folders),
        rule === undefined ? [] : [{ file: 'draft', text: rule }],
      );
      const wanted = [...ids, ...(only ?? [])];
      const nowMs = clock.now();
      running = new AbortController();
      try {
        return await backtest({
          database,
          rules: { texts, timeZone, options, only: wanted.length > 0 ? wanted : null },
          fromMs: nowMs - backMs,
          toMs: nowMs,
          threads,
          signal: running.signal,
        });
      } finally {
        running = null;
      }
    },
  };
}
