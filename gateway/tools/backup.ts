import { createWriteStream, existsSync, readdirSync, statSync } from 'node:fs';
import { access, link, mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { packTar, type FileSource, type TarSource } from 'modern-tar/fs';
import { exitCodes, formatJsonLines, type Commands } from '../cli/index.ts';
import { namedPaths } from '../config/index.ts';
import { withDeskTools } from '../desk.ts';
import { openConnection } from '../lib/database/sqlite.ts';
import { codeOf, GatewayError } from '../lib/errors.ts';
import { formatSize } from '../lib/quantities.ts';
import { encrypterFor, manifestName, type Manifest } from './backup-form.ts';
import { commandLineActor, makePassword, readPassword, withEither, withStore, type ToolContext } from './context.ts';

/** Room that is left on the disk besides the copy of the database, so that a gateway that runs meanwhile is not short of it. */
const roomBytes = 200_000_000;
const dayMs = 86_400_000;
/** What stands in the data directory only while a backup is made. */
const workName = '.backup-';
/** Belongs to the process that runs, or is copied in another way. */
const leftOut = (name: string): boolean => /\.sqlite(-wal|-shm)?$|^run\.json|^\.backup-|\.reserve$|\.part$/.test(name);

interface Whole {
  readonly kind: 'gateway' | 'desk';
  readonly name: string;
  readonly dataDir: string;
  /** Null where it is PostgreSQL. */
  readonly database: string | null;
}

export function createBackupCommand(context: ToolContext): Pick<Commands, 'backup'> {
  const { out, err, clock, logger, random, version } = context;

  return {
    backup: (options) =>
      withEither(context, options.config, async (opened) => {
        const { value } = opened.loaded;
        const whole: Whole =
          opened.kind === 'gateway'
            ? {
                kind: 'gateway',
                name: opened.loaded.value.site.name,
                dataDir: value.dataDir,
                database: 'kanmen.sqlite',
              }
            : {
                ...{ kind: 'desk', name: opened.loaded.value.title, dataDir: value.dataDir },
                database: opened.loaded.value.database.kind === 'sqlite' ? 'desk.sqlite' : null,
              };
        const recipients = options.recipient ?? [];
        const given = recipients.length > 0 ? null : await readPassword(context, options.passphraseFile);
        const passphrase = given ?? makePassword(random);
        const encrypter = encrypterFor(recipients.length > 0 ? { recipients } : { passphrase });
        const madeAt = new Date(clock.now()).toISOString();
        const file = resolve(
          options.output ?? `kanmen-${whole.kind}-${madeAt.slice(0, 19).replaceAll(/[-:]/g, '')}.tar.gz.age`,
        );
        if (existsSync(file)) throw new GatewayError('backup.exists', `is there already: ${file}`, { facts: { file } });
        await access(dirname(file));
        const mine = `${workName}${random.id()}`;
        const work = join(whole.dataDir, mine);
        const temporary = options.temp === undefined ? work : join(resolve(options.temp), mine);
        try {
          await mkdir(work, { recursive: true, mode: 0o700 });
          await removeLeftovers(whole.dataDir, clock.now());
          await mkdir(temporary, { recursive: true, mode: 0o700 });
          const written = configSources(resolve(options.config), whole.dataDir);
          const sources = [
            ...written,
            ...(await dataSources(whole, work, options.evidence, new Set(written.map(({ source }) => source)))),
            ...(await databaseSource(whole, temporary)),
          ];
          const manifest: Manifest = {
            ...{ format: 1, version, kind: whole.kind, name: whole.name, madeAt, config: basename(options.config) },
            dataDir: asWritten(whole.dataDir, dirname(resolve(options.config))),
            ...{ database: whole.database, evidence: options.evidence, files: sources.length },
          };
          const first: TarSource = {
            type: 'content',
            content: JSON.stringify(manifest),
            target: manifestName,
            mode: 0o600,
          };
          const zip = createGzip();
          await Promise.all([
            pipeline(packTar([first, ...sources]), zip),
            encrypter
              .encrypt(Readable.toWeb(zip) as ReadableStream<Uint8Array>)
              .then((sealed) =>
                pipeline(
                  Readable.fromWeb(sealed as Parameters<typeof Readable.fromWeb>[0]),
                  createWriteStream(`${file}.part`, { mode: 0o600, flush: true }),
                ),
              ),
          ]);
          await rename(`${file}.part`, file);
        } finally {
          await rm(work, { recursive: true, force: true });
          await rm(temporary, { recursive: true, force: true });
          await rm(`${file}.part`, { force: true });
        }
        const subject = recipients.length > 0 ? recipients.join(' ') : 'passphrase';
        if (opened.kind === 'desk') {
          const { value: config } = opened.loaded;
          await withDeskTools({ config, clock, logger, random }, ({ audit }) =>
            audit.note(commandLineActor, 'backup.made', subject),
          );
        } else {
          await withStore(context, opened.loaded.value, async (store) => {
            await store.commit([
              { kind: 'audited', at: clock.now(), by: commandLineActor, action: 'backup.made', subject },
            ]);
            return exitCodes.fine;
          });
        }
        const { size } = statSync(file);
        const made = recipients.length === 0 && given === null ? passphrase : null;
        if (whole.database === null)
          err('the database is PostgreSQL and not in this file: save it with pg_dump at the same time\n');
        if (options.json) out(formatJsonLines([{ file, bytes: size, passphrase: made }]));
        else {
          out(`${file}  ${formatSize(size)}\n`);
          if (made !== null) out(`passphrase  ${made}   (shown once, kept nowhere; without it the file is lost)\n`);
        }
        return exitCodes.fine;
      }),
  };
}

/** Of backups that were killed: none takes a day. */
async function removeLeftovers(dataDir: string, now: number): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const path = join(dataDir, name);
    if (name.startsWith(workName) && (await stat(path)).mtimeMs < now - dayMs) await rm(path, { recursive: true });
  }
}

