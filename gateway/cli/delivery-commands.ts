import { Option, type Command } from 'commander';
import type { Commands, ExitCode } from './commands.ts';

type Given<Name extends keyof Commands> = Parameters<Commands[Name]> extends [...unknown[], infer Last] ? Last : never;

/** `kanmen deliveries …`. */
export function addDeliveries(
  program: Command,
  commands: Commands,
  done: (code: ExitCode) => void,
  options: { readonly config: () => Option; readonly json: () => Option },
): void {
  const deliveries = program
    .command('deliveries')
    .description('what goes to recipients: when it was tried, what came back, the receipt; and sending it once more');
  deliveries
    .command('list')
    .description('the newest deliveries, by default those that wait and those that were given up')
    .addOption(
      new Option('--state <state>', 'which').choices(['open', 'pending', 'dead', 'delivered', 'all']).default('open'),
    )
    .option('--recipient <id>', 'only of this recipient')
    .option('--limit <n>', 'at most so many', '200')
    .addOption(options.config())
    .addOption(options.json())
    .action(async (given: Given<'deliveriesList'>) => done(await commands.deliveriesList(given)));
  deliveries
    .command('show')
    .argument('<id>')
    .description('one delivery with its last ten tries')
    .addOption(options.config())
    .addOption(options.json())
    .action(async (id: string, given: Given<'deliveriesShow'>) => done(await commands.deliveriesShow(id, given)));
  deliveries
    .command('resend')
    .argument('[id...]', 'these; without any: all dead letters of --recipient')
    .description('send dead letters again, under the same ids; a running gateway sends them at once')
    .option('--recipient <id>', 'all dead letters of this recipient')
    .option('--delivered', 'with --recipient and --since: what was received there and has been lost since', false)
    .option('--since <when>', 'only what was made then or later: a duration back from now (2d) or a time (RFC 3339)')
    .addOption(options.config())
    .addOption(options.json())
    .action(async (ids: string[], given: Given<'deliveriesResend'>) =>
      done(await commands.deliveriesResend(ids, given)),
    );
}
