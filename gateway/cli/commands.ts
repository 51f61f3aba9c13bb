import type { DeskCommands } from './desk-commands.ts';

/** What a command gives back: its exit code (design section 7: 0 fine, 1 failed, 2 wrong use, 78 wrong configuration). */
export const exitCodes = { fine: 0, failed: 1, wrongUse: 2, wrongConfiguration: 78 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface ConfigOption {
  readonly config: string;
}
export interface JsonOption {
  readonly json: boolean;
}

/** Another folder with manifest.json than the one that comes with the product. */
export interface ModelsOption {
  readonly models?: string;
}

export interface InitOptions {
  readonly yes: boolean;
  readonly site?: string;
  readonly name?: string;
  readonly admin?: string;
  readonly desk: boolean;
  readonly force: boolean;
}

export interface InspectOptions extends JsonOption {
  readonly crop: boolean;
  readonly models?: string;
  /** As whose pictures: a camera of the configuration, with its zones. */
  readonly camera?: string;
  readonly config: string;
  /** When a video's first picture was taken, RFC 3339. */
  readonly start?: string;
}

/** Everything the command line can do; `tools.ts` and `main.ts` do it. */
export interface Commands extends DeskCommands {
  init(dir: string, options: InitOptions): Promise<ExitCode>;
  run(options: ConfigOption): Promise<ExitCode>;
  check(options: ConfigOption & JsonOption): Promise<ExitCode>;
  desk(options: ConfigOption): Promise<ExitCode>;
  demo(options: { readonly once: boolean; readonly seed?: string; readonly keep: boolean }): Promise<ExitCode>;
  inspect(files: readonly string[], options: InspectOptions): Promise<ExitCode>;
  modelsList(options: ModelsOption & JsonOption): Promise<ExitCode>;
  modelsPull(ids: readonly string[], options: ModelsOption & JsonOption): Promise<ExitCode>;
  modelsAdd(files: readonly string[], options: ModelsOption & JsonOption): Promise<ExitCode>;
  modelsVerify(options: ModelsOption & JsonOption): Promise<ExitCode>;
  rulesTest(
    files: readonly string[],
    options: { readonly dir?: string; readonly config?: string } & JsonOption,
  ): Promise<ExitCode>;
  rulesList(options: ConfigOption & JsonOption): Promise<ExitCode>;
  rulesShow(id: string, options: ConfigOption & JsonOption): Promise<ExitCode>;
  rulesBacktest(
    options: ConfigOption &
      JsonOption & {
        readonly since: string;
        readonly until?: string;
        readonly rule?: readonly string[];
        readonly only?: readonly string[];
        readonly threads: string;
        readonly all: boolean;
      },
  ): Promise<ExitCode>;
  rulesReload(options: ConfigOption & JsonOption): Promise<ExitCode>;
  rulesApply(
    proposal: string,
    options: ConfigOption & JsonOption & { readonly by: string; readonly why: string },
  ): Promise<ExitCode>;
  devicesAdd(
    keys: readonly string[],
    options: ConfigOption & JsonOption & { readonly area?: string },
  ): Promise<ExitCode>;
  devicesList(options: ConfigOption & JsonOption): Promise<ExitCode>;
  devicesRemove(key: string, options: ConfigOption & JsonOption): Promise<ExitCode>;
  devicesRotate(key: string, options: ConfigOption & JsonOption): Promise<ExitCode>;
  devicesLastFault(key: string, options: ConfigOption & JsonOption): Promise<ExitCode>;
  usersAdd(
    name: string,
    options: ConfigOption & JsonOption & { readonly role: string; readonly passwordFile?: string },
  ): Promise<ExitCode>;
  usersList(options: ConfigOption & JsonOption): Promise<ExitCode>;
  usersRemove(name: string, options: ConfigOption & JsonOption): Promise<ExitCode>;
  usersPassword(
    name: string,
    options: ConfigOption & JsonOption & { readonly passwordFile?: string },
  ): Promise<ExitCode>;
  deliveriesList(
    options: ConfigOption &
      JsonOption & {
        readonly state: 'open' | 'pending' | 'dead' | 'delivered' | 'all';
        readonly recipient?: string;
        readonly limit: string;
      },
  ): Promise<ExitCode>;
  deliveriesShow(id: string, options: ConfigOption & JsonOption): Promise<ExitCode>;
  deliveriesResend(
    ids: readonly string[],
    options: ConfigOption &
      JsonOption & { readonly recipient?: string; readonly delivered: boolean; readonly since?: string },
  ): Promise<ExitCode>;
  backup(options: BackupOptions): Promise<ExitCode>;
  restore(file: string, options: RestoreOptions): Promise<ExitCode>;
  alertsList(options: ConfigOption & JsonOption & { readonly all: boolean; readonly limit: string }): Promise<ExitCode>;
  alertsShow(id: string, options: ConfigOption & JsonOption): Promise<ExitCode>;
  alertsAnswer(
    id: string,
    options: ConfigOption &
      JsonOption & {
        readonly kind: string;
        readonly by: string;
        readonly text: string;
        readonly outcome?: 'true' | 'false-alarm' | 'drill';
      },
  ): Promise<ExitCode>;
  alertsAck(id: string, options: AnswerOptions): Promise<ExitCode>;
  alertsNote(
    id: string,
    options: AnswerOptions & { readonly steady: boolean; readonly handTo?: string },
  ): Promise<ExitCode>;
  alertsResolve(
    id: string,
    options: AnswerOptions & { readonly outcome: 'true' | 'false-alarm' | 'drill' },
  ): Promise<ExitCode>;
  alertsTransfer(id: string, options: AnswerOptions & { readonly to: string }): Promise<ExitCode>;
  alertsClose(id: string, options: AnswerOptions & { readonly unsolved: boolean }): Promise<ExitCode>;
}

/** Who answers, and in what words. */
export interface AnswerOptions extends ConfigOption, JsonOption {
  readonly by: string;
  readonly text: string;
}

export interface BackupOptions extends ConfigOption, JsonOption {
  readonly output?: string;
  readonly evidence: boolean;
  readonly passphraseFile?: string;
  /** age recipients, `age1…`. */
  readonly recipient?: readonly string[];
  /** Where the copy of the database stands meanwhile. */
  readonly temp?: string;
}

export interface RestoreOptions extends JsonOption {
  readonly to: string;
  readonly passphraseFile?: string;
  /** File with an age identity. */
  readonly identity?: string;
  /** Look only. */
  readonly check: boolean;
  readonly temp?: string;
}
