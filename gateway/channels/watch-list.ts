import { isPossiblePlate, normalisePlate } from '../domain/plate-grammar.ts';
import type { EpochMs } from '../lib/clock.ts';

/** A plate that somebody has ordered to be watched for over a channel. */
export interface WatchEntry {
  /** Normalised. */
  readonly plate: string;
  readonly order: string;
  readonly title: string;
  readonly from: EpochMs | null;
  readonly until: EpochMs | null;
  /** Ids of the cameras that it concerns; null for all. */
  readonly cameras: ReadonlySet<string> | null;
  /** Whether plates that may be this one count, too. */
  readonly possible: boolean;
}

export interface WatchHit {
  readonly channel: string;
  readonly match: 'exact' | 'possible';
  readonly order: string;
  readonly title: string;
}

/** The plates that recipients have ordered to be watched for. The channels keep the orders; this is what is looked up. */
export interface WatchList {
  /** Takes the place of everything that this channel ordered before. */
  replace(channel: string, entries: readonly WatchEntry[]): void;
  /** Every order that a plate seen by this camera at this moment fits, exact ones first. */
  hits(plate: string, camera: string, at: EpochMs): readonly WatchHit[];
  size(): number;
}

export function createWatchList(): WatchList {
  const byChannel = new Map<string, readonly WatchEntry[]>();
  let exact = new Map<string, { readonly channel: string; readonly entry: WatchEntry }[]>();
  /** By length: only plates of the same length can be mixed up. */
  let loose = new Map<number, { readonly channel: string; readonly entry: WatchEntry }[]>();

  const build = (): void => {
    exact = new Map();
    loose = new Map();
    const add = <Key>(
      map: Map<Key, { channel: string; entry: WatchEntry }[]>,
      key: Key,
      channel: string,
      entry: WatchEntry,
    ) => map.set(key, [...(map.get(key) ?? []), { channel, entry }]);
    for (const [channel, entries] of byChannel) {
      for (const entry of entries) {
        add(exact, entry.plate, channel, entry);
        if (!entry.possible) continue;
        const { length } = Array.from(entry.plate);
        const list = loose.get(length);
        if (list) list.push({ channel, entry });
        else loose.set(length, [{ channel, entry }]);
      }
    }
  };

  return {
    replace: (channel, entries) => {
      if (entries.length === 0) byChannel.delete(channel);
      else byChannel.set(channel, entries);
      build();
    },
    hits: (raw, camera, at) => {
      const plate = normalisePlate(raw);
      const applies = ({ entry }: { readonly entry: WatchEntry }): boolean =>
        (entry.from === null || at >= entry.from) &&
        (entry.until === null || at <= entry.until) &&
        (entry.cameras === null || entry.cameras.has(camera));
      const hit =
        (match: WatchHit['match']) =>
        ({ channel, entry: { order, title } }: { readonly channel: string; readonly entry: WatchEntry }): WatchHit => ({
          ...{ channel, match, order, title },
        });
      return [
        ...(exact.get(plate) ?? []).filter(applies).map(hit('exact')),
        ...(loose.get(Array.from(plate).length) ?? [])
          .filter((found) => applies(found) && isPossiblePlate(plate, found.entry.plate))
          .map(hit('possible')),
      ];
    },
    size: () => [...byChannel.values()].reduce((sum, entries) => sum + entries.length, 0),
  };
}
