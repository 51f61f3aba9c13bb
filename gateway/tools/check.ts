import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { exitCodes, formatJsonLines, type Commands } from '../cli/index.ts';
import { faultsOf, formatFault, loadConfiguration, type Fault, type GatewayConfiguration } from '../config/index.ts';
import { openChannels } from '../channels/index.ts';
import { loadEvidenceKeys } from '../evidence/index.ts';
import { codeOf, messageOf } from '../lib/errors.ts';
import { shippedModelsDir, verifyModels } from '../perceive/index.ts';
import { createRegister } from '../register/index.ts';
import { createRules } from '../rules/index.ts';
import type { ToolContext } from './context.ts';

const reachMs = 3000;

/** `kanmen check`: everything that can be known before the gateway runs, all at once; changes nothing. */
export function createCheckCommand(context: ToolContext): Pick<Commands, 'check'> {
  const { out, err } = context;
  return {
    check: async ({ config: file, json }) => {
      const loaded = loadConfiguration(file);
      const faults = loaded.ok
        ? await faultsBehind(context, file, loaded.value)
        : [...loaded.faults, ...ruleFaults(context, null)];
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

async function faultsBehind(context: ToolContext, file: string, configuration: GatewayConfiguration): Promise<Fault[]> {
  const of = (path: string, value: string | null, error: unknown): Fault[] => {
    const inside = faultsOf(error);
    return inside.length > 0
      ? [...inside]
      : [{ file, line: null, column: null, path, value, message: messageOf(error), allowed: null }];
  };
  return [
    ...ruleFaults(context, configuration),
    ...(await verifyModels(configuration.models.dir ?? shippedModelsDir())).flatMap((error) =>
      of('models.dir', configuration.models.dir ?? null, error),
    ),
    ...(await attempt(() => openAndClose(context, configuration))).flatMap((error) => of('channels', null, error)),
    ...(await attempt(() => readRegister(context, configuration))).flatMap((error) =>
      of('register.vehiclesFile', configuration.register.vehiclesFile ?? null, error),
    ),
    ...(await attempt(() => readKeys(context, configuration))).flatMap((error) =>
      of('evidence.keyFile', configuration.evidence.keyFile ?? null, error),
    ),
    ...(await unreachableCameras(file, configuration)),
  ];
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

/** Faults of the rules; of the pack that ships where the configuration could not be read so far. */
function ruleFaults(context: ToolContext, configuration: GatewayConfiguration | null): Fault[] {
  if (!configuration) return [];
  const source = configuration.rules.dir ?? fileURLToPath(new URL('rules', context.installDir));
  try {
    createRules({
      source,
      timeZone: configuration.alerts.timeZone,
      options: configuration.rules,
      logger: context.logger,
    });
    return [];
  } catch (error) {
    const faults = faultsOf(error);
    return faults.length > 0
      ? [...faults]
      : [{ file: source, line: null, column: null, path: '', value: null, message: messageOf(error), allowed: null }];
  }
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
    evidence: { read: () => Promise.resolve(null), url: () => null },
    clock,
    random,
    logger,
  });
  channels.close();
}

async function readRegister({ clock, logger }: ToolContext, configuration: GatewayConfiguration): Promise<void> {
  const register = createRegister({
    options: configuration.register,
    timeZone: configuration.alerts.timeZone,
    clock,
    logger,
  });
  await register.start(new AbortController().signal);
  await register.stop();
}

function readKeys({ random }: ToolContext, { evidence }: GatewayConfiguration): void {
  // Without a named key one is made at the first start; there is nothing to check yet.
  if (evidence.keyFile !== undefined) loadEvidenceKeys(evidence, evidence.keyFile, random);
}

/** Cameras whose address does not even take a TCP connection. Whether the password fits shows only when it runs. */
async function unreachableCameras(file: string, { cameras }: GatewayConfiguration): Promise<Fault[]> {
  const tried = await Promise.all(
    cameras.map(async ({ url }, index): Promise<Fault | null> => {
      const { protocol, hostname, port } = new URL(url);
      if (protocol === 'file:') return null;
      const usual: Readonly<Record<string, number>> = { 'rtsp:': 554, 'rtsps:': 322, 'http:': 80, 'https:': 443 };
      const reason = await cannotConnect(
        hostname.replace(/^\[|\]$/g, ''),
        port === '' ? (usual[protocol] ?? 554) : Number(port),
      );
      return reason === null
        ? null
        : {
            file,
            line: null,
            column: null,
            path: `cameras[${index}].url`,
            value: hostname,
            message: `the camera cannot be reached (${reason})`,
            allowed: 'an address that answers from here',
          };
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
