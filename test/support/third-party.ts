import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface ManifestModel {
  readonly optional?: true;
  readonly name: string;
  /** Below the npm package, if one is named, else below models/. */
  readonly file: string;
  readonly package?: string;
  readonly licence: string;
  readonly origin: string;
}

/** Front-end packages that stand under devDependencies but whose code ends up in dist/dashboard. */
const bundled = ['vue', 'vue-router', 'vue-i18n', 'naive-ui', '@cycjimmy/jsmpeg-player'];

/** Where npm would find `name` from the package at `from` (a key of the lock file's `packages`). */
function resolve(packages: Readonly<Record<string, LockEntry>>, from: string, name: string): string | null {
  for (let base = from; ;) {
    const candidate = `${base === '' ? '' : `${base}/`}node_modules/${name}`;
    if (candidate in packages) return candidate;
    if (base === '') return null;
    const cut = base.lastIndexOf('/node_modules/');
    base = cut === -1 ? '' : base.slice(0, cut);
  }
}

/** Text of THIRD_PARTY.md: every npm package that ships, and every model, with its licence. Same on every platform. */
export function thirdPartyText(root: string): string {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockEntry>;
  };
  const top = lock.packages[''] ?? {};
  const reached = new Set<string>();
  const queue: { from: string; name: string }[] = [...Object.keys(top.dependencies ?? {}), ...bundled].map((name) => ({
    from: '',
    name,
  }));
  for (let next = queue.pop(); next; next = queue.pop()) {
    const key = resolve(lock.packages, next.from, next.name);
    if (key === null || reached.has(key)) continue;
    reached.add(key);
    const entry = lock.packages[key] ?? {};
    for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }))
      queue.push({ from: key, name });
  }
  const rows = [...reached]
    .map((key) => ({
      name: key.slice(key.lastIndexOf('node_modules/') + 13),
      version: lock.packages[key]?.version ?? '?',
      licence: lock.packages[key]?.license ?? 'not stated',
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1))
    .filter(
      (row, index, all) => index === 0 || row.name !== all[index - 1]?.name || row.version !== all[index - 1]?.version,
    );
  const manifest = JSON.parse(readFileSync(join(root, 'models/manifest.json'), 'utf8')) as { models: ManifestModel[] };
  // What `kanmen models pull` would bring is not part of what ships.
  const models = manifest.models
    .filter(({ optional }) => optional !== true)
    .map(
      ({ name, package: from, file, licence, origin }) =>
        `| ${name} | ${from === undefined ? `models/${file}` : `${from}/${file}`} | ${licence} | ${origin} |`,
    );
  return `# Third-party software and models

Generated from package-lock.json and models/manifest.json by \`npm run docs\`; do not edit.
Kanmen itself is licensed under Apache-2.0 (LICENSE). The licences below are those the packages state themselves.

## Models

| model | from | licence | origin |
| --- | --- | --- | --- |
${models.join('\n')}

## Pictures, in tests and the demo only

| file | licence | origin |
| --- | --- | --- |
| test/support/simulators/pictures/eileen-collins.jpg | public domain (NASA) | Debian package python3-skimage |

## npm packages (${rows.length})

| package | version | licence |
| --- | --- | --- |
${rows.map((row) => `| ${row.name} | ${row.version} | ${row.licence} |`).join('\n')}
`;
}
