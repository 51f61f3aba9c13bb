import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join, resolve } from 'node:path';
import { input } from '@inquirer/prompts';
import { exitCodes, type Commands, type ExitCode, type InitOptions } from '../cli/index.ts';
import { deskTemplate, gatewayTemplate, loadConfiguration, loadDesk } from '../config/index.ts';
import { idPattern } from '../domain/ids.ts';
import { withDeskTools } from '../desk.ts';
import { newEvidenceKey } from '../evidence/index.ts';
import { argon2Passwords } from '../lib/passwords.ts';
import { createUsers, makeCertificates } from '../provisioning/index.ts';
import { commandLineActor, makePassword, printFaults, reported, withStore, type ToolContext } from './context.ts';

export function createInitCommand(context: ToolContext): Pick<Commands, 'init'> {
  return {
    init: (dir, options) =>
      reported(context, () => (options.desk ? initDesk(context, dir, options) : initGateway(context, dir, options))),
  };
}

/** Asks at a terminal; takes the default where nobody can answer. */
async function ask(
  context: ToolContext,
  options: InitOptions,
  message: string,
  fallback: string,
  validate: (text: string) => true | string,
): Promise<string> {
  if (options.yes || context.stdin.isTTY !== true) return fallback;
  return input({ message, default: fallback, validate });
}

const anId = (text: string): true | string =>
  idPattern.test(text) || 'letters, digits, - _ . and at most 64, beginning with a letter or digit';
const aName = (text: string): true | string =>
  (text.trim() !== '' && text.length <= 100) || 'some words, at most 100 letters';

async function initGateway(context: ToolContext, dir: string, options: InitOptions): Promise<ExitCode> {
  const { out, err, clock, random } = context;
  const siteId =
    options.site ??
    (await ask(context, options, 'Id of the compound (stands in every MQTT topic) 小区编号', 'my-community', anId));
  const siteName =
    options.name ?? (await ask(context, options, 'Its name as people say it 小区名称', '我的小区', aName));
  const admin = options.admin ?? (await ask(context, options, 'Name of the first admin 管理员', 'admin', anId));
  for (const [text, check] of [
    [siteId, anId],
    [siteName, aName],
    [admin, anId],
  ] as const) {
    const verdict = check(text);
    if (verdict !== true) {
      err(`"${text}": ${verdict}\n`);
      return exitCodes.wrongUse;
    }
  }
  const folder = resolve(dir);
  const file = join(folder, 'kanmen.yaml');
  if (refuseToOverwrite(context, file, options)) return exitCodes.failed;
  const keys = join(folder, 'keys');
  mkdirSync(keys, { recursive: true, mode: 0o700 });
  writeOnce(join(keys, 'evidence.key'), newEvidenceKey(random));
  writeOnce(join(keys, 'station.secret'), newSecret(random));
  const certificates = await makeCertificates({ folder: keys, site: siteId, names: ownNames(), now: clock.now() });
  writeFileSync(file, gatewayTemplate({ siteId, siteName, gatewayId: `gw-${siteId}`.slice(0, 64) }), { mode: 0o600 });
  const loaded = loadConfiguration(file);
  if (!loaded.ok) return printFaults(loaded.faults, err);
  const password = makePassword(random);
  const code = await withStore(context, loaded.value, async (store) => {
    const users = createUsers({ reads: store, commit: store.commit, clock, random });
    if (store.user(admin)) await users.setPassword(admin, password, commandLineActor);
    else await users.add(admin, 'admin', password, commandLineActor);
    return exitCodes.fine;
  });
  out(`made      ${file}
keys      ${keys}   (keep a copy: without evidence.key no picture can be opened)
devices   trust ${certificates.caCertFile}   (${certificates.caFingerprint})
station   shares ${join(keys, 'station.secret')}   (give it to the station; named in channels, where the comment shows)
admin     ${admin}
password  ${password}   (shown once, kept nowhere)

next      kanmen check -c ${file}
          kanmen run -c ${file}
`);
  return code;
}

async function initDesk(context: ToolContext, dir: string, options: InitOptions): Promise<ExitCode> {
  const { out, err, clock, random, logger } = context;
  const title = options.name ?? (await ask(context, options, 'Name of the station 单位名称', '值班台', aName));
  const admin = options.admin ?? (await ask(context, options, 'Name of the first admin 管理员', 'admin', anId));
  const folder = resolve(dir);
  const file = join(folder, 'desk.yaml');
  if (refuseToOverwrite(context, file, options)) return exitCodes.failed;
  mkdirSync(join(folder, 'keys'), { recursive: true, mode: 0o700 });
  writeFileSync(file, deskTemplate(title), { mode: 0o600 });
  const loaded = loadDesk(file);
  if (!loaded.ok) return printFaults(loaded.faults, err);
  const password = makePassword(random);
  await withDeskTools({ config: loaded.value, clock, logger, passwords: argon2Passwords }, async ({ users }) => {
    if (await users.find(admin)) await users.setPassword(admin, password);
    else await users.add(admin, 'admin', password);
  });
  out(`made      ${file}
admin     ${admin}
password  ${password}   (shown once, kept nowhere)

next      kanmen desk -c ${file}
          kanmen desk invite <id> --name <compound> --url <how gateways reach this desk> -c ${file}
`);
  return exitCodes.fine;
}

function refuseToOverwrite(context: ToolContext, file: string, { force }: InitOptions): boolean {
  if (force || !existsSync(file)) return false;
  context.err(`${file} is there already; --force overwrites it (keys and data are kept)\n`);
  return true;
}

/** Keys are never overwritten: what they sealed would be lost. */
function writeOnce(file: string, content: string): void {
  if (!existsSync(file)) writeFileSync(file, content, { mode: 0o600, flag: 'wx' });
}

const newSecret = (random: ToolContext['random']): string =>
  `whsec_${Buffer.from(random.bytes(32)).toString('base64')}\n`;

/** Names and addresses that devices on the local network may know this machine by. */
function ownNames(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).filter(({ internal }) => !internal).map(({ address }) => address.replace(/%.*$/, '')),
  );
  return [...new Set(['localhost', hostname(), '127.0.0.1', ...addresses])];
}
