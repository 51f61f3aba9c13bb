import type { Command, Option } from 'commander';
import type { BackupOptions, Commands, ExitCode, RestoreOptions } from './commands.ts';

/** `kanmen backup` and `kanmen restore`. */
export function addBackup(
  program: Command,
  commands: Commands,
  done: (code: ExitCode) => void,
  options: { readonly config: () => Option; readonly json: () => Option },
): void {
  program
    .command('backup')
    .description(
      "one encrypted file of a gateway or a desk while it runs: configuration, keys, rules, database (age's format: age -d FILE | tar xz opens it, too)",
    )
    .option(
      '-o, --output <file>',
      'where to write it (default: kanmen-<gateway|desk>-<time>.tar.gz.age in this folder)',
    )
    .option('--evidence', 'pictures and clips, too', false)
    .option(
      '--passphrase-file <file>',
      'file that holds the passphrase (- for standard input); without it one is made and shown once',
    )
    .option(
      '--recipient <key...>',
      'instead of a passphrase: for the holders of these age keys (age1…, by age-keygen); this machine itself cannot open it',
    )
    .option('--temp <dir>', 'folder for the copy of the database meanwhile (default: the data directory)')
    .addOption(options.config())
    .addOption(options.json())
    .action(async (given: BackupOptions) => done(await commands.backup(given)));
  program
    .command('restore')
    .argument('<file>', 'what kanmen backup wrote')
    .description('put a backup into a new folder, whole or not at all; --check only tries whether it is whole')
    .option('--to <dir>', "the configuration's new folder; must be empty or not there", 'kanmen-restored')
    .option('--passphrase-file <file>', 'file that holds the passphrase (- for standard input)')
    .option('--identity <file>', 'file with the age identity, where it was made for a recipient')
    .option('--check', 'open it, look at every file and the database, change nothing', false)
    .option('--temp <dir>', 'with --check: folder to unpack into meanwhile (default: where temporary files go)')
    .addOption(options.json())
    .action(async (file: string, given: RestoreOptions) => done(await commands.restore(file, given)));
}
