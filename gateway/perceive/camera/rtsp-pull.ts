import type { Clock } from '../../lib/clock.ts';
import { createAudioReader } from './audio-units.ts';
import { createAccessUnitReader } from './access-units.ts';
import type { FragmentMemory } from './fragment-memory.ts';
import { countFragments, type Pull, type PullEnd, type PullRequest } from './pull.ts';
import { createReorder, lentPacket, readRtp, type RtpPacket } from './rtp-packets.ts';
import { openRtsp, type RtspFault } from './rtsp-client.ts';
import { createStreamWriter } from './stream-writer.ts';

const answerWithinMs = 10_000;

/**
 * Copies an RTSP camera's H.264 or H.265 to fragments in this thread, without a child process. A pull through an ffmpeg
 * child and the relay costs half as much CPU again: `decisions/ffmpeg-child.md` has the figures.
 */
export function startRtspPull(
  request: PullRequest & {
    readonly url: string;
    readonly transport: 'tcp' | 'udp';
    readonly clock: Clock;
    readonly memory: FragmentMemory;
    readonly audio?: boolean;
  },
): Pull {
  const counted = countFragments(request.sink);
  let units: ReturnType<typeof createAccessUnitReader> | null = null;
  let writer: ReturnType<typeof createStreamWriter> | null = null;
  let deliver: (packet: RtpPacket) => void = () => undefined;
  let payloadType = -1;
  // Over UDP packets wait for others.
  const lent = request.transport === 'tcp' ? lentPacket() : undefined;
  let strange = 0;
  const client = openRtsp({
    url: request.url,
    transport: request.transport,
    clock: request.clock,
    answerWithinMs,
    work: request.memory.work,
    onTrack: (track) => {
      payloadType = track.payloadType;
      const made = createStreamWriter({
        codec: track.codec,
        knownSets: track.parameterSets,
        clockRateHz: track.clockRateHz,
        clock: request.clock,
        memory: request.memory,
        nextStream: request.nextStream,
        onBegin: (init) => counted.sink.begin(init),
        onFragment: (fragment) => counted.sink.take(fragment),
      });
      writer = made;
      const reader = createAccessUnitReader(track.codec, (unit) => made.take(unit), request.memory.work);
      units = reader;
      deliver = request.transport === 'udp' ? createReorder(reader.take) : reader.take;
    },
    onAudioTrack:
      request.audio === true
        ? (track) => {
            const take = createAudioReader(track, request.clock, (unit) => counted.sink.audio?.(unit));
            const inOrder = request.transport === 'udp' ? createReorder(take) : take;
            return (bytes, from, to) => {
              const packet = readRtp(bytes, from, to, track.payloadType);
              if (packet) inOrder(packet);
            };
          }
        : null,
    hurries: () => request.sink.hurries?.() !== false,
    onPacket: (bytes, from, to) => {
      const packet = readRtp(bytes, from, to, payloadType, lent);
      if (packet) deliver(packet);
      else strange += 1;
    },
  });
  return {
    ended: client.ended.then((fault) => {
      request.sink.end();
      units?.close();
      writer?.close();
      return pullEnd(fault);
    }),
    stop: () => client.stop(),
    counts: () => ({
      ...counted.counts(),
      packetsLost: (units?.counts.lost ?? 0) + strange,
      picturesLost: units?.counts.incomplete ?? 0,
    }),
    driftPpm: () => writer?.driftPpm() ?? null,
    pause: () => undefined,
    resume: () => undefined,
  };
}

function pullEnd(fault: RtspFault | null): PullEnd {
  if (!fault) return { kind: 'stopped', reason: 'stopped' };
  switch (fault.kind) {
    case 'wrong-password':
    case 'unsupported':
      return { kind: fault.kind, reason: fault.detail };
    case 'unreachable':
      return { kind: 'unreachable', reason: `the camera cannot be reached (${fault.detail})` };
    case 'refused':
      return { kind: 'unsupported', reason: fault.detail };
    case 'closed':
    case 'not-rtsp':
      return { kind: 'failed', reason: fault.detail };
  }
}
