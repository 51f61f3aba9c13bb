import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { repeat, type Clock, type EpochMs, type Timer } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { codeOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { createRepeatedFault } from '../lib/repeated-fault.ts';
import { normalisePlate } from './normalise-plate.ts';
import type { RegisterOptions } from './options.ts';
import { parseVehicles, type RegisterFault, type Vehicle } from './parse-vehicles.ts';

export interface RegisterStatus {
  readonly vehicles: number;
  readonly loadedAt: EpochMs | null;
  /** Why the file as it stands was refused; empty where it is in use. Line 0 = the file itself. */
  readonly faults: readonly RegisterFault[];
}

export interface Register extends Component {
  /** Whether the plate is known at that moment (default: now). Null while there is no register to ask. */
  knows(plate: string, at?: EpochMs): boolean | null;
  /** The entry of a plate that is known at that moment, or null. */
  find(plate: string, at?: EpochMs): Vehicle | null;
  /** The entry of a plate whether or not it has ended, or null. */
  entry(plate: string): Vehicle | null;
  status(): RegisterStatus;
}

const maxFileBytes = 8_000_000;

/**
 * Loads the file at the start and again whenever it has changed and stood still for one look. A wrong or missing file
 * never stops the gateway: the last good set stays, or there is no register until a good file comes.
 */
export function createRegister(parts: {
  readonly options: RegisterOptions;
  /** IANA zone of the site: days in the file are days there. */
  readonly timeZone: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): Register {
  const { options, timeZone, clock, logger } = parts;
  const file = options.vehiclesFile;
  let vehicles: ReadonlyMap<string, Vehicle> | null = null;
  let loadedAt: EpochMs | null = null;
  let faults: readonly RegisterFault[] = [];
  let timer: Timer | null = null;
  /** How the file looked when it was read, and at the last look. */
  let readStamp = '';
  let lastStamp = '';
  const warn = createRepeatedFault(clock, (key, count, facts) => logger.warn({ ...facts, count }, key));

  const refuse = (path: string, found: readonly RegisterFault[]): void => {
    faults = found;
    warn('register of vehicles refused', { path, faults: found.length, line: found[0]?.line ?? 0 });
  };

  const load = async (path: string): Promise<void> => {
    const bytes = await readFile(path);
    if (bytes.length > maxFileBytes) {
      refuse(path, [{ line: 0, reason: `the file is larger than ${maxFileBytes / 1_000_000} MB` }]);
      return;
    }
    // Spreadsheets on Chinese Windows save CSV as GBK, of which GB 18030 is the superset.
    const text = isUtf8(bytes) ? bytes.toString('utf8') : new TextDecoder('gb18030').decode(bytes);
    const parsed = parseVehicles(text, timeZone);
    if (parsed.kind === 'faults') {
      refuse(path, parsed.faults);
      return;
    }
    vehicles = new Map(parsed.vehicles.map((vehicle) => [vehicle.plate, vehicle]));
    loadedAt = clock.now();
    faults = [];
    logger.info({ path, vehicles: vehicles.size }, 'register of vehicles loaded');
  };

  const look = async (path: string, first: boolean): Promise<void> => {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const stamp = `${mtimeMs} ${size} ${ino}`;
      // A file that is still being written is left alone until two looks agree.
      const still = first || stamp === lastStamp;
      lastStamp = stamp;
      if (stamp === readStamp || !still) return;
      await load(path);
      readStamp = stamp;
    } catch (error) {
      lastStamp = '';
      refuse(path, [{ line: 0, reason: `the file cannot be read: ${codeOf(error) ?? 'unknown fault'}` }]);
    }
  };

  const find = (plate: string, at: EpochMs = clock.now()): Vehicle | null => {
    const vehicle = vehicles?.get(normalisePlate(plate)) ?? null;
    return vehicle !== null && (vehicle.untilMs === null || at <= vehicle.untilMs) ? vehicle : null;
  };

  return {
    name: 'register',
    start: async () => {
      if (file === undefined) return;
      await look(file, true);
      timer = repeat(clock, options.lookEvery, () => look(file, false));
    },
    stop: () => {
      timer?.cancel();
      timer = null;
      return Promise.resolve();
    },
    knows: (plate, at) => (vehicles === null ? null : find(plate, at) !== null),
    find,
    entry: (plate) => vehicles?.get(normalisePlate(plate)) ?? null,
    status: () => ({ vehicles: vehicles?.size ?? 0, loadedAt, faults }),
  };
}
