// Question: of the passages that are found when every picture is decoded, how many are found with the gate?
//
// Both ways a stream is played on the very path of a live camera (openFileSource: fragments, gate, net of key frames,
// decoder from the last key frames on), once with sensitivity "always" and once with "normal", at 3 pictures a second.
// FOUND means: of the pictures that came out of the decoder for perception, at least three, or half as many as always
// decoding gives there, whichever is less, but at least one, lie within [startMs, endMs] of the passage (in our own set:
// from when the plate is 40 px wide of 640 until it leaves the picture). That is a second's look at a plate near enough.
// With `--found read` FOUND means instead that the whole perception made a row of it: the same text where the table gives one,
// up to one confusable character, else any vehicle, overlapping [startMs - 2 s, endMs + 2 s].
// A passage not found when always decoding counts on neither side. Every miss is listed in `extra.misses`.
import { openPerceiver, type Perceiver } from '../../gateway/perceive/perceive.ts';
import { plateDistance } from '../../gateway/domain/plate-grammar.ts';
import { shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { perceptionOptions } from '../../gateway/perceive/options.ts';
import { foreignStreams, ownStreams, type Span, type WantedPassage, type WantedStream } from './gate-recall-streams.ts';
import { watchStream, type Watched } from './gate-recall-watch.ts';
import { percentiles, round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';

/** After something has gone the gate stays open for its hold, and what decoded pictures still need. */
const tailMs = 3000;
/** A gate's first seconds are open by design. */
const learningMs = 10_500;

const within = ({ fromMs, untilMs }: Span, atMs: number): boolean => atMs >= fromMs && atMs <= untilMs;
const picturesIn = (watched: Watched, span: Span): number =>
  watched.pictureMs.filter((atMs) => within(span, atMs)).length;

function isFound(passage: WantedPassage, watched: Watched, always: Watched, reading: boolean): boolean {
  if (!reading) {
    const all = picturesIn(always, passage);
    return all > 0 && picturesIn(watched, passage) >= Math.max(1, Math.min(3, Math.ceil(all / 2)));
  }
  return watched.read.some(
    ({ text, startMs, endMs }) =>
      startMs <= passage.untilMs + 2000 &&
      endMs >= passage.fromMs - 2000 &&
      (passage.text === null || (text !== null && plateDistance(text, passage.text) < 1.01)),
  );
}

interface Row {
  readonly stream: WantedStream;
  readonly foundAlways: number;
  readonly found: number;
  readonly misses: readonly string[];
  readonly persons: number;
  readonly personsAlways: number;
  readonly openRatio: number;
  readonly decodedRatio: number;
  /** Share of pictures of quiet time that were decoded all the same; null where quiet time is not known. */
  readonly wakeRatio: number | null;
}

async function judge(stream: WantedStream, perceiver: Perceiver | null): Promise<Row> {
  const always = await watchStream(stream.path, 'always', perceiver);
  const gated = await watchStream(stream.path, 'normal', perceiver);
  const reading = perceiver !== null;
  const findable = stream.passages.filter((passage) => isFound(passage, always, always, reading));
  const missed = findable.filter((passage) => !isFound(passage, gated, always, reading));
  const seen = (span: Span, watched: Watched): boolean =>
    picturesIn(watched, span) >= Math.max(1, Math.min(3, Math.ceil(picturesIn(always, span) / 2)));
  const { moving } = stream;
  const quiet = (atMs: number): boolean =>
    atMs > learningMs &&
    moving?.some(({ fromMs, untilMs }) => within({ fromMs: fromMs - 500, untilMs: untilMs + tailMs }, atMs)) === false;
  const quietPictures = always.pictureMs.filter(quiet).length;
  return {
    stream,
    foundAlways: findable.length,
    found: findable.length - missed.length,
    misses: missed.map(
      ({ fromMs, untilMs, text, manner }) =>
        `${stream.file} ${fromMs}-${untilMs} ms ${text ?? ''} ${manner ?? ''}`.trim() +
        ` (${picturesIn(gated, { fromMs, untilMs })} of ${picturesIn(always, { fromMs, untilMs })} pictures)`,
    ),
    personsAlways: stream.persons.filter((span) => picturesIn(always, span) > 0).length,
    persons: stream.persons.filter((span) => picturesIn(always, span) > 0 && seen(span, gated)).length,
    openRatio: gated.openMs / Math.max(1, gated.watchedMs),
    decodedRatio: gated.pictureMs.length / Math.max(1, always.pictureMs.length),
    wakeRatio: quietPictures === 0 ? null : gated.pictureMs.filter(quiet).length / quietPictures,
  };
}

function grouped(rows: readonly Row[], by: (row: Row) => string): Record<string, unknown> {
  const mean = (values: readonly number[]): number | null =>
    values.length === 0 ? null : round(values.reduce((sum, value) => sum + value, 0) / values.length, 2);
  return Object.fromEntries(
    [...new Set(rows.map(by))].map((name) => {
      const own = rows.filter((row) => by(row) === name);
      const sum = (pick: (row: Row) => number): number => own.reduce((total, row) => total + pick(row), 0);
      return [
        name,
        {
          found: `${sum((row) => row.found)}/${sum((row) => row.foundAlways)}`,
          wakeRatio: mean(own.flatMap(({ wakeRatio }) => wakeRatio ?? [])),
          openRatio: mean(own.map(({ openRatio }) => openRatio)),
          decodedRatio: mean(own.map(({ decodedRatio }) => decodedRatio)),
        },
      ];
    }),
  );
}

async function run(options: BenchmarkOptions): Promise<Finding> {
  const { settings, say, full } = options;
  const foreign = settings['streams'];
  const streams = foreign === undefined ? await ownStreams(options) : foreignStreams(foreign);
  const perceiver =
    settings['found'] !== 'read'
      ? null
      : await openPerceiver({
          modelsDir: shippedModelsDir(),
          threads: 2,
          minPlateWidthPx: perceptionOptions.parse({}).minPlateWidthPx,
          ebikePatterns: [],
        });
  const rows: Row[] = [];
  try {
    for (const stream of streams) {
      const row = await judge(stream, perceiver);
      rows.push(row);
      say(
        `${stream.file}: ${row.found} of ${row.foundAlways} found (${stream.passages.length} in it), ${round(row.decodedRatio * 100, 0)} % decoded`,
      );
    }
  } finally {
    await perceiver?.release();
  }
  const sum = (pick: (row: Row) => number): number => rows.reduce((total, row) => total + pick(row), 0);
  const always = sum((row) => row.foundAlways);
  const all = sum((row) => row.stream.passages.length);
  const faults = [
    always === 0 ? 'nothing is found even when always decoding' : null,
    // A set of our own that is not the set is not judged by it.
    full && foreign === undefined && settings['only'] === undefined && all < 300 ? `only ${all} passages` : null,
  ].filter((fault) => fault !== null);
  const found = sum((row) => row.found);
  return {
    value: faults.length > 0 ? null : round(found / always, 4),
    unit: 'ratio',
    baseline: { name: 'found when always decoding', value: always },
    ...percentiles(rows.map(({ decodedRatio }) => decodedRatio)),
    n: always,
    extra: {
      foundMeans: perceiver ? 'read' : 'pictures',
      streams: rows.length,
      passages: all,
      found,
      misses: rows.flatMap(({ misses }) => misses),
      persons: `${sum((row) => row.persons)}/${sum((row) => row.personsAlways)}`,
      bySetting: grouped(rows, ({ stream }) => stream.setting),
      byDisturbance: foreign === undefined ? grouped(rows, ({ stream }) => stream.disturbance) : {},
      notMeasured: 'CPU: see quiet-camera; percentiles are of the share of pictures decoded, by stream',
    },
    ...(faults.length > 0 ? { void: faults.join('; ') } : {}),
  };
}

export const gateRecall: Benchmark = {
  name: 'gate-recall',
  question:
    'passages found with the gate ÷ found when always decoding (--streams DIR for other streams, --found read to read plates)',
  run,
};
