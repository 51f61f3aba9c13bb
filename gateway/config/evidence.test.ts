import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfiguration } from './index.ts';

function loaded(api: string, evidence: string) {
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-config-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'kanmen.yaml');
  writeFileSync(join(dir, 'secret'), 'x');
  writeFileSync(
    file,
    [
      'site: { id: dongyuan, name: 东苑 }',
      `api: { ${api} }`,
      'channels: { desk: { kind: webhook, url: "https://desk.example/", secretFile: secret } }',
      'recipients:',
      `  - { id: station, name: 派出所, role: station, channel: desk, evidence: { ${evidence} } }`,
    ].join('\n'),
  );
  return loadConfiguration(file);
}
const faultsOf = (result: ReturnType<typeof loaded>) =>
  result.ok ? [] : result.faults.map(({ path, line, message }) => ({ path, line, message }));

describe('how pictures reach a recipient', () => {
  it('has its defaults, and takes what is set', () => {
    const plain = loaded('', '');
    expect(plain.ok && plain.value.recipients[0]?.evidence).toEqual({
      inlineUpToBytes: null,
      linkForMs: 604_800_000,
      legalBasis: null,
    });
    const set = loaded(
      'publicUrl: "https://gate.example:8443/"',
      'inlineUpTo: 1MB, linkFor: 2h, legalBasis: 调取证据通知书（甬公调证字〔2026〕1号）',
    );
    expect(set.ok && [set.value.recipients[0]?.evidence, set.value.api.publicUrl]).toEqual([
      { inlineUpToBytes: 1_000_000, linkForMs: 7_200_000, legalBasis: '调取证据通知书（甬公调证字〔2026〕1号）' },
      'https://gate.example:8443',
    ]);
  });

  it('is a fault with its line where faces are to be shown and there is no address for links', () => {
    expect(faultsOf(loaded('', 'legalBasis: 调取证据通知书（甬公调证字〔2026〕1号）'))).toEqual([
      {
        path: 'recipients[0].evidence.legalBasis',
        line: 5,
        message: 'shows faces by links, and links need the address at which this gateway is reached',
      },
    ]);
  });

  it('is no address with a password, a query or another protocol', () => {
    for (const url of ['ftp://gate.example', 'https://u:p@gate.example', 'https://gate.example/?a=1', 'gate.example'])
      expect(faultsOf(loaded(`publicUrl: "${url}"`, '')).map(({ path }) => path)).toEqual(['api.publicUrl']);
  });
});
