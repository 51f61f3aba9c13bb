import { describe, expect, it } from 'vitest';
import { formatFault, gatewaySchema, gatewayTemplate, readText } from './index.ts';

const site = 'site: { id: a, name: b }\n';
/** Faults of a gateway's configuration with this text below its site, as people read them, without the file. */
function faultsOf(text: string): string[] {
  const read = readText('k.yaml', site + text, gatewaySchema);
  return read.ok ? [] : read.faults.map((fault) => formatFault(fault).replace(/^k\.yaml:/, ''));
}

describe('a configuration', () => {
  it.each([
    [
      'a key with a slip of the pen',
      'camreas: []\n',
      /^2:1 camreas = \[\]: unknown key, did you mean "cameras"\? \(all/,
    ],
    ['a key deep inside', 'outbox: { retri: {} }\n', /^2:11 outbox\.retri = \{\}: unknown key, did you mean "retry"/],
    ['a key of a channel', 'channels: { d: { kind: webhook, ulr: x } }\n', /channels\.d\.ulr.*did you mean "url"/],
    [
      'a kind that is none',
      'channels: { d: { kind: fax } }\n',
      /channels\.d\.kind = "fax".*\(allowed: one of webhook, viid, mqtt, .*siren\)$/,
    ],
    ['a kind left out', 'channels: { d: { url: "http://x" } }\n', /channels\.d\.kind: is missing \(allowed: one of/],
    ['a choice that is none', 'log: { level: loud }\n', /log\.level = "loud".*allowed: one of fatal, error, warn/],
    [
      'a number that is too large',
      'mqtt: { maxClients: 90000 }\n',
      /maxClients = 90000: is too large \(allowed: at most 20000\)/,
    ],
    [
      'a text that is too short',
      'areas: [{ id: x, name: "" }]\n',
      /areas\[0\]\.name = "": is too small \(allowed: at least 1 characters\)/,
    ],
    [
      'a duration without unit',
      'retention: { faces: 72 }\n',
      /faces = 72: does not fit \(allowed: a duration such as 30s/,
    ],
    [
      'a duration out of bounds',
      'retention: { faces: 31d }\n',
      /faces = "31d": does not fit \(allowed: .* between 1h and 30d\)/,
    ],
    ['an address that is none', 'api: { listen: nowhere }\n', /api\.listen = "nowhere".*127\.0\.0\.1:8080/],
    [
      'a channel name that is none',
      'channels: { "a b": { kind: webhook } }\n',
      /is no name that can stand here \(allowed: letters/,
    ],
    [
      'two recipients of one id',
      `recipients:
  - { id: r, name: n, role: grid, channel: c }
  - { id: r, name: m, role: grid, channel: c }
`,
      /^4:7 recipients\[1\]\.id = "r": two recipients named r$/,
    ],
  ])('tells %s with place, value and what is allowed', (_what, text, said) => {
    expect(faultsOf(text)).toContainEqual(expect.stringMatching(said));
  });

  it('shows no secret in a fault, wherever it was written', () => {
    const text = faultsOf(`password: hunter2
cameras: [{ id: c, name: n, url: "admin:hunter2@10.0.0.7/x" }]
api: { token: hunter2, tokn: "http://u:hunter2@h/" }
mqtt: { external: { url: "mqtt://me:hun@ter2@broker", key: hunter2, more: { secret: hunter2 } } }
channels: { d: { kind: webhook, secret: whsec_hunter2, url: "ftp://u:hunter2@h" } }
log: whsec_hunter2
`).join('\n');
    expect(text.split('\n').length).toBeGreaterThanOrEqual(8);
    expect(text).not.toMatch(/hunter2|ter2/);
    expect(text).toContain('cameras[0].url = "***@10.0.0.7/x"');
  });

  it('is closed, and the template fits it', () => {
    const template = gatewayTemplate({ siteId: 'a', siteName: '东苑: "小区"', gatewayId: 'gw' });
    const read = readText('k.yaml', template, gatewaySchema);
    expect(read.ok ? read.value.site.name : read.faults).toBe('东苑: "小区"');
    expect(faultsOf('series: { influx: { url: "http://db:8086", retries: 3 } }\n')).toHaveLength(1);
  });
});
