import type { Device } from '../domain/device.ts';
import type { AreaId, CameraId, DeviceKey } from '../domain/ids.ts';

/** Where devices and cameras stand. Devices may be moved by another process: the version tells when to look again. */
export function createSourceAreas(
  store: { devicesVersion(): number; devices(): readonly Device[] },
  cameras: ReadonlyMap<CameraId, AreaId | null>,
  monotonicMs: () => number,
): { of(source: DeviceKey | CameraId): AreaId | null } {
  let areas = new Map<string, AreaId | null>();
  let version = -1;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  const refresh = (): void => {
    // At most once a second: this is asked for every message.
    if (monotonicMs() - lookedAtMs < 1000) return;
    lookedAtMs = monotonicMs();
    const now = store.devicesVersion();
    if (now === version) return;
    version = now;
    areas = new Map(store.devices().map(({ key, area }) => [key, area]));
  };
  return {
    of: (source) => {
      const camera = cameras.get(source as CameraId);
      if (camera !== undefined) return camera;
      refresh();
      return areas.get(source) ?? null;
    },
  };
}
