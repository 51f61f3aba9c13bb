/** One camera's standing in the numbers that the dashboard and /metrics show. */
import type { CameraStatus } from '../perceive/index.ts';

export function cameraFigures({
  id,
  name,
  state,
  reason,
  direction,
  lastFrameAt,
  connections,
  counters,
}: CameraStatus) {
  const { stream, passages, rejected, framesDropped } = counters;
  const { bitsPerSecond, packetsLost, picturesLost, lastKeyAt, gate, decodingMs, decodedWith, gopsDropped } = stream;
  return {
    ...{ id, name, state, reason, direction, lastFrameAt, passages, rejected },
    stream: {
      ...{ bitsPerSecond, packetsLost, picturesLost, lastKeyAt, gate, decodingMs, decodedWith, gopsDropped },
      framesDropped,
      pictures: stream.fragments,
      seenMs: stream.seenMs,
      openMs: stream.openMs,
      gateOpenRatio: stream.seenMs > 0 ? Math.min(stream.openMs / stream.seenMs, 1) : null,
      reconnects: Math.max(connections - 1, 0),
    },
  };
}
