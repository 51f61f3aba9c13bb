import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

const special = new BlockList();
// IANA special-purpose registries: what is not reachable over the internet, or is another way to write such an address.
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  special.addSubnet(net, prefix, 'ipv4');
for (const [net, prefix] of [
  ['::', 96],
  ['64:ff9b::', 32],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  special.addSubnet(net, prefix, 'ipv6');

/** Whether an IP address is private, loopback, link-local or otherwise not one of the public internet. */
export function isPrivateAddress(address: string): boolean {
  const plain = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (mapped !== undefined) return special.check(mapped, 'ipv4');
  const version = isIP(plain);
  if (version === 0) return true;
  // An IPv4 address in the hexadecimal form of IPv6 is never written by honest people.
  if (version === 6 && /^::ffff:/i.test(plain)) return true;
  return special.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}

export class PrivateAddressError extends Error {
  readonly code = 'PRIVATE_ADDRESS';
}

/**
 * A resolver for `net.connect` that fails where a name has a private address. The connection is made to the very
 * answer that was checked, so a name cannot point elsewhere a moment later.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  dnsLookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const bad = addresses.find(({ address }) => isPrivateAddress(address));
    const [first] = addresses;
    if (error) callback(error, '', 4);
    else if (bad) callback(new PrivateAddressError(`${hostname} is ${bad.address}`), '', 4);
    else if (options.all === true) callback(null, addresses);
    else if (first) callback(null, first.address, first.family);
    else callback(new PrivateAddressError(`${hostname} has no address`), '', 4);
  });
};
