import type { Clock } from '../../lib/clock.ts';
import type { AccessUnit } from './access-units.ts';
import { createCaptureClock, type CaptureClock } from './capture-clock.ts';
import type { Fragment, InitSegment } from './fragment.ts';
import type { FragmentMemory } from './fragment-memory.ts';
import { headBytes, timescale, writeFragment, writeInitSegment } from './mp4-writer.ts';
import { nalKind, type Codec } from './nal-units.ts';
import { sameSets, type ParameterSets } from './parameter-sets.ts';
import { ringDistance } from './rtp-packets.ts';

/** A time stamp that leaps by more than this is a camera that has set its clock or started anew. */
const leapTicks = 10 * timescale;
/** B pictures go back by a few frames; more is a leap. */
const backTicks = 1 * timescale;
/** The wall clock was set when it has moved this far against the monotonic one. */
const clockSetMs = 1000;

export interface StreamWriterRequest {
  readonly codec: Codec;
  /** Parameter sets known beforehand; those in the stream count more. */
  readonly knownSets: readonly Uint8Array[];
  readonly clockRateHz: number;
  readonly clock: Clock;
  readonly memory: FragmentMemory;
  /** Number for the next stream of this camera. */
  readonly nextStream: () => number;
  readonly onBegin: (init: InitSegment) => void;
  readonly onFragment: (fragment: Fragment) => void;
}

/** Makes pictures into fragments: writes MP4, counts, and says when each was captured. Begins a new stream where the old one cannot go on. */
export function createStreamWriter(request: StreamWriterRequest) {
  const { codec, clock } = request;
  let sets: ParameterSets | null = setsFrom(codec, request.knownSets);
  let stream: OpenStream | null = null;
  let refusedSets = 0;
  const memory = request.memory.writer();

  const beginStream = (chosen: ParameterSets, unit: AccessUnit): boolean => {
    try {
      const init = writeInitSegment(chosen, request.nextStream());
      sets = chosen;
      stream = {
        number: init.stream,
        ssrc: unit.ssrc,
        sequence: 0,
        lastTimestamp: unit.timestamp,
        ticks: 0,
        lastDecodeTicks: -1,
        durationTicks: timescale / 25,
        wallOffsetMs: clock.now() - clock.monotonic(),
        captureClock: createCaptureClock(),
      };
      request.onBegin(init);
      return true;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      // A damaged set: the next key frame brings another.
      refusedSets += 1;
      return false;
    }
  };

  return {
    take: (unit: AccessUnit): void => {
      const arrivedAt = clock.monotonic();
      if (unit.key) {
        const chosen = withUnit(sets, unit, codec);
        if (chosen === null) return;
        const goesOn = stream !== null && sets !== null && sameSets(chosen, sets) && continues(stream, unit, clock);
        if (!goesOn && !beginStream(chosen, unit)) return;
      }
      if (stream === null || (!unit.key && !continues(stream, unit, clock))) return;
      const scale = timescale / request.clockRateHz;
      stream.ticks += Math.round(ringDistance(unit.timestamp, stream.lastTimestamp, 0x100000000) * scale);
      stream.lastTimestamp = unit.timestamp;
      // Decode time never goes back; a B picture is shown before its place.
      const decodeTicks = Math.max(stream.ticks, stream.lastDecodeTicks + 1);
      if (stream.sequence > 0) stream.durationTicks = Math.max(decodeTicks - stream.lastDecodeTicks, 1);
      stream.lastDecodeTicks = decodeTicks;
      const mediaTimeMs = decodeTicks / (timescale / 1000);
      const { bytes, memory: lent } = writeFragment(
        {
          nals: unit.nals,
          key: unit.key,
          decodeTicks,
          durationTicks: stream.durationTicks,
          offsetTicks: stream.ticks - decodeTicks,
        },
        stream.sequence,
        memory.take,
      );
      const fragment: Fragment = {
        stream: stream.number,
        sequence: stream.sequence,
        key: unit.key,
        bytes,
        memory: lent,
        sizeBytes: bytes.length,
        sampleSizesBytes: [bytes.length - headBytes],
        mediaTimeMs,
        // The next one is not there yet: as long as the one before it.
        durationMs: stream.durationTicks / (timescale / 1000),
        capturedAtMs: stream.captureClock.captured(mediaTimeMs, arrivedAt, clock.now()),
      };
      stream.sequence += 1;
      request.onFragment(fragment);
    },
    driftPpm: (): number | null => stream?.captureClock.driftPpm() ?? null,
    refusedSets: (): number => refusedSets,
    /** No more pictures come. What was given out stays good while somebody holds it. */
    close: (): void => memory.close(),
  };
}

interface OpenStream {
  readonly number: number;
  readonly ssrc: number;
  sequence: number;
  lastTimestamp: number;
  ticks: number;
  lastDecodeTicks: number;
  durationTicks: number;
  readonly wallOffsetMs: number;
  readonly captureClock: CaptureClock;
}

/** Whether a picture belongs to the running stream: same sender, time that goes on, and nobody has set our own clock. */
function continues(stream: OpenStream, unit: AccessUnit, clock: Clock): boolean {
  const step = ringDistance(unit.timestamp, stream.lastTimestamp, 0x100000000);
  if (unit.ssrc !== stream.ssrc || step > leapTicks || step < -backTicks) return false;
  return !unit.key || Math.abs(clock.now() - clock.monotonic() - stream.wallOffsetMs) < clockSetMs;
}

function setsFrom(codec: Codec, units: readonly Uint8Array[]): ParameterSets | null {
  const of = (kind: string): Uint8Array[] => units.filter((unit) => nalKind(codec, unit) === kind);
  const sps = of('sps')[0];
  const pps = of('pps');
  const vps = of('vps')[0] ?? null;
  if (!sps || pps.length === 0 || (codec === 'hevc' && vps === null)) return null;
  return { codec, vps, sps, pps };
}

function withUnit(known: ParameterSets | null, unit: AccessUnit, codec: Codec): ParameterSets | null {
  if (unit.sps === null && unit.pps.length === 0 && unit.vps === null) return known;
  const sps = unit.sps ?? known?.sps;
  const pps = unit.pps.length > 0 ? unit.pps : (known?.pps ?? []);
  const vps = unit.vps ?? known?.vps ?? null;
  if (!sps || pps.length === 0 || (codec === 'hevc' && vps === null)) return null;
  return { codec, vps, sps, pps };
}
