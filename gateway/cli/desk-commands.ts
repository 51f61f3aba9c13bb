import { Option, type Command } from 'commander';
import type { Commands, ConfigOption, ExitCode, JsonOption } from './commands.ts';

/** The desk's own day-to-day work, and the gateway's side of pairing. */
export interface DeskCommands {
  deskInvite(
    id: string,
    options: ConfigOption & JsonOption & { readonly name?: string; readonly url?: string },
  ): Promise<ExitCode>;
  deskGateways(options: ConfigOption & JsonOption): Promise<ExitCode>;
  deskRevoke(id: string, options: ConfigOption & JsonOption & { readonly reason: string }): Promise<ExitCode>;
  deskAuditVerify(options: ConfigOption & JsonOption & { readonly hash?: string }): Promise<ExitCode>;
  pair(
    link: string | undefined,
    options: ConfigOption & JsonOption & { readonly channel?: string; readonly ca?: string; readonly rotate: boolean },
  ): Promise<ExitCode>;
}

type Given<Name extends keyof DeskCommands> =
  Parameters<DeskCommands[Name]> extends [...unknown[], infer Last] ? Last : never;

/** Adds `kanmen desk invite|gateways|revoke|audit verify` and `kanmen pair`. */
export function addDeskCommands(
  program: Command,
  desk: Command,
  commands: Commands,
  done: (code: ExitCode) => void,
): void {
  const configOption = (file: string): Option => new Option('-c, --config <file>', 'configuration file').default(file);
  const jsonOption = (): Option =>
    new Option('--json', 'machine-readable output on stdout, everything else on stderr').default(false);
  // `desk` has a -c of its own: what stands behind a subcommand's name is the subcommand's. The program has to know, too: it
  // is the one that parts words from options first.
  program.enablePositionalOptions();
  desk.enablePositionalOptions();
  desk
    .command('invite')
    .argument('<id>', 'what the gateway will be called in addresses and logs')
    .description('let a gateway in: prints a code for `kanmen pair`, good once, for 30 minutes; also to pair one anew')
    .option('--name <text>', 'what officers call it: the name of the compound (default: its id)')
    .option('--url <url>', 'where the gateway reaches this desk (default: publicUrl of the configuration)')
    .addOption(configOption('desk.yaml'))
    .addOption(jsonOption())
    .action(async (id: string, given: Given<'deskInvite'>) => done(await commands.deskInvite(id, given)));
  desk
    .command('gateways')
    .description('the gateways that may send here, how they joined, and those that were revoked')
    .addOption(configOption('desk.yaml'))
    .addOption(jsonOption())
    .action(async (given: Given<'deskGateways'>) => done(await commands.deskGateways(given)));
  desk
    .command('revoke')
    .argument('<id>')
    .description('take nothing from a gateway any more, also at a desk that runs; its alerts stay')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .addOption(configOption('desk.yaml'))
    .addOption(jsonOption())
    .action(async (id: string, given: Given<'deskRevoke'>) => done(await commands.deskRevoke(id, given)));
  desk
    .command('audit')
    .description('the log of who did what')
    .command('verify')
    .description('whether any line was altered, added or taken out since it was written; exit 1 if so')
    .option('--hash <sha256>', 'last hash of an earlier check: it must still be in the log')
    .addOption(configOption('desk.yaml'))
    .addOption(jsonOption())
    .action(async (given: Given<'deskAuditVerify'>) => done(await commands.deskAuditVerify(given)));
  program
    .command('pair')
    .argument('[CODE@URL]', 'as the desk shows it: ABCD-EFGH-JKMN-PQRS@https://desk…')
    .description("join a station's desk by its code; keys are exchanged, no secret is copied")
    .option('--channel <id>', "which of the configuration's channels it is (default: the one that leads there)")
    .option('--ca <file>', "the desk's authority, PEM, if it is not a public one")
    .option('--rotate', 'make a new key with a desk that is paired already; the old one stays good meanwhile', false)
    .addOption(configOption('kanmen.yaml'))
    .addOption(jsonOption())
    .action(async (link: string | undefined, given: Given<'pair'>) => done(await commands.pair(link, given)));
}
