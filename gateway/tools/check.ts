import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { coverageFaults } from '../alerts/index.ts';
import { alertsOptions } from '../alerts/options.ts';
import { ruleDocuments } from '../app/rule-documents.ts';
import { openChannels } from '../channels/index.ts';
import { exitCodes, formatJsonLines, type Commands } from '../cli/index.ts';
import {
  configurationKind,
  faultsOf,
  formatFault,
  formatPath,
  loadConfiguration,
  loadDesk,
  type Fault,
  type GatewayConfiguration,
  type Locate,
} from '../config/index.ts';
import { knownGateways } from '../desk.ts';
import { checkEvidenceKeys, loadEvidenceKeys } from '../evidence/index.ts';
import { codeOf, messageOf } from '../lib/errors.ts';
import { silentLogger } from '../lib/logger.ts';
import { shippedModelsDir, verifyModels } from '../perceive/index.ts';
import { createRegister } from '../register/index.ts';
import { createRules, readRuleFolders, ruleFolders, settingsFile, type RulesOptions } from '../rules/index.ts';
import { rulesOptions } from '../rules/options.ts';
import type { ToolContext } from './context.ts';
import { ruleFoldersOf, shippedRules } from './rules.ts';

const reachMs = 3000;

/** `kanmen check`: everything that can be known before it runs, all at once; changes nothing. */
export function createCheckCommand(context: ToolContext): Pick<Commands, 'check'> {
  const { out, err } = context;
  return {
    check: async ({ config: file, json }) => {
      const faults = configurationKind(file) === 'desk' ? deskFaults(file) : await gatewayFaults(context, file);
      if (json) out(formatJsonLines(faults));
      else for (const fault of faults) out(`${formatFault(fault)}\n`);
      if (faults.length > 0) {
        err(`${faults.length} fault${faults.length === 1 ? '' : 's'}\n`);
        return exitCodes.wrongConfiguration;
      }
      if (!json) out(`${file}: no fault found\n`);
      return exitCodes.fine;
    },
  };
}

function deskFaults(file: string): Fault[] {
  const loaded = loadDesk(file);
  if (!loaded.ok) return [...loaded.faults];
  return loaded.value.gateways.flatMap((gateway, index) => {
    try {
      knownGateways({ ...loaded.value, gateways: [gateway] });
      return [];
    } catch (error) {
      return faultsFrom(loaded, ['gateways', index, 'secretFile'], gateway.secretFile, error);
    }
  });
}

async function gatewayFaults(context: ToolContext, file: string): Promise<Fault[]> {
  const loaded = loadConfiguration(file);
  // Rules are told together with what is wrong in the configuration: nobody wants to hear of them a round later.
  if (!loaded.ok) return [...loaded.faults, ...ruleFaults(context, loaded, rulesStanding(loaded.standing))];
  const { value } = loaded;
  const found = async (path: Path, given: string | null, work: () => Promise<void> | void): Promise<Fault[]> =>
    (await attempt(work)).flatMap((error) => faultsFrom(loaded, path, given, error));
  return [
    ...ruleFaults(context, loaded, {
      options: value.rules,
      timeZone: value.alerts.timeZone,
      dataDir: value.dataDir,
    }),
    ...audienceFaults(context, loaded, value),
    ...(await verifyModels(value.models.dir ?? shippedModelsDir(), value.models.use)).flatMap((error) =>
      faultsFrom(loaded, ['models', 'dir'], value.models.dir ?? null, error),
    ),
    ...(await found(['channels'], null, () => openAndClose(context, value))),
    ...(await registerFaults(context, value)),
    ...(await found(['evidence', 'keyFile'], value.evidence.keyFile ?? null, () => checkKeys(value))),
    ...(await unreachableCameras(loaded, value)),
  ];
}

type Path = readonly (string | number)[];
interface Place {
  readonly file: string;
  readonly locate: Locate;
}

/** A fault of what the file names at `path`. */
function faultAt(
  { file, locate }: Place,
  path: Path,
  { value, message, allowed }: Pick<Fault, 'value' | 'message' | 'allowed'>,
): Fault {
  const place = locate(path);
  return {
    ...{ file, line: place?.line ?? null, column: place?.column ?? null },
    ...{ path: formatPath(path), value, message, allowed },
  };
}

/** The faults that an error lists, or the error as one. */
function faultsFrom(place: Place, path: Path, value: string | null, error: unknown): Fault[] {
  const inside = faultsOf(error);
  return inside.length > 0 ? [...inside] : [faultAt(place, path, { value, message: messageOf(error), allowed: null })];
}

/** The error that `work` threw, as a list of at most one. */
async function attempt(work: () => Promise<void> | void): Promise<unknown[]> {
  try {
    await work();
    return [];
  } catch (error) {
    return [error];
  }
}

interface RulesToCheck {
  readonly options: RulesOptions;
  readonly timeZone: string;
  /** Null where the configuration does not say. */
  readonly dataDir: string | null;
}

/** As much of `rules`, `alerts.timeZone` and `dataDir` as can be understood in a configuration with faults. */
function rulesStanding(standing: unknown): RulesToCheck {
  const under = (value: unknown, key: string): unknown =>
    typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
  const given = under(standing, 'rules') ?? {};
  const timeZone = alertsOptions.shape.timeZone.safeParse(under(under(standing, 'alerts'), 'timeZone'));
  const whole = rulesOptions.safeParse(given);
  const dataDir = under(standing, 'dataDir');
  const dir = rulesOptions.shape.dir.safeParse(under(given, 'dir'));
  return {
    options: whole.data ?? rulesOptions.parse({ dir: dir.data ?? null }),
    timeZone: timeZone.data ?? alertsOptions.parse({}).timeZone,
    dataDir: typeof dataDir === 'string' ? dataDir : null,
  };
}

