import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Disturbance } from '../support/stream-set/disturbance.ts';
import { makeStreamSet, type SetStream } from '../support/stream-set/stream-set.ts';
import type { BenchmarkOptions } from './harness.ts';

export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A passage that is to be found: when it is so near that it can be read. */
export interface WantedPassage extends Span {
  readonly text: string | null;
  /** How the vehicle drives, where it is known. */
  readonly manner: string | null;
}

export interface WantedStream {
  readonly path: string;
  readonly file: string;
  /** Encoder and disturbance; the file's name where streams come from outside. */
  readonly setting: string;
  readonly disturbance: string;
  readonly passages: readonly WantedPassage[];
  readonly persons: readonly Span[];
  /** When anything at all moves; null where it is not known. */
  readonly moving: readonly Span[] | null;
}

/** Coarse sizes and long key picture intervals in one glance: what the short form looks at. */
const shortForm = new Set([
  'vbr-gop2s day',
  'cbr-gop4s night',
  'smart-gop60s shadow',
  'hevc-cbr rain',
  'b-pictures infrared',
]);

/** The set of seed N, drawn and coded where the cache lacks it; short: five streams with one passage each. */
export async function ownStreams({ full, seed, say, settings }: BenchmarkOptions): Promise<WantedStream[]> {
  const only = new RegExp(settings['only'] ?? '');
  const inPart = (setting: string, disturbance: Disturbance): boolean =>
    full || shortForm.has(`${setting} ${disturbance}`);
  const { dir, streams } = await makeStreamSet({
    seed,
    cacheDir: resolve(import.meta.dirname, '../../../.cache/stream-set'),
    passages: full ? 3 : 1,
    wanted: (setting, disturbance) => inPart(setting, disturbance) && only.test(`${setting}-${disturbance}`),
    say,
  });
  return streams.map((stream) => fromSet(stream, dir));
}

function fromSet({ file, setting, disturbance, truth }: SetStream, dir: string): WantedStream {
  return {
    path: join(dir, file),
    file,
    setting,
    disturbance,
    passages: truth.passages.map(({ readableFromMs, readableUntilMs, text, manner }) => ({
      fromMs: readableFromMs,
      untilMs: readableUntilMs,
      text,
      manner,
    })),
    // The last seconds of a walk: the face is large enough.
    persons: truth.persons.map(({ untilMs }) => ({ fromMs: untilMs - 4000, untilMs })),
    moving: [
      ...truth.passages.map(({ visibleFromMs, goneMs }) => ({ fromMs: visibleFromMs, untilMs: goneMs })),
      ...truth.persons,
    ],
  };
}

/**
 * Streams of somebody else: a folder with video files and `passages.tsv`: file, startMs, endMs and, if it is known, the
 * plate's text, separated by tabs; a first line with names of columns is passed over. Throws an Error that names file
 * and line for a row that is wrong.
 */
export function foreignStreams(dir: string): WantedStream[] {
  const table = join(dir, 'passages.tsv');
  const rows = readFileSync(table, 'utf8').split(/\r?\n/);
  const streams = new Map<string, WantedPassage[]>();
  rows.forEach((row, index) => {
    if (row.trim() === '' || row.startsWith('#')) return;
    const [file, start, end, text] = row.split('\t').map((cell) => cell.trim());
    const [fromMs, untilMs] = [Number(start), Number(end)];
    if (index === 0 && Number.isNaN(fromMs)) return;
    if (!file || !(fromMs >= 0) || !(untilMs > fromMs))
      throw new Error(
        `${table}, line ${index + 1}: wants file, startMs, endMs [, text] with startMs < endMs, separated by tabs`,
      );
    if (!statSync(join(dir, file), { throwIfNoEntry: false })?.isFile())
      throw new Error(`${table}, line ${index + 1}: there is no file ${file} beside it`);
    const passages = streams.get(file) ?? [];
    passages.push({ fromMs, untilMs, text: text === undefined || text === '' ? null : text, manner: null });
    streams.set(file, passages);
  });
  return [...streams].map(([file, passages]) => ({
    path: join(dir, file),
    file,
    setting: file,
    disturbance: '',
    passages,
    persons: [],
    moving: null,
  }));
}
