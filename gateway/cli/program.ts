import { Command, CommanderError, Option } from 'commander';
import { exitCodes, type Commands, type ExitCode } from './commands.ts';
import { addBackup } from './backup-commands.ts';
import { addDeskCommands } from './desk-commands.ts';
import { addDeliveries } from './delivery-commands.ts';

export interface ProgramOptions {
  readonly commands: Commands;
  readonly version: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** The options of one command, as its function takes them: commander itself hands out `any`. */
type Given<Name extends keyof Commands> = Parameters<Commands[Name]> extends [...unknown[], infer Last] ? Last : never;

const configOption = (): Option => new Option('-c, --config <file>', 'configuration file').default('kanmen.yaml');
const jsonOption = (): Option =>
  new Option('--json', 'machine-readable output on stdout, everything else on stderr').default(false);

/**
 * Parses a command line and runs what it names. Answers the exit code; never ends the process.
 * `args` are the words after `kanmen`.
 */
export async function runProgram(args: readonly string[], options: ProgramOptions): Promise<ExitCode> {
  let code: ExitCode = exitCodes.fine;
  const program = build(options, (result) => {
    code = result;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    // commander has printed the reason already; asking for help or the version is not wrong use.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.wrongUse;
    throw error;
  }
  return code;
}

function build({ commands, version, out, err }: ProgramOptions, done: (code: ExitCode) => void): Command {
  const program = new Command('kanmen');
  program
    .description(
      'Kanmen (看门): edge gateway for residential communities.\nGate cameras, e-bike charging piles and fire sensors in; alerts to everyone who must act out.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err })
    .showHelpAfterError('(add --help for how it is used)')
    .showSuggestionAfterError(true)
    .addHelpText(
      'after',
      `
A first gateway in three commands:
  $ kanmen init my-gateway               make configuration, keys, certificates and the first admin
  $ kanmen check -c my-gateway/kanmen.yaml
  $ kanmen run -c my-gateway/kanmen.yaml

Exit codes: 0 fine, 1 failed, 2 wrong use, 78 wrong configuration.`,
    );

  program
    .command('init')
    .argument('[dir]', 'where to put it', 'kanmen-gateway')
    .description('make a working configuration with keys, certificates and the first admin; asks, or takes flags')
    .option('-y, --yes', 'ask nothing, take the defaults and flags', false)
    .option('--site <id>', 'id of the compound, as it stands in every MQTT topic (letters, digits, - _ .)')
    .option('--name <text>', 'name of the compound as people say it')
    .option('--admin <name>', 'name of the first admin (default: admin)')
    .option('--desk', 'make a station desk instead of a gateway', false)
    .option('--force', 'overwrite a configuration that is there', false)
    .action(async (dir: string, given: Given<'init'>) => done(await commands.init(dir, given)));

  program
    .command('run')
    .description('run the gateway until SIGTERM or Ctrl-C; prints one line {"ready":true,…} when it accepts work')
    .addOption(configOption())
    .action(async (given: Given<'run'>) => done(await commands.run(given)));

  program
    .command('check')
    .description('find every fault in the configuration, rules, models and cameras at once; changes nothing')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (given: Given<'check'>) => done(await commands.check(given)));

  const desk = program
    .command('desk')
    .description('run the station\'s inbox; prints one line {"ready":true,…} when it accepts work')
    .addOption(configOption().default('desk.yaml'))
    .action(async (given: Given<'desk'>) => done(await commands.desk(given)));

  addDeskCommands(program, desk, commands, done);

  program
    .command('demo')
    .description('everything on one machine: simulated cameras (real RTSP), piles, sensors, the gateway and a desk')
    .option('--once', 'run one story, compare what was seen with what happened, exit 0 or 1', false)
    .option('--seed <n>', 'which story (default: a new one each time)')
    .option('--keep', 'keep the data directory afterwards', false)
    .action(async (given: Given<'demo'>) => done(await commands.demo(given)));

  program
    .command('inspect')
    .argument('<file...>', 'pictures (JPEG, PNG, WebP, …) or videos')
    .description(
      'plates and faces in pictures or video, for trying a camera angle; the same code that live cameras use',
    )
    .option('--crop', 'each picture is one plate, cut out', false)
    .option('--models <dir>', 'folder with manifest.json')
    .option('--camera <id>', 'look as this camera of the configuration does: its zones, direction and sensitivity')
    .addOption(configOption())
    .option(
      '--start <time>',
      "when a video's first picture was taken (RFC 3339); absent: its creation_time, or its last change less its length",
    )
    .addOption(jsonOption())
    .action(async (files: string[], given: Given<'inspect'>) => done(await commands.inspect(files, given)));

  addModels(program, commands, done);
  addRules(program, commands, done);
  addDevices(program, commands, done);
  addUsers(program, commands, done);
  addAlerts(program, commands, done);
  addDeliveries(program, commands, done, { config: configOption, json: jsonOption });
  addBackup(program, commands, done, { config: configOption, json: jsonOption });
  return program;
}

function addModels(program: Command, commands: Commands, done: (code: ExitCode) => void): void {
  const models = program.command('models').description('the networks that read plates and see faces');
  const dirOption = (): Option =>
    new Option('--models <dir>', 'folder with manifest.json (default: the one that comes with Kanmen)');
  models
    .command('list')
    .description('every model of the manifest: what it is for, whether it is used, whether it is here and right')
    .addOption(dirOption())
    .addOption(jsonOption())
    .action(async (given: Given<'modelsList'>) => done(await commands.modelsList(given)));
  models
    .command('pull')
    .argument('<id...>', 'as models list names them')
    .description('fetch models from their pinned addresses; what is not what the manifest says is refused')
    .addOption(dirOption())
    .addOption(jsonOption())
    .action(async (ids: string[], given: Given<'modelsPull'>) => done(await commands.modelsPull(ids, given)));
  models
    .command('add')
    .argument('<file...>', 'model files brought by hand, for machines without a network')
    .description('put model files in their places; each is known by its sha256')
    .addOption(dirOption())
    .addOption(jsonOption())
    .action(async (files: string[], given: Given<'modelsAdd'>) => done(await commands.modelsAdd(files, given)));
  models
    .command('verify')
    .description('whether every model is here and is what the manifest says; exit 1 if not')
    .addOption(dirOption())
    .addOption(jsonOption())
    .action(async (given: Given<'modelsVerify'>) => done(await commands.modelsVerify(given)));
}

function addRules(program: Command, commands: Commands, done: (code: ExitCode) => void): void {
  const rules = program.command('rules').description('what raises an alert: look, try, change');
  rules
    .command('list')
    .description('the rules in force: tier, what they listen to, who is told; with counts where the gateway runs')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (given: Given<'rulesList'>) => done(await commands.rulesList(given)));
  rules
    .command('show')
    .argument('<id>')
    .description('one rule: why it is there, where its threshold comes from, its document')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (id: string, given: Given<'rulesShow'>) => done(await commands.rulesShow(id, given)));
  rules
    .command('test')
    .argument('[file...]', 'only these rules, such as a draft')
    .description("run every rule's own examples")
    .option('--dir <dir>', 'folder of rules (default: the one the configuration names, or the pack that ships)')
    .option('-c, --config <file>', 'configuration file')
    .addOption(jsonOption())
    .action(async (files: string[], given: Given<'rulesTest'>) => done(await commands.rulesTest(files, given)));
  rules
    .command('backtest')
    .description('what the rules would have raised on what was recorded, against what was raised')
    .option('--since <when>', 'a duration back from now (30d) or a time (2026-11-01T00:00)', '30d')
    .option('--until <when>', 'a duration back from now or a time; default: now')
    .option('--rule <file...>', 'only this draft; it takes the place of the rule of the same id')
    .option('--only <id...>', 'only these rules of the set')
    .option('--threads <n>', 'areas are shared out over so many threads', '2')
    .option('--all', 'print every line, not the first 100', false)
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (given: Given<'rulesBacktest'>) => done(await commands.rulesBacktest(given)));
  rules
    .command('reload')
    .description('have the running gateway read its rules anew; a wrong set is refused whole and the old one stays')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (given: Given<'rulesReload'>) => done(await commands.rulesReload(given)));
  rules
    .command('apply')
    .argument('<proposal>', 'id of a proposal, as kanmen alerts show prints it')
    .description(
      "put a change that a false alarm suggested in force: written into the rule's file, loaded whole, on record",
    )
    .requiredOption('--by <name>', 'who decided it')
    .requiredOption('--why <text>', 'why, for those who read the file later')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (id: string, given: Given<'rulesApply'>) => done(await commands.rulesApply(id, given)));
}

