import type { Clock } from '../../lib/clock.ts';
import { createDecoderSlots, type DecoderSlots } from './decoder-slots.ts';
import type { HardwareDecoding } from './decoding-kinds.ts';
import { createDecodingWay, type DecodingReport, type DecodingWay } from './decoding-way.ts';
import { createFragmentMemory, type FragmentMemory } from './fragment-memory.ts';
import { createStillDecoder, type StillDecoder } from './still-decoder.ts';

/** What the cameras of one thread have together. */
export interface CameraShared {
  readonly slots: DecoderSlots;
  readonly way: DecodingWay;
  readonly stills: StillDecoder | null;
  readonly memory: FragmentMemory;
}

export function createCameraShared(options: {
  /** Decoders at work at once. */
  readonly decoders: number;
  readonly hardware: HardwareDecoding;
  readonly clock: Clock;
  readonly onDecoding: (report: DecodingReport) => void;
}): CameraShared & { close(): Promise<void> } {
  const { clock } = options;
  const stills = createStillDecoder(clock);
  return {
    slots: createDecoderSlots({ capacity: options.decoders, turnMs: 6000, clock }),
    way: createDecodingWay(options.hardware, options.onDecoding),
    stills,
    memory: createFragmentMemory(),
    close: () => stills.close(),
  };
}
