/** Tells public addresses from private ones and from metadata services. Pure: looks nothing up. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * public: on the internet. metadata: a service of the cloud that gives the machine's credentials to any program on it.
 * private: all others: private, shared, loopback, documentation, multicast and reserved ranges, and tunnels.
 */
export type AddressKind = 'public' | 'private' | 'metadata';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Metadata services outside the link-local ranges, which are refused as a whole. */
const METADATA = new Set([
  'fd20:ce::254', // Google
  'fd00:ec2::254', // AWS
  'fd00:ec2::23', // AWS EKS pod identity
  'fd00:c1::a9fe:a9fe', // Oracle
  '192.0.0.192', // Oracle, Classic
  'fd00:42::42', // Scaleway
  'fd00:a9fe:a9fe::1', // Linode
  '100.100.100.200', // Alibaba
  '168.63.129.16', // Azure's host agent, an address that looks public
]);

/** An IPv6 form that contains IPv4 addresses, to which the connection or a gateway really goes. */
interface Carrier {
  is(address: ipaddr.IPv6): boolean;
  /** Which of the 16 bytes make up an IPv4 address. */
  at: readonly (readonly number[])[];
  /** The same for addresses with all bits inverted. */
  inverted?: readonly (readonly number[])[];
  /** Public IPv4 addresses are still reached in this form; the other forms are no longer in use. */
  inUse?: boolean;
}

const LAST = [12, 13, 14, 15] as const;
/** RFC 6052, 2.2: after prefixes of 48, 56, 64 and 96 bits, skipping byte 8, which is 0. */
const NAT64_PLACES = [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], LAST] as const;

const CARRIERS: readonly Carrier[] = [
  { is: within('::ffff:0:0/96'), at: [LAST], inUse: true }, // mapped, RFC 4291
  { is: within('64:ff9b::/96'), at: [LAST], inUse: true }, // NAT64, RFC 6052
  { is: within('64:ff9b:1::/48'), at: NAT64_PLACES }, // NAT64 inside a network, RFC 8215
  { is: within('::/96'), at: [LAST] }, // compatible, RFC 4291
  { is: within('::ffff:0:0:0/96'), at: [LAST] }, // translated, RFC 2765
  { is: within('2002::/16'), at: [[2, 3, 4, 5]] }, // 6to4, RFC 3056
  { is: within('2001::/32'), at: [[4, 5, 6, 7]], inverted: [LAST] }, // Teredo, RFC 4380: server and client
  { is: isIsatap, at: [LAST] },
];
/** The only part of IPv6 from which public addresses are assigned. */
const GLOBAL_UNICAST = within('2000::/3');

/** Undefined for text that sockets do not accept as an IP address. A zone is ignored. */
export function addressKind(ip: string): AddressKind | undefined {
  const address = parsed(ip);
  if (address === undefined) return undefined;
  if (address instanceof ipaddr.IPv4) return kindOfIPv4(address);
  const carrier = CARRIERS.find(({ is }) => is(address));
  const inner = carrier ? carriedBy(address, carrier) : [];
  if (isMetadata(address) || inner.some(isMetadata)) return 'metadata';
  if (carrier) return carrier.inUse && inner.every(isUnicast) ? 'public' : 'private';
  return GLOBAL_UNICAST(address) && isUnicast(address) ? 'public' : 'private';
}

function kindOfIPv4(address: ipaddr.IPv4): AddressKind {
  if (isMetadata(address)) return 'metadata';
  return isUnicast(address) ? 'public' : 'private';
}

function isMetadata(address: Address): boolean {
  return address.range() === 'linkLocal' || METADATA.has(address.toString());
}

function isUnicast(address: Address): boolean {
  return address.range() === 'unicast';
}

function carriedBy(address: ipaddr.IPv6, { at, inverted = [] }: Carrier): ipaddr.IPv4[] {
  const bytes = address.toByteArray();
  const read = (places: readonly number[], mask: number) =>
    new ipaddr.IPv4(places.map((place) => (bytes[place] ?? 0) ^ mask));
  return [...at.map((places) => read(places, 0)), ...inverted.map((places) => read(places, 0xff))];
}

function within(cidr: string): (address: ipaddr.IPv6) => boolean {
  const range = ipaddr.IPv6.parseCIDR(cidr);
  return (address) => address.match(range);
}

/** RFC 5214, 6.1: any prefix, then 0:5efe or 200:5efe. */
function isIsatap(address: ipaddr.IPv6): boolean {
  const [, , , , high, low] = address.parts;
  return (high === 0 || high === 0x200) && low === 0x5efe;
}

/**
 * Checks with node:net first, because ipaddr.js also accepts 0x7f.1 and 2130706433. Has URL write IPv6 in
 * hexadecimal, because ipaddr.js reads ::8.8.8.8 as ::ffff:8.8.8.8.
 */
function parsed(ip: string): Address | undefined {
  const [address = ''] = ip.split('%');
  const family = isIP(address);
  if (family === 0) return undefined;
  return ipaddr.parse(family === 4 ? address : new URL(`http://[${address}]`).hostname.slice(1, -1));
}
