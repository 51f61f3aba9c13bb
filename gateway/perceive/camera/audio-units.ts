import type { Clock, EpochMs } from '../../lib/clock.ts';
import { createCaptureClock, type CaptureClock } from './capture-clock.ts';
import { ringDistance, type RtpPacket } from './rtp-packets.ts';
import type { AudioTrack } from './sdp.ts';

/** What an MP4 says once of the audio in it. */
export type AudioFormat = Pick<AudioTrack, 'codec' | 'clockRateHz' | 'channels' | 'config'>;

/** A piece of audio as the camera sent it: one AAC access unit, or one packet of G.711. */
export interface AudioUnit {
  readonly format: AudioFormat;
  /** Unlike that of any unit whose times have nothing to do with this one's. */
  readonly run: object;
  /** Samples since its run began, and in it. */
  readonly ticks: number;
  readonly durationTicks: number;
  readonly bytes: Uint8Array;
  readonly capturedAtMs: EpochMs;
}

/** Samples of an AAC access unit: ISO/IEC 14496-3, 4.5.2.1.1. */
const aacSamples = 1024;
/** A leap of the time stamps by more is a camera that has set its clock. */
const leapMs = 10_000;

/**
 * Takes audio out of RTP: AAC-hbr (RFC 3640, 3.2.1 and 3.3.6), G.711 (RFC 3551). A unit that comes in several packets is
 * left out: at the bit rates of cameras there is none.
 */
export function createAudioReader(track: AudioTrack, clock: Clock, onUnit: (unit: AudioUnit) => void) {
  const { codec, clockRateHz, channels, config } = track;
  const format: AudioFormat = { codec, clockRateHz, channels, config };
  let run: { readonly ssrc: number; ticks: number; lastTimestamp: number; captureClock: CaptureClock } | null = null;

  const give = (bytes: Uint8Array, ticks: number, durationTicks: number, own: NonNullable<typeof run>): void => {
    const mediaMs = (ticks / clockRateHz) * 1000;
    const capturedAtMs = own.captureClock.captured(mediaMs, clock.monotonic(), clock.now());
    // Copied: the packet's memory is lent.
    onUnit({ ...{ format, run: own.captureClock, ticks, durationTicks, capturedAtMs }, bytes: Uint8Array.from(bytes) });
  };

  return (packet: RtpPacket): void => {
    const step = run ? ringDistance(packet.timestamp, run.lastTimestamp, 0x100000000) : 0;
    if (run?.ssrc !== packet.ssrc || Math.abs(step) > (leapMs / 1000) * clockRateHz)
      run = { ssrc: packet.ssrc, ticks: 0, lastTimestamp: packet.timestamp, captureClock: createCaptureClock() };
    else {
      run.ticks += step;
      run.lastTimestamp = packet.timestamp;
    }
    const payload = packet.bytes.subarray(packet.from, packet.to);
    if (codec !== 'aac') {
      give(payload, run.ticks, Math.floor(payload.length / channels), run);
      return;
    }
    if (payload.length < 2) return;
    // Each header is 16 bits: size, then index.
    const count = Math.floor(payload.readUInt16BE(0) / 16);
    let at = 2 + count * 2;
    for (let index = 0; index < count && 4 + index * 2 <= payload.length; index += 1) {
      const sizeBytes = payload.readUInt16BE(2 + index * 2) >> track.indexBits;
      if (sizeBytes === 0 || at + sizeBytes > payload.length) return;
      give(payload.subarray(at, at + sizeBytes), run.ticks + index * aacSamples, aacSamples, run);
      at += sizeBytes;
    }
  };
}
