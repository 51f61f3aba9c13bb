import { renderUnicodeCompact } from 'uqr';
import { exitCodes, formatJsonLines, formatTable, type Commands, type ExitCode } from '../cli/index.ts';
import { loadDesk } from '../config/index.ts';
import { withDeskTools, type DeskTools } from '../desk.ts';
import { idPattern } from '../domain/ids.ts';
import type { DeskOptions } from '../inbox/options.ts';
import { GatewayError } from '../lib/errors.ts';
import { commandLineActor, printFaults, reported, type ToolContext } from './context.ts';

type DeskSide = Pick<Commands, 'deskInvite' | 'deskGateways' | 'deskRevoke' | 'deskAuditVerify'>;

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** `kanmen desk …`: works beside a desk that runs, and on one that does not. */
export function createDeskCommands(context: ToolContext): DeskSide {
  const { out, err, clock, logger, random } = context;
  const withTools = (
    file: string,
    work: (tools: DeskTools, config: DeskOptions) => Promise<ExitCode>,
  ): Promise<ExitCode> => {
    const loaded = loadDesk(file);
    if (!loaded.ok) return Promise.resolve(printFaults(loaded.faults, err));
    const { value: config } = loaded;
    return reported(context, () => withDeskTools({ config, clock, logger, random }, (tools) => work(tools, config)));
  };

  return {
    deskInvite: (id, { config: file, name, url, json }) =>
      withTools(file, async ({ invites }, config) => {
        if (!idPattern.test(id)) {
          err('an id: letters, digits, _ . -, up to 64, beginning with a letter or digit\n');
          return exitCodes.wrongUse;
        }
        const { host, port } = config.listen;
        const deskUrl = url ?? config.publicUrl ?? `${config.tls ? 'https' : 'http'}://${host}:${port}`;
        if (!URL.canParse(deskUrl)) {
          err(`not an address: ${deskUrl}\n`);
          return exitCodes.wrongUse;
        }
        if (url === undefined && config.publicUrl === undefined)
          err(`--url or publicUrl is not given; a gateway elsewhere will hardly reach ${deskUrl}\n`);
        const invited = await invites.create({ id, name: name ?? id }, commandLineActor, deskUrl.replace(/\/$/, ''));
        if (json) {
          out(formatJsonLines([{ gateway: id, code: invited.code, link: invited.link, expiresAt: invited.expiresAt }]));
          return exitCodes.fine;
        }
        out(`${renderUnicodeCompact(invited.link)}
code      ${invited.code}   (once, until ${invited.expiresAt})
gateway   kanmen pair ${invited.link} -c kanmen.yaml
`);
        return exitCodes.fine;
      }),
    deskGateways: ({ config, json }) =>
      withTools(config, ({ gateways }) => {
        const rows = gateways.all().map((entry) => ({
          id: entry.id,
          name: entry.name,
          joined: entry.revokedAt !== null ? 'revoked' : entry.joined,
          joinedAt: iso(entry.joinedAt),
          keysChangedAt: iso(entry.keysChangedAt),
          revokedAt: iso(entry.revokedAt),
        }));
        if (json) out(formatJsonLines(rows));
        else if (rows.length === 0) err('none yet: kanmen desk invite <id> --name <compound>\n');
        else out(formatTable(rows, { id: 'id', name: 'name', joined: 'joined', joinedAt: 'since' }));
        return Promise.resolve(exitCodes.fine);
      }),
    deskRevoke: (id, { config, reason, json }) =>
      withTools(config, async ({ gateways }) => {
        if (!(await gateways.revoke(id, reason, commandLineActor))) {
          throw new GatewayError('gateway.unknown', `there is no gateway ${id} at this desk`, { facts: { id } });
        }
        out(json ? formatJsonLines([{ revoked: id }]) : `${id} is shut out; its alerts stay\n`);
        return exitCodes.fine;
      }),
    deskAuditVerify: ({ config, hash, json }) =>
      withTools(config, async ({ audit }) => {
        const verdict = await audit.verify();
        const known = hash === undefined || (verdict.kind === 'intact' && (await audit.has(hash)));
        if (json) out(formatJsonLines([{ ...verdict, ...(hash === undefined ? {} : { hashKnown: known }) }]));
        else if (verdict.kind === 'broken') err(`broken at line ${verdict.seq}: ${verdict.why}\n`);
        else out(`intact: ${verdict.rows} lines, last hash ${verdict.lastHash}\n`);
        if (!known && verdict.kind === 'intact') err(`the hash ${hash} is not in the log: lines were cut off\n`);
        return verdict.kind === 'intact' && known ? exitCodes.fine : exitCodes.failed;
      }),
  };
}
