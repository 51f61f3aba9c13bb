import { createHash } from 'node:crypto';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { someDelivery } from '../gateway/channels/contract.ts';
import { openFarSide } from '../gateway/channels/webhook/far-side.ts';
import type { RecipientId } from '../gateway/domain/ids.ts';
import { createEvidence, loadEvidenceKeys } from '../gateway/evidence/index.ts';
import { systemClock, type EpochMs } from '../gateway/lib/clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { systemRandom } from '../gateway/lib/random.ts';
import { createStore } from '../gateway/store/index.ts';
import { freePort } from './support/free-port.ts';
import { createTestFolder, startKanmen } from './support/kanmen-process.ts';

/** The whole gateway: a picture that does not fit into the notice is fetched by the link that stands in it. */

vi.setConfig({ testTimeout: 120_000 });

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

describe('a recipient of a running gateway', () => {
  it('fetches the picture by its link, is told when it was altered, and stands in the audit log', async () => {
    const folder = createTestFolder();
    endings.push(() => folder.remove());
    const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
    folder.write('station.secret', secret);
    const far = await openFarSide(secret);
    endings.push(() => far.close());
    const port = await freePort();
    const config = folder.write('kanmen.yaml', {
      site: { id: 'dongyuan', name: '东苑小区' },
      dataDir: 'data',
      mqtt: { listen: '127.0.0.1:0' },
      api: { listen: `127.0.0.1:${port}`, publicUrl: `http://127.0.0.1:${port}` },
      log: { level: 'error' },
      recipients: [{ id: 'station', name: '派出所', role: 'station', channel: 'desk', evidence: { inlineUpTo: '0B' } }],
      channels: { desk: { kind: 'webhook', url: `${far.origin}/notices`, secretFile: 'station.secret' } },
    });
    const common = { clock: systemClock, logger: silentLogger };
    const dataDir = join(folder.dir, 'data');
    const place = { dir: join(dataDir, 'evidence'), ownFile: join(dataDir, 'evidence.key') };
    const keys = loadEvidenceKeys({ previousKeyFiles: [] }, place, systemRandom);
    const evidence = createEvidence({
      ...{ ...common, dir: place.dir, keys, random: systemRandom, isKnown: () => true },
    });
    await evidence.start(new AbortController().signal);
    const jpeg = await sharp({ create: { width: 200, height: 100, channels: 3, background: '#345' } })
      .jpeg()
      .toBuffer();
    const capturedAt = Date.now() as EpochMs;
    const { ref, change } = await evidence.save({ jpeg, faces: [], camera: 'gate-1', capturedAt, alertId: null });
    const openStore = async () => {
      const store = createStore({ ...common, file: join(dataDir, 'kanmen.sqlite'), reserveBytes: 0 });
      await store.start(new AbortController().signal);
      return store;
    };
    const before = await openStore();
    const piece = {
      ...{ id: ref.id, kind: 'picture', mediaType: 'image/jpeg', sha256: ref.sha256, camera: 'gate-1' },
      capturedAt: new Date(capturedAt).toISOString(),
    };
    const recipient = 'station' as RecipientId;
    const delivery = someDelivery({ recipient, alertId: null, createdAt: capturedAt, data: { evidence: [piece] } });
    await before.commit([change, { kind: 'delivery-created', delivery }]);
    await before.stop();

    const gateway = await startKanmen('run', config);
    endings.push(() => gateway.stop('SIGKILL'));
    const item = await vi.waitFor(() => {
      const found = far.items.find(({ id }) => id === delivery.id);
      if (!found) throw new Error('not sent yet');
      const [sent] = (found.data as { evidence: { url?: string; inline?: string; sha256: string }[] }).evidence;
      return sent;
    }, 30_000);
    expect(item?.inline).toBeUndefined();
    const reply = await fetch(item?.url ?? '');
    const bytes = Buffer.from(await reply.arrayBuffer());
    expect([reply.status, createHash('sha256').update(bytes).digest('hex')]).toEqual([200, item?.sha256]);
    const altered = await fetch((item?.url ?? '').replace('form=blurred', 'form=as-seen'));
    expect([altered.status, ((await altered.json()) as { error: { code: string } }).error.code]).toEqual([
      403,
      'link.no-legal-basis',
    ]);
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(metrics).toContain('kanmen_refused_total{what="evidence-link",reason="no-legal-basis"} 1');
    expect(await gateway.stop()).toBe(0);

    const after = await openStore();
    const actions = after.audit({ before: null, limit: 50 }).map(({ by, action }) => `${by}: ${action}`);
    await after.stop();
    expect(actions).toEqual(
      expect.arrayContaining([
        'link of station: evidence-link-opened',
        expect.stringMatching(/: refused evidence-link: no-legal-basis$/),
      ]),
    );
  });
});
