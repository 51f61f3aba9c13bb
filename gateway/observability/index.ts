/**
 * takes: wire reports, camera counts, memory use and stored changes; systemd's socket
 * gives: Prometheus text; the watchdog's sign of life
 * keeps: counters in memory, gone with the process
 * never: says that the gateway lives when it is not healthy; names a plate, a person or a secret in a label
 * spec: Prometheus text format 0.0.4; sd_notify(3)
 */
export { createMetrics, type CameraStats, type MemoryUse, type Metrics } from './metrics.ts';
export { createGatewayHealth, type GatewayHealth, type HealthSources } from './gateway-health.ts';
export { createWatchdog, type Notify } from './watchdog.ts';
export { createSystemdNotify } from './systemd-notify.ts';
export { watchdogOptions, type WatchdogOptions } from './options.ts';
