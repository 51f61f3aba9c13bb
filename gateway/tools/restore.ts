import { createReadStream, existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { unpackTar } from 'modern-tar/fs';
import { exitCodes, formatJsonLines, type Commands } from '../cli/index.ts';
import { openConnection } from '../lib/database/sqlite.ts';
import { GatewayError, isGatewayError, messageOf } from '../lib/errors.ts';
import { readRunFile } from '../lib/run-file.ts';
import { decrypterFor, manifestName, manifestSchema, readPassphrase, type Manifest } from './backup-form.ts';
import { reported, type ToolContext } from './context.ts';

/** What age says when neither passphrase nor identity fits (age-encryption 0.3, dist/index.js). */
const wrongKey = /no identity matched/;

export function createRestoreCommand(context: ToolContext): Pick<Commands, 'restore'> {
  const { out, err, random } = context;
  return {
    restore: (file, options) =>
      reported(context, async () => {
        const to = resolve(options.to);
        if (!options.check) mustBeFree(to);
        const passphrase =
          options.identity === undefined ? await readPassphrase(context, options.passphraseFile) : null;
        if (options.identity === undefined && passphrase === null) {
          err('say how it opens: --passphrase-file <file> (- for standard input) or --identity <file>\n');
          return exitCodes.wrongUse;
        }
        const decrypter = decrypterFor(passphrase === null ? { identityFile: options.identity ?? '' } : { passphrase });
        // Beside its place, so that putting it there is a rename: it is all there, or nothing of it.
        const part = join(
          // Never beside the file: that may be a stick, and what is unpacked is in the clear.
          options.check ? (options.temp ?? tmpdir()) : dirname(to),
          `.restore-${random.id()}`,
        );
        try {
          await mkdir(part, { recursive: true, mode: 0o700 });
          await unpack(file, decrypter, part);
          const manifest = await checked(part, file);
          if (!options.check) await put(part, manifest, to, random.id());
          report(manifest, options.check ? null : to, part);
          return exitCodes.fine;
        } finally {
          await rm(part, { recursive: true, force: true });
        }

        function report(manifest: Manifest, place: string | null, from: string): void {
          const elsewhere = filesBelow(join(place ?? from, 'elsewhere')).map((path) => `/${path}`);
          if (options.json) {
            out(formatJsonLines([{ ...manifest, elsewhere, restoredTo: place }]));
            return;
          }
          out(
            `${manifest.kind} ${manifest.name}, saved ${manifest.madeAt} by ${manifest.version}, ${manifest.files} files`,
          );
          out(`${manifest.evidence ? '' : ', without pictures and clips'}: whole\n`);
          if (manifest.database === null) out('its database is PostgreSQL: put that back with pg_restore\n');
          if (place === null) return;
          for (const path of elsewhere) out(`put back in its place: ${join(place, 'elsewhere', path)}  →  ${path}\n`);
          const run = manifest.kind === 'desk' ? 'desk' : 'run';
          const config = join(place, manifest.config);
          out(`Next, as the user that it runs as, and only when the old machine runs no more (both would send):\n`);
          out(`  kanmen check -c ${config}\n  kanmen ${run} -c ${config}\n`);
        }
      }),
  };
}

/** Throws `backup.exists` where something stands already: what is there may be newer than the backup. */
function mustBeFree(folder: string): void {
  const running = readRunFile(folder);
  if (running !== null)
    throw new GatewayError(
      'gateway.running',
      `process ${running.pid} runs on ${folder}; stop it, and move the folder away`,
    );
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new GatewayError('backup.exists', `is not empty: ${folder}; move it away first, or name another place`, {
      facts: { folder },
    });
}

/** The folders of a backup. */
const ours = /^(config|data|elsewhere)\//;

/** Decrypts and unpacks into `part`; nothing but plain files in the places that a backup has. */
async function unpack(file: string, decrypter: ReturnType<typeof decrypterFor>, part: string): Promise<void> {
  const source = createReadStream(file);
  try {
    const plain = await decrypter.decrypt(Readable.toWeb(source) as ReadableStream<Uint8Array>);
    await pipeline(
      Readable.fromWeb(plain as Parameters<typeof Readable.fromWeb>[0]),
      createGunzip(),
      unpackTar(part, {
        // A file that has two names is there once, and as a link the second time.
        filter: ({ name, type, linkname }) =>
          ['file', 'directory', 'link'].includes(type ?? 'file') &&
          (type !== 'link' || ours.test(linkname ?? '')) &&
          (name === manifestName || ours.test(name)),
        fmode: 0o600,
        dmode: 0o700,
      }),
    );
  } catch (cause) {
    source.destroy();
    const code = (cause as NodeJS.ErrnoException).code;
    // The disk and the file itself speak for themselves.
    if (code !== undefined && /^E[A-Z]+$/.test(code)) throw cause;
    if (wrongKey.test(messageOf(cause)))
      throw new GatewayError('backup.wrong-key', `does not open with what was given: ${file}`, { cause });
    throw new GatewayError('backup.damaged', `cut short, altered, or no backup: ${file} (${messageOf(cause)})`, {
      cause,
    });
  }
}

/** The manifest, once everything that it counts is there and the database is sound. */
async function checked(part: string, file: string): Promise<Manifest> {
  const damaged = (what: string, cause?: unknown): GatewayError =>
    new GatewayError('backup.damaged', `${file}: ${what}`, cause === undefined ? {} : { cause });
  let manifest: Manifest;
  try {
    manifest = manifestSchema.parse(JSON.parse(readFileSync(join(part, manifestName), 'utf8')));
  } catch (cause) {
    throw damaged('no backup of Kanmen, or one of a newer version', cause);
  }
  if (isAbsolute(manifest.config) || manifest.config !== basename(manifest.config))
    throw damaged('names no configuration');
  if (!existsSync(join(part, 'config', manifest.config))) throw damaged('the configuration is missing');
  const here = filesBelow(part).length - 1;
  if (here !== manifest.files) throw damaged(`${here} files of ${manifest.files} are in it`);
  if (manifest.database === null) return manifest;
  const database = join(part, 'data', basename(manifest.database));
  if (!existsSync(database)) return manifest;
  try {
    const connection = await openConnection(database, { readOnly: true });
    try {
      const row = connection.prepare('PRAGMA quick_check(1)').get() as { readonly quick_check: string };
      const verdict = row.quick_check;
      if (verdict !== 'ok') throw damaged(`the database in it is damaged: ${verdict}`);
    } finally {
      connection.close();
    }
  } catch (cause) {
    if (isGatewayError(cause)) throw cause;
    throw damaged('the database in it cannot be opened', cause);
  }
  return manifest;
}

/** Puts configuration and data where they belong. */
async function put(part: string, manifest: Manifest, to: string, id: string): Promise<void> {
  const dataDir = resolve(to, manifest.dataDir);
  const inside = !relative(to, dataDir).startsWith('..') && !isAbsolute(relative(to, dataDir));
  if (!inside) mustBeFree(dataDir);
  const config = join(part, 'config');
  const data = join(part, 'data');
  await mkdir(data, { recursive: true, mode: 0o700 });
  if (existsSync(join(part, 'elsewhere'))) await rename(join(part, 'elsewhere'), join(config, 'elsewhere'));
  if (inside) {
    const place = join(config, relative(to, dataDir));
    await mkdir(dirname(place), { recursive: true, mode: 0o700 });
    // With `dataDir: .` the two are one folder.
    if (existsSync(place)) await cp(data, place, { recursive: true });
    else await rename(data, place);
  } else await moveTree(data, dataDir, `${dataDir}.restore-${id}`);
  if (existsSync(to)) rmdirSync(to);
  await rename(config, to);
}

/** To another folder, perhaps on another disk: there beside its place first, too. */
async function moveTree(from: string, to: string, beside: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  try {
    await cp(from, beside, { recursive: true });
    if (existsSync(to)) rmdirSync(to);
    await rename(beside, to);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}