function addDevices(program: Command, commands: Commands, done: (code: ExitCode) => void): void {
  const devices = program
    .command('devices')
    .description('charging piles and fire sensors that may speak to this gateway');
  const key = ['<class/id>', 'charger/<id> or fire/<id>, as in its MQTT user name'] as const;
  devices
    .command('add')
    .argument('<class/id...>', 'charger/<id> or fire/<id>; several at once give one line each')
    .description('let devices in; each password is shown once')
    .option('--area <id>', 'where it stands')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (keys: string[], given: Given<'devicesAdd'>) => done(await commands.devicesAdd(keys, given)));
  devices
    .command('list')
    .description('every device, when it was last heard, and its last fault')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (given: Given<'devicesList'>) => done(await commands.devicesList(given)));
  devices
    .command('remove')
    .argument(...key)
    .description('shut a device out; it is disconnected at once')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (id: string, given: Given<'devicesRemove'>) => done(await commands.devicesRemove(id, given)));
  devices
    .command('rotate')
    .argument(...key)
    .description('give a device a new password; the old one ends at once')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (id: string, given: Given<'devicesRotate'>) => done(await commands.devicesRotate(id, given)));
  devices
    .command('last-fault')
    .argument(...key)
    .description('the last message of a device that could not be used, and why')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (id: string, given: Given<'devicesLastFault'>) => done(await commands.devicesLastFault(id, given)));
}