/** How the configuration finds it again: beside itself, or at the same place of another machine. */
function asWritten(dataDir: string, configDir: string): string {
  const beside = relative(configDir, dataDir);
  return beside.startsWith('..') || isAbsolute(beside) ? dataDir : beside;
}

/** The configuration and all that it names; what is in the data directory comes with that. */
function configSources(config: string, dataDir: string): FileSource[] {
  const dir = dirname(config);
  const within = (folder: string, path: string): boolean => {
    const way = relative(folder, path);
    return way === '' || (!way.startsWith('..') && !isAbsolute(way));
  };
  // A folder of the configuration's own goes whole: beside a key that is named lies the authority that signed it.
  const wholeFolder = (path: string): string => {
    const folder = dirname(path);
    return folder !== dir && within(dir, folder) && !within(dataDir, folder) && !within(folder, dataDir)
      ? folder
      : path;
  };
  const files = [config, ...new Set(namedPaths(config).map(wholeFolder))]
    .filter((path) => existsSync(path))
    .flatMap((path) =>
      statSync(path).isDirectory()
        ? readdirSync(path, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => join(entry.parentPath, entry.name))
        : [path],
    );
  return [...new Set(files)]
    .filter((path) => within(dataDir, dir) || !within(dataDir, path))
    .map((path) => ({
      ...{ type: 'file' as const, source: path, mode: 0o600 },
      target: within(dir, path) ? join('config', relative(dir, path)) : join('elsewhere', path),
    }));
}

/**
 * The data directory without its database and without what is `taken` already (paths). Each file is held by a link of our own first: what is kept no longer may be
 * removed, and what is written anew takes the name of the old one, while this runs.
 */
async function dataSources(
  { dataDir }: Whole,
  work: string,
  evidence: boolean,
  taken: ReadonlySet<string>,
): Promise<TarSource[]> {
  const sources: TarSource[] = [];
  const held = join(work, 'held');
  await mkdir(held, { mode: 0o700 });
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(dataDir, path);
    if (!entry.isFile() || taken.has(path) || name.split('/').some(leftOut)) continue;
    // The list of keys belongs to the sealed files: alone it would tell of a loss that there is none.
    if (!evidence && name.startsWith('evidence/')) continue;
    const source = join(held, String(sources.length));
    try {
      await link(path, source);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') continue;
      // A disk without hard links, or somebody else's file: as it is.
      if (!['EPERM', 'ENOTSUP', 'EMLINK'].includes(codeOf(error) ?? '')) throw error;
      sources.push({ type: 'file', source: path, target: join('data', name), mode: 0o600 });
      continue;
    }
    sources.push({ type: 'file', source, target: join('data', name), mode: 0o600 });
  }
  return sources;
}

/** One moment's copy of the database, as a transaction sees it, while a gateway goes on writing. */
async function databaseSource({ dataDir, database }: Whole, temporary: string): Promise<TarSource[]> {
  const file = database === null ? null : join(dataDir, database);
  if (database === null || file === null || !existsSync(file)) return [];
  const [{ size }, { bavail, bsize }] = [await stat(file), await statfs(temporary)];
  if (bavail * bsize < size + roomBytes) {
    throw new GatewayError(
      'backup.no-space',
      `the copy of the database takes up to ${formatSize(size)}, and ${formatSize(bavail * bsize)} are free in ${dirname(temporary)}, of which ${formatSize(roomBytes)} are left to the gateway; --temp names another folder`,
      { facts: { neededBytes: size + roomBytes, freeBytes: bavail * bsize } },
    );
  }
  const copy = join(temporary, database);
  const connection = await openConnection(file, { readOnly: true });
  try {
    connection.prepare('VACUUM INTO ?').run(copy);
  } finally {
    connection.close();
  }
  return [{ type: 'file', source: copy, target: join('data', database), mode: 0o600 }];
}
