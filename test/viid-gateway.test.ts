import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { createApp } from '../gateway/app.ts';
import { loadConfiguration } from '../gateway/config/index.ts';
import { systemClock } from '../gateway/lib/clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { systemRandom } from '../gateway/lib/random.ts';
import { projectRoot } from './support/kanmen-process.ts';
import { gatewayCode, until } from './support/viid-server/bench.ts';
import { openViidPlatform } from './support/viid-server/viid-server.ts';

/** The whole gateway, from its configuration file, beside the conformance server. */

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

function configured(url: string, recipient: string) {
  const folder = mkdtempSync(join(tmpdir(), 'kanmen-viid-gateway-'));
  endings.push(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'platform.password'), 'Passw0rd');
  const file = join(folder, 'kanmen.yaml');
  writeFileSync(
    file,
    `
site: { id: nb-0231, name: 东苑 }
api: { listen: '127.0.0.1:0' }
mqtt: { listen: { host: 127.0.0.1, port: 0 } }
channels:
  platform:
    kind: viid
    url: ${url}
    deviceId: '${gatewayCode}'
    passwordFile: platform.password
    orgCode: '330203000000'
    keepaliveEvery: 1s
recipients:
  - { id: viid, name: 视图库, role: station, channel: platform, ${recipient} }
`,
  );
  return loadConfiguration(file);
}

describe('a gateway with a platform', () => {
  it('registers when it starts, keeps alive, and unregisters when it stops', async () => {
    const platform = await openViidPlatform();
    endings.push(() => platform.close());
    const loaded = configured(platform.url, 'alerts: false, passages: true');
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
    const app = createApp({
      configuration: loaded.value,
      installDir: pathToFileURL(`${projectRoot}/`),
      ...{ version: '0', clock: systemClock, random: systemRandom, logger: silentLogger },
      ...{ passKillPoint: () => undefined, fsyncDelayMs: 0, notifySocket: null, pid: process.pid },
      memoryUsage: () => ({ rss: 0, heapUsed: 0, external: 0 }),
    });
    let running = true;
    const stop = async (): Promise<void> => {
      if (running) await app.stop();
      running = false;
    };
    endings.push(stop);
    await app.start(new AbortController().signal);
    await until(() => platform.taken('KeepaliveObject').length >= 2);
    expect(platform.registered).toEqual(new Set([gatewayCode]));
    await stop();
    expect(platform.registered.size).toBe(0);
    expect(platform.faults).toEqual([]);
  });

  it('is not configured to be told of alerts over it', () => {
    const loaded = configured('http://127.0.0.1:1', 'passages: true');
    expect(loaded.ok ? [] : loaded.faults.map(({ path, allowed }) => [path, allowed])).toEqual([
      ['recipients[0].alerts', 'false'],
    ]);
  });
});
