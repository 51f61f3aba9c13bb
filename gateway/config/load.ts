import { constants, accessSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { deskOptionsSchema, type DeskOptions } from '../inbox/options.ts';
import { codeOf } from '../lib/errors.ts';
import type { Fault } from './fault.ts';
import { formatPath, readDocument, shorten, type Locate } from './read-document.ts';
import { gatewaySchema, type GatewayConfiguration } from './schema.ts';

export type Loaded<T> =
  | { readonly ok: true; readonly value: T; readonly file: string; readonly dir: string; readonly locate: Locate }
  | {
      readonly ok: false;
      readonly faults: readonly Fault[];
      readonly file: string;
      readonly locate: Locate;
      /** What stands in the file, unchecked, with its paths made absolute; null where it is not YAML. */
      readonly standing: unknown;
    };

/** A gateway's configuration with every path in it made absolute; or every fault of it. */
export const loadConfiguration = (file: string): Loaded<GatewayConfiguration> =>
  load(file, gatewaySchema, referenceFaults);

/** A desk's configuration, likewise. */
export const loadDesk = (file: string): Loaded<DeskOptions> => load(file, deskOptionsSchema, () => []);

/** Tells which of the two a file is, faulty or not. A gateway's has a site; a file with nothing in it lacks that. */
export function configurationKind(file: string): 'gateway' | 'desk' {
  const raw = readDocument(file, anything);
  const keys = raw.ok && typeof raw.value === 'object' && raw.value !== null ? Object.keys(raw.value) : [];
  if (keys.includes('site') || keys.length === 0) return 'gateway';
  return keys.includes('gateways') || keys.includes('title') || readDocument(file, deskOptionsSchema).ok
    ? 'desk'
    : 'gateway';
}

type Path = readonly (string | number)[];
interface Wrong {
  readonly path: Path;
  readonly value: string | null;
  readonly message: string;
  readonly allowed: string | null;
}

function load<Schema extends z.ZodType<object>>(
  file: string,
  schema: Schema,
  check: (value: unknown) => readonly Wrong[],
): Loaded<z.output<Schema>> {
  const read = readDocument(file, schema);
  const dir = dirname(resolve(file));
  // What one part says of another is checked on the text as it stands, so that it is told together with everything else.
  const raw = readDocument(file, anything);
  const standing = raw.ok ? absolutePaths(raw.value, dir) : null;
  const others = [...check(standing), ...missingFiles(standing)].map((wrong) => toFault(file, wrong, raw.locate));
  const { locate } = raw;
  const faults = [...(read.ok ? [] : read.faults), ...others].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  if (!read.ok || faults.length > 0) return { ok: false, faults, file, locate, standing };
  return { ok: true, value: absolutePaths(read.value, dir) as z.output<Schema>, file, dir, locate };
}

const anything = z.unknown();

function toFault(file: string, { path, value, message, allowed }: Wrong, locate: Locate): Fault {
  const place = locate(path);
  return {
    ...{ file, line: place?.line ?? null, column: place?.column ?? null, path: formatPath(path) },
    ...{ value: value === null ? null : shorten(value, path), message, allowed },
  };
}

/** Keys whose values are paths: `…File`, `…Files`, `dir`, `…Dir`, `webRoot`. */
const isPathKey = (key: string): boolean => /(File|Files|Dir|^dir|^webRoot)$/.test(key);

function absolutePaths(value: unknown, dir: string, isPath = false): unknown {
  if (typeof value === 'string') {
    // `file:clip.mp4` lies beside the configuration; `file:///…` says where it lies.
    const beside = /^file:(?!\/)(.+)$/.exec(value)?.[1];
    if (beside !== undefined) return pathToFileURL(resolve(dir, beside)).href;
    return isPath ? resolve(dir, value) : value;
  }
  if (Array.isArray(value)) return value.map((item) => absolutePaths(item, dir, isPath));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, absolutePaths(inner, dir, isPathKey(key))]),
  );
}

/** Every file and folder that a configuration file itself names, absolute, each once; not its `dataDir`, not the page's folder. */
export function namedPaths(file: string): string[] {
  const raw = readDocument(file, anything);
  const found = new Set<string>();
  const collect = (value: unknown, isPath: boolean): void => {
    if (typeof value === 'string') {
      if (isPath) found.add(value);
    } else if (Array.isArray(value)) for (const item of value) collect(item, isPath);
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value))
        collect(inner, isPathKey(key) && key !== 'dataDir' && key !== 'webRoot');
  };
  if (raw.ok) collect(absolutePaths(raw.value, dirname(resolve(file))), false);
  return [...found];
}

/** Every file that the configuration names and the gateway could not read. Folders may be made later. */
function missingFiles(value: unknown, path: Path = [], named = false): Wrong[] {
  if (typeof value === 'string') {
    if (!named) return [];
    if (basename(value).startsWith('whsec_')) {
      const message = 'is the secret itself, not a file; whoever reads this file reads it, too';
      return [{ path, value: '***', message, allowed: 'the name of a file that holds the secret' }];
    }
    try {
      accessSync(value, constants.R_OK);
      return [];
    } catch (error) {
      const message =
        codeOf(error) === 'ENOENT'
          ? 'the file does not exist'
          : `the file cannot be read (${codeOf(error) ?? 'unknown'})`;
      return [{ path, value, message, allowed: 'a file that the gateway may read' }];
    }
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => missingFiles(item, [...path, index], named));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    missingFiles(inner, [...path, key], Array.isArray(inner) ? key.endsWith('Files') : key.endsWith('File')),
  );
}

