import { describe, expect, it } from 'vitest';
import { isPrivateAddress } from './private-address.ts';

describe('isPrivateAddress', () => {
  it('knows private, loopback, link-local and translated addresses in every way of writing them', () => {
    const privates = [
      '10.1.2.3',
      '127.0.0.1',
      '169.254.169.254',
      '172.31.255.255',
      '192.168.1.1',
      '100.64.0.1',
      '0.0.0.0',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      '[::1]',
      'fe80::1%eth0',
      'fd00::1',
      '::ffff:10.0.0.1',
      '::ffff:a00:1',
      '64:ff9b::a00:1',
      '2002:a00:1::',
      'ff02::1',
      'not-an-address',
    ];
    expect(privates.filter((address) => !isPrivateAddress(address))).toEqual([]);
  });

  it('lets public ones pass', () => {
    const publics = ['8.8.8.8', '172.32.0.1', '192.169.0.1', '100.128.0.1', '2400:3200::1', '::ffff:8.8.8.8'];
    expect(publics.filter(isPrivateAddress)).toEqual([]);
  });
});
