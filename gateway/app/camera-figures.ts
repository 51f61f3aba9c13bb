/** One camera's standing in the numbers that the dashboard and /metrics show. */
import type { CameraStatus } from '../perceive/index.ts';

export function cameraFigures({
  id,
  name,
  state,
  cause,
  reason,
  direction,
  lastFrameAt,
  connections,
  blind,
  zones,
  counters,
}: CameraStatus) {
  const { stream, passages, rejected, framesDropped, standing } = counters;
  const { bitsPerSecond, packetsLost, picturesLost, lastKeyAt, gate, decodingMs, decodedWith, gopsDropped } = stream;
  return {
    ...{ id, name, state, cause, reason, direction, lastFrameAt, passages, rejected, blind },
    zones: zones.map((zone) => ({
      ...{ id: zone.id, name: zone.name ?? zone.id, use: zone.use, points: zone.points },
      occupiedSince: standing.find((one) => one.zone === zone.id)?.since ?? null,
    })),
    stream: {
      ...{ bitsPerSecond, packetsLost, picturesLost, lastKeyAt, gate, decodingMs, decodedWith, gopsDropped },
      framesDropped,
      pictures: stream.fragments,
      seenMs: stream.seenMs,
      openMs: stream.openMs,
      gateOpenRatio: stream.seenMs > 0 ? Math.min(stream.openMs / stream.seenMs, 1) : null,
      driftPpm: stream.driftPpm,
      reconnects: Math.max(connections - 1, 0),
    },
  };
}