/** The items of a list with those of their fields that are texts; anything else is the schema's matter. */
function itemsOf(value: unknown, list: string): Readonly<Record<string, string | undefined>>[] {
  const found: unknown =
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[list] : undefined;
  if (!Array.isArray(found)) return [];
  return found.map((item: unknown) =>
    typeof item === 'object' && item !== null
      ? Object.fromEntries(
          Object.entries(item).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
        )
      : {},
  );
}

/** GA/T 1400 has no object for an alert: whoever is reached by it alone must not be counted among those who are told. */
function alertsOverViid(value: unknown): Wrong[] {
  const { recipients, channels } = (value ?? {}) as { readonly recipients?: unknown; readonly channels?: unknown };
  if (!Array.isArray(recipients) || typeof channels !== 'object' || channels === null) return [];
  const kindOf = (id: unknown): unknown =>
    typeof id === 'string' ? (channels as Record<string, { readonly kind?: unknown } | null>)[id]?.kind : undefined;
  return recipients.flatMap((recipient: unknown, index): Wrong[] => {
    if (typeof recipient !== 'object' || recipient === null) return [];
    const { channel, alerts } = recipient as { readonly channel?: unknown; readonly alerts?: unknown };
    if (kindOf(channel) !== 'viid' || alerts === false) return [];
    const message = 'a channel of kind viid carries passages and watch-list hits, not alerts';
    return [
      {
        path: ['recipients', index, 'alerts'],
        value: alerts === undefined ? null : JSON.stringify(alerts),
        message,
        allowed: 'false',
      },
    ];
  });
}

/** A legal basis lets somebody follow links to faces and clips: without an address there are no links, and it would say nothing. */
function facesWithoutLinks(value: unknown): Wrong[] {
  const { recipients, api } = (value ?? {}) as {
    readonly recipients?: unknown;
    readonly api?: { readonly publicUrl?: unknown } | null;
  };
  if (!Array.isArray(recipients) || typeof api?.publicUrl === 'string') return [];
  return recipients.flatMap((recipient: unknown, index): Wrong[] => {
    const { legalBasis } = (recipient as { readonly evidence?: { readonly legalBasis?: unknown } | null } | null)
      ?.evidence ?? { legalBasis: undefined };
    if (typeof legalBasis !== 'string') return [];
    return [
      {
        path: ['recipients', index, 'evidence', 'legalBasis'],
        value: legalBasis,
        message: 'shows faces by links, and links need the address at which this gateway is reached',
        allowed: 'with api.publicUrl, such as https://gate.example',
      },
    ];
  });
}

/** What the schema cannot see: one part of the file naming another, and ids that stand twice. */
function referenceFaults(value: unknown): Wrong[] {
  const areas = itemsOf(value, 'areas');
  const grids = itemsOf(value, 'grids');
  const cameras = itemsOf(value, 'cameras');
  const recipients = itemsOf(value, 'recipients');
  const channels = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)['channels'] : null;
  const idsOf = (items: readonly Readonly<Record<string, string | undefined>>[]): string[] =>
    items.flatMap(({ id }) => id ?? []);
  const channelIds = typeof channels === 'object' && channels !== null ? Object.keys(channels) : [];
  const among = (path: Path, given: string | undefined, known: readonly string[], what: string): Wrong[] =>
    given === undefined || known.includes(given)
      ? []
      : [
          {
            path,
            value: given,
            message: `there is no ${what} of this id`,
            allowed: known.length === 0 ? 'none is configured' : known.join(', '),
          },
        ];
  const twice = (list: string, items: readonly Readonly<Record<string, string | undefined>>[]): Wrong[] =>
    items.flatMap(({ id }, index) => {
      const first = items.findIndex((item) => item['id'] === id);
      return id === undefined || first === index
        ? []
        : [
            {
              path: [list, index, 'id'],
              value: id,
              message: `two of ${list} have this id; the first is ${list}[${first}]`,
              allowed: 'each id once',
            },
          ];
    });
  return [
    ...twice('areas', areas),
    ...twice('grids', grids),
    ...twice('cameras', cameras),
    ...areas.flatMap(({ grid }, i) => among(['areas', i, 'grid'], grid, idsOf(grids), 'grid')),
    ...cameras.flatMap(({ area }, i) => among(['cameras', i, 'area'], area, idsOf(areas), 'area')),
    ...recipients.flatMap(({ grid, channel, duty }, i) => [
      ...among(['recipients', i, 'duty'], duty, idsOf(itemsOf(value, 'duty')), 'duty calendar'),
      ...among(['recipients', i, 'grid'], grid, idsOf(grids), 'grid'),
      ...among(['recipients', i, 'channel'], channel, channelIds, 'channel'),
    ]),
    ...alertsOverViid(value),
    ...facesWithoutLinks(value),
  ];
}