function ruleFaults(context: ToolContext, place: Place, { options, timeZone, dataDir }: RulesToCheck): Fault[] {
  const folders = ruleFolders({ dir: options.dir, shipped: shippedRules(context), dataDir });
  try {
    createRules({ source: folders, timeZone, options, logger: context.logger });
    return [];
  } catch (error) {
    // What a site sets for single rules stands in the configuration, not in a rule's own document.
    return faultsFrom(place, ['rules', 'dir'], folders.pack, error).map((fault) =>
      fault.file === settingsFile ? faultAt(place, fault.path.split('.'), fault) : fault,
    );
  }
}

/** Hours at which a rule in force would reach nobody. A set of rules with faults of its own has told them already. */
function audienceFaults(context: ToolContext, place: Place, configuration: GatewayConfiguration): Fault[] {
  const { rules: options, alerts, recipients, duty, grids } = configuration;
  const source = ruleFoldersOf(context, configuration);
  let rules: ReturnType<ReturnType<typeof createRules>['list']>;
  try {
    rules = createRules({ source, timeZone: alerts.timeZone, options, logger: silentLogger }).list();
  } catch {
    return [];
  }
  const documents = ruleDocuments(readRuleFolders(source));
  const inForce = rules.filter(({ enabled }) => enabled).flatMap(({ id }) => documents.get(id) ?? []);
  const found = coverageFaults({
    rules: inForce,
    recipients,
    calendars: duty,
    grids: grids.map(({ id }) => id),
    timeZone: alerts.timeZone,
    now: context.clock.now(),
  });
  return found.map(({ rules: ids, grid, when, wouldWake }) => {
    const shown = ids.slice(0, 3).join(', ') + (ids.length > 3 ? ` and ${ids.length - 3} more` : '');
    const where = grid === null ? '' : ` in grid ${grid}`;
    return faultAt(place, ['recipients'], {
      value: when,
      message:
        wouldWake.length === 0
          ? `nobody is told: ${ids.length} rules in force (${shown}) have no recipient at all`
          : `nobody on duty would be told${where} by ${shown}; ${wouldWake.join(', ')} would be told outside their hours`,
      allowed:
        wouldWake.length === 0
          ? 'at least one recipient; its channel says how it is reached'
          : 'a recipient without duty hours, a stand-in, or shifts that leave no hour of the week open',
    });
  });
}

async function openAndClose(
  { clock, random, logger }: ToolContext,
  configuration: GatewayConfiguration,
): Promise<void> {
  const channels = await openChannels(configuration.channels, {
    recipients: configuration.recipients,
    baseDir: '/',
    source: '/',
    timeZone: configuration.alerts.timeZone,
    evidence: { read: () => Promise.resolve(null) },
    clock,
    random,
    logger,
  });
  channels.close();
}

/** Faults of the file of vehicles. A gateway runs without it; who asks for a check wants to hear of them. */
async function registerFaults({ clock }: ToolContext, configuration: GatewayConfiguration): Promise<Fault[]> {
  const file = configuration.register.vehiclesFile;
  if (file === undefined) return [];
  const { register: options, alerts } = configuration;
  const register = createRegister({ options, timeZone: alerts.timeZone, clock, logger: silentLogger });
  await register.start(new AbortController().signal);
  await register.stop();
  return register.status().faults.map(({ line, reason }) => ({
    ...{ file, line: line === 0 ? null : line, column: null },
    ...{ path: '', value: null, message: reason, allowed: null },
  }));
}

/** A key that is made at the first start is not missed before; one that is gone, or not the one that sealed, is. */
async function checkKeys({ evidence, dataDir }: GatewayConfiguration): Promise<void> {
  const place = { dir: join(dataDir, 'evidence'), ownFile: join(dataDir, 'evidence.key') };
  await checkEvidenceKeys(place.dir, loadEvidenceKeys(evidence, place, null), { note: false });
}

/** Cameras whose address does not even take a TCP connection. Whether the password fits shows only when it runs. */
async function unreachableCameras(place: Place, { cameras }: GatewayConfiguration): Promise<Fault[]> {
  const tried = await Promise.all(
    cameras.map(async ({ url }, index): Promise<Fault | null> => {
      const { protocol, hostname, port } = new URL(url);
      if (protocol === 'file:') {
        const path = fileURLToPath(url);
        return existsSync(path)
          ? null
          : faultAt(place, ['cameras', index, 'url'], {
              value: path,
              message: 'the video file does not exist',
              allowed: 'a file that the gateway may read; file:clip.mp4 lies beside this configuration',
            });
      }
      const usual: Readonly<Record<string, number>> = { 'rtsp:': 554, 'rtsps:': 322, 'http:': 80, 'https:': 443 };
      const reason = await cannotConnect(
        hostname.replace(/^\[|\]$/g, ''),
        port === '' ? (usual[protocol] ?? 554) : Number(port),
      );
      return reason === null
        ? null
        : faultAt(place, ['cameras', index, 'url'], {
            value: hostname,
            message: `the camera cannot be reached (${reason})`,
            allowed: 'an address that answers from here',
          });
    }),
  );
  return tried.filter((fault) => fault !== null);
}

function cannotConnect(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (reason: string | null): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.setTimeout(reachMs, () => end('no answer within 3 s'));
    socket.once('connect', () => end(null));
    socket.once('error', (error) => end(codeOf(error) ?? 'error'));
  });
}