function addUsers(program: Command, commands: Commands, done: (code: ExitCode) => void): void {
  const users = program
    .command('users')
    .description("people who may sign in; works on a gateway's and a desk's configuration");
  const passwordFile = (): Option =>
    new Option(
      '--password-file <file>',
      'file that holds the password (- for standard input); without it a new one is made and shown once',
    );
  users
    .command('add')
    .argument('<name>')
    .description('let a person in')
    .option(
      '--role <role>',
      'admin: everything; manager: answers alerts; viewer: looks; at a desk also leader, duty, community',
      'viewer',
    )
    .addOption(passwordFile())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (name: string, given: Given<'usersAdd'>) => done(await commands.usersAdd(name, given)));
  users
    .command('list')
    .description('everyone who may sign in')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (given: Given<'usersList'>) => done(await commands.usersList(given)));
  users
    .command('remove')
    .argument('<name>')
    .description('shut a person out')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (name: string, given: Given<'usersRemove'>) => done(await commands.usersRemove(name, given)));
  users
    .command('password')
    .argument('<name>')
    .description('give a person a new password')
    .addOption(passwordFile())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (name: string, given: Given<'usersPassword'>) => done(await commands.usersPassword(name, given)));
}

function addAlerts(program: Command, commands: Commands, done: (code: ExitCode) => void): void {
  const alerts = program
    .command('alerts')
    .description("alerts and their lives; works on a gateway's and a desk's configuration");
  alerts
    .command('list')
    .description('open alerts, worst first; those that are closed or were false alarms only with --all')
    .option('--all', 'ended ones too', false)
    .option('--limit <n>', 'at most so many', '1000')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (given: Given<'alertsList'>) => done(await commands.alertsList(given)));
  alerts
    .command('show')
    .argument('<id>')
    .description('one alert: facts, life, who was told, receipts, answers')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (id: string, given: Given<'alertsShow'>) => done(await commands.alertsShow(id, given)));
  alerts
    .command('answer')
    .argument('<id>')
    .description('any of the answers below by its kind (a gateway must be running; a desk need not)')
    .addOption(
      new Option('--kind <kind>', 'what you say')
        .choices(['acknowledged', 'progress', 'outcome', 'transferred', 'revisit'])
        .default('acknowledged'),
    )
    .addOption(new Option('--outcome <outcome>', 'with --kind outcome').choices(['true', 'false-alarm', 'drill']))
    .requiredOption('--by <name>', 'who says it')
    .option('--text <text>', 'in words', '')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (id: string, given: Given<'alertsAnswer'>) => done(await commands.alertsAnswer(id, given)));
  const answer = (name: string, description: string, text: 'optional' | 'needed'): Command => {
    const command = alerts
      .command(name)
      .argument('<id>')
      .description(description)
      .requiredOption('--by <name>', 'who says it')
      .addOption(configOption())
      .addOption(jsonOption());
    return text === 'needed'
      ? command.requiredOption('--text <text>', 'in words')
      : command.option('--text <text>', 'in words', '');
  };
  answer('ack', 'take it on: whoever does first owns it until it is handed over', 'optional').action(
    async (id: string, given: Given<'alertsAck'>) => done(await commands.alertsAck(id, given)),
  );
  answer('note', 'say how it goes on', 'needed')
    .option('--steady', 'it is under control; red alerts ask for no more notes', false)
    .option('--hand-to <name>', 'somebody else has it from now on')
    .action(async (id: string, given: Given<'alertsNote'>) => done(await commands.alertsNote(id, given)));
  answer('resolve', 'say what it turned out to be', 'needed')
    .addOption(
      new Option('--outcome <outcome>', 'what it was').choices(['true', 'false-alarm', 'drill']).default('true'),
    )
    .action(async (id: string, given: Given<'alertsResolve'>) => done(await commands.alertsResolve(id, given)));
  answer('transfer', 'give it to another department, with its own deadlines; it is followed until it ends', 'needed')
    .requiredOption('--to <recipient>', 'id or name of the recipient who is to have it')
    .action(async (id: string, given: Given<'alertsTransfer'>) => done(await commands.alertsTransfer(id, given)));
  answer('close', 'tell the revisit; red and orange close with it once both sides have answered', 'needed')
    .option('--unsolved', 'the revisit found it unsolved: it is opened again', false)
    .action(async (id: string, given: Given<'alertsClose'>) => done(await commands.alertsClose(id, given)));
}
