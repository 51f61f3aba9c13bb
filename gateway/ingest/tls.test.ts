import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { generate } from 'selfsigned';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { password, startBench } from './ingest-fixture.ts';

describe('the embedded broker over TLS', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kanmen-tls-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('takes devices that trust its certificate, with the same credentials', async () => {
    const pem = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec', algorithm: 'sha256' });
    const certFile = join(folder, 'server.pem');
    const keyFile = join(folder, 'server.key');
    await writeFile(certFile, pem.cert);
    await writeFile(keyFile, pem.private);
    const { ingest, sink, end } = await startBench({ mqtt: { tls: { listen: '127.0.0.1:0', certFile, keyFile } } });
    const url = `mqtts://localhost:${ingest.address()?.tlsPort ?? 0}`;
    const options = { username: 'fire/f1', password, reconnectPeriod: 0 };
    await expect(connectAsync(url, options, false)).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    const client = await connectAsync(url, { ...options, ca: pem.cert }, false);
    await client.publishAsync('community/s1/fire/f1/alarm', '{"device":"f1","kind":"smoke","active":true}', { qos: 1 });
    expect(sink.events).toMatchObject([{ event: { kind: 'fire', device: 'fire/f1' } }]);
    await client.endAsync(true);
    await end();
  });

  it('does not start without its key, and says which file', async () => {
    const tls = { certFile: join(folder, 'no.pem'), keyFile: join(folder, 'no.key') };
    await expect(startBench({ mqtt: { tls } })).rejects.toMatchObject({
      code: 'config.secret-missing',
      facts: { path: join(folder, 'no.pem'), reason: 'ENOENT' },
    });
  });
});
