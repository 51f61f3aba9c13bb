import { setTimeout as sleep } from 'node:timers/promises';
import { createCommunity, type Community } from '../support/community.ts';
import type { KanmenProcess } from '../support/kanmen-process.ts';
import type { ClipCamera } from '../support/simulators/clip-camera.ts';

/** What `/health` says of a wire. */
interface Wire {
  readonly name: string;
  readonly passed: number;
  readonly dropped: number;
}

export interface CameraGateway {
  readonly community: Community;
  readonly gateway: KanmenProcess;
  readonly pid: number;
  /** Counts so far: coded pictures that came, pictures decoded for the detectors, and what was dropped of each. */
  readonly counts: () => Promise<{ coded: number; gopsDropped: number; decoded: number; framesDropped: number }>;
  /** Passages told of so far, of all cameras. */
  readonly passages: () => Promise<number>;
  /** Waits until no picture was decoded for `forMs`; false when that does not come about within `withinMs`. */
  readonly quiet: (forMs: number, withinMs: number) => Promise<boolean>;
}

/**
 * A whole gateway (`kanmen run`) with the given cameras and nothing else to do. Without a desk its station cannot be reached,
 * and it keeps trying.
 */
export async function startCameraGateway(
  cameras: readonly ClipCamera[],
  perception: Readonly<Record<string, unknown>> = {},
  desk = false,
  camera: Readonly<Record<string, unknown>> = {},
): Promise<CameraGateway> {
  const community = await createCommunity({
    devices: [],
    gateway: {
      cameras: cameras.map(({ url }, index) => ({ id: `c${index + 1}`, name: `camera ${index + 1}`, url, ...camera })),
      perception,
    },
  });
  if (desk) await community.startDesk();
  const gateway = await community.startGateway();
  const counts: CameraGateway['counts'] = async () => {
    const { wires } = (await (await fetch(`${gateway.ready.api}/health`)).json()) as { wires: Wire[] };
    const wire = (name: string): Wire => wires.find((one) => one.name === name) ?? { name, passed: 0, dropped: 0 };
    const coded = wire('camera → gate');
    const decoded = wire('decoder → detector');
    return {
      coded: coded.passed,
      gopsDropped: coded.dropped,
      decoded: decoded.passed,
      framesDropped: decoded.dropped,
    };
  };
  return {
    community,
    gateway,
    pid: gateway.child.pid ?? 0,
    counts,
    passages: async () => {
      const metrics = await (await fetch(`${gateway.ready.api}/metrics`)).text();
      return [...metrics.matchAll(/^kanmen_camera_passages_total\{[^}]*\} (\d+)$/gm)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      );
    },
    quiet: async (forMs, withinMs) => {
      const deadline = Date.now() + withinMs;
      let decoded = -1;
      let since = Date.now();
      while (Date.now() < deadline) {
        const now = (await counts()).decoded;
        if (now !== decoded || now === 0) since = Date.now();
        decoded = now;
        if (Date.now() - since >= forMs) return true;
        await sleep(500);
      }
      return false;
    },
  };
}
