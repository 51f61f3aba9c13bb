import { describe, expect, it } from 'vitest';
import { systemRandom } from './random.ts';
import {
  agreedKey,
  isPairingProof,
  newKeyExchange,
  newPairingCode,
  pairingLink,
  pairingProof,
  parsePairingCode,
  parsePairingLink,
  stretchPairingCode,
} from './pairing.ts';

describe('a pairing code', () => {
  it('is understood however a person types it', () => {
    const code = newPairingCode(systemRandom);
    expect(code.text).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(parsePairingCode(code.text.toLowerCase().replaceAll('-', ' '))).toEqual(code);
    expect(parsePairingCode(code.text.replaceAll('0', 'o').replaceAll('1', 'l'))).toEqual(code);
    expect(parsePairingLink(pairingLink(code, 'https://desk.example:8090'))).toMatchObject({ code });
  });

  it('is refused when it is cut short, has other letters, or names no address', () => {
    const { text } = newPairingCode(systemRandom);
    expect(parsePairingCode(text.slice(1))).toBeNull();
    expect(parsePairingCode(`U${text.slice(1)}`)).toBeNull();
    expect(parsePairingLink(text)).toBeNull();
    expect(parsePairingLink(`${text}@ftp://desk`)).toBeNull();
    expect(parsePairingLink(`${text}@https://user:word@desk`)).toBeNull();
  });
});

describe('the exchange', () => {
  it('gives both sides the same key, and another to each other exchange', () => {
    const [gateway, desk, other] = [newKeyExchange(), newKeyExchange(), newKeyExchange()];
    const known = systemRandom.bytes(32);
    const told = ['east', gateway.publicKey, desk.publicKey];
    const mine = agreedKey(gateway, desk.publicKey, known, told);
    expect(mine).toHaveLength(32);
    expect(agreedKey(desk, gateway.publicKey, known, told)).toEqual(mine);
    expect(agreedKey(other, gateway.publicKey, known, told)).not.toEqual(mine);
    expect(agreedKey(desk, gateway.publicKey, systemRandom.bytes(32), told)).not.toEqual(mine);
    expect(agreedKey(desk, gateway.publicKey, known, ['west', ...told.slice(1)])).not.toEqual(mine);
  });

  it('takes nothing that is no public key, and not the one that leads to zeros', () => {
    const own = newKeyExchange();
    expect(agreedKey(own, 'AAAA', systemRandom.bytes(32), [])).toBeNull();
    expect(agreedKey(own, Buffer.alloc(32).toString('base64url'), systemRandom.bytes(32), [])).toBeNull();
  });

  it('has proofs that only the code makes, each for its side and for what was told', async () => {
    const code = newPairingCode(systemRandom);
    const known = await stretchPairingCode(code);
    const proof = pairingProof(known, 'gateway', ['a', 'b']);
    expect(isPairingProof(proof, await stretchPairingCode(code), 'gateway', ['a', 'b'])).toBe(true);
    expect(isPairingProof(proof, known, 'desk', ['a', 'b'])).toBe(false);
    expect(isPairingProof(proof, known, 'gateway', ['ab', ''])).toBe(false);
    expect(isPairingProof(proof, await stretchPairingCode(newPairingCode(systemRandom)), 'gateway', ['a', 'b'])).toBe(
      false,
    );
  });
});
