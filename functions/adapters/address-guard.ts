import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { PermanentError } from '../errors.ts';

/** All addresses of a host name. Rejects with Node's DNS errors (ENOTFOUND, EAI_AGAIN). */
export type Resolver = (hostname: string) => Promise<readonly ResolvedAddress[]>;

export interface ResolvedAddress {
  address: string;
  family: number;
}

export interface GuardOptions {
  /** Let loopback, private and link-local addresses pass. Metadata services are refused all the same. */
  allowPrivate: boolean;
  /** The system's own by default. */
  resolver?: Resolver;
}

/** They hand out the machine's own credentials to whoever can ask. */
const METADATA_NAMES = new Set(['metadata.google.internal', 'metadata.goog', 'metadata']);
const METADATA_ADDRESSES = new Set([
  '169.254.169.254', // Google, AWS, Azure and most others
  'fd20:ce::254', // Google, IPv6
  'fd00:ec2::254', // AWS, IPv6
  '169.254.170.2', // AWS ECS task credentials
  '169.254.170.23', // AWS EKS pod identity
  'fd00:ec2::23', // AWS EKS pod identity, IPv6
  '100.100.100.200', // Alibaba
  '168.63.129.16', // Azure's host agent, an address that looks public
  '192.0.0.192', // Oracle
]);

/** IPv6 forms that carry an IPv4 address which the connection, or a gateway, really goes to. */
const CARRIERS: readonly { range: [ipaddr.IPv6, number]; at: number }[] = [
  { range: ipaddr.IPv6.parseCIDR('::ffff:0:0/96'), at: 12 }, // mapped, RFC 4291
  { range: ipaddr.IPv6.parseCIDR('::/96'), at: 12 }, // compatible, RFC 4291
  { range: ipaddr.IPv6.parseCIDR('64:ff9b::/96'), at: 12 }, // NAT64, RFC 6052
  { range: ipaddr.IPv6.parseCIDR('2002::/16'), at: 2 }, // 6to4, RFC 3056
];
/** Reached through these, a public IPv4 address is still public; the other carriers are not in use any more. */
const LIVING_CARRIERS = [ipaddr.IPv6.parseCIDR('::ffff:0:0/96'), ipaddr.IPv6.parseCIDR('64:ff9b::/96')];
/** The only part of IPv6 from which public addresses are given out. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * True for an address of the public internet. False for everything else: private, shared, loopback, link-local,
 * documentation, multicast and reserved ranges, tunnels, metadata services, and what is no IP address at all.
 */
export function isPublicAddress(ip: string): boolean {
  const address = parsed(ip);
  if (!address || isMetadata(address)) return false;
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast';
  if (LIVING_CARRIERS.some((range) => address.match(range))) return carried(address)?.range() === 'unicast';
  return address.match(GLOBAL_UNICAST) && address.range() === 'unicast';
}

/**
 * Checks a URL's host as far as that goes without asking DNS: sockets never look up a literal address.
 * @throws {PermanentError} address_refused
 */
export function checkHostname(hostname: string, { allowPrivate }: GuardOptions): void {
  const host = bare(hostname);
  if (METADATA_NAMES.has(host)) throw refused(`the metadata service ${host}`, METADATA_CURE);
  const address = parsed(host);
  if (!address) return;
  if (isMetadata(address)) throw refused(`the metadata service ${host}`, METADATA_CURE);
  if (!allowPrivate && !isPublicAddress(host)) throw refused(host, PRIVATE_CURE);
}

/**
 * A `lookup` for sockets: resolves all addresses of a name, refuses when any of them is not public, and hands back
 * only what it checked, so that the connection cannot go elsewhere (DNS rebinding). Gives the socket a
 * PermanentError address_refused, or the resolver's error.
 */
export function guardedLookup(options: GuardOptions): LookupFunction {
  const resolve = options.resolver ?? systemResolver;

  async function checked(hostname: string, family: number): Promise<ResolvedAddress[]> {
    checkHostname(hostname, options);
    const addresses = await resolve(hostname);
    for (const { address } of addresses) checkResolved(hostname, address, options.allowPrivate);
    const wanted = addresses.filter((address) => family === 0 || address.family === family);
    if (wanted.length > 0) return wanted;
    throw Object.assign(new Error(`No address for ${hostname}`), { code: 'ENOTFOUND', hostname });
  }

  return (hostname, { all, family }, callback) => {
    checked(hostname, familyNumber(family)).then(
      (addresses) => {
        const [first] = addresses;
        if (all || !first) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, all ? [] : ''),
    );
  };
}

const PRIVATE_CURE = 'use a public address, or set ALLOW_PRIVATE_URLS=true where all callers are trusted';
const METADATA_CURE = 'send the URL of a media file; metadata services are never read, whatever the settings';

/** A name's private address is not told: what an internal name resolves to is nobody's business outside. */
function checkResolved(hostname: string, ip: string, allowPrivate: boolean): void {
  const address = parsed(ip);
  if (!address) throw refused(`${hostname}, which resolves to something that is no IP address`, PRIVATE_CURE);
  if (isMetadata(address)) throw refused(`${hostname}, which resolves to a metadata service`, METADATA_CURE);
  if (allowPrivate || isPublicAddress(ip)) return;
  throw refused(`${hostname}, which resolves to an address that is not public`, PRIVATE_CURE);
}

function refused(got: string, cure: string): PermanentError {
  return new PermanentError(
    'address_refused',
    'download',
    `Expected a public address, got ${got}. Next step: ${cure}.`,
  );
}

/**
 * node:net is strict, where ipaddr.js would also take 0x7f.1 and 2130706433. URL writes IPv6 in hexadecimal, where
 * ipaddr.js would read ::8.8.8.8 as ::ffff:8.8.8.8.
 */
function parsed(ip: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const [address = ''] = ip.split('%');
  const family = isIP(address);
  if (family === 0) return undefined;
  return ipaddr.parse(family === 4 ? address : bare(new URL(`http://[${address}]`).hostname));
}

function isMetadata(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  const inner = address instanceof ipaddr.IPv6 ? carried(address) : undefined;
  return (
    METADATA_ADDRESSES.has(address.toString()) || (inner ? METADATA_ADDRESSES.has(inner.toString()) : false)
  );
}

function carried(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  const carrier = CARRIERS.find(({ range }) => address.match(range));
  return carrier && new ipaddr.IPv4(address.toByteArray().slice(carrier.at, carrier.at + 4));
}

/** As URLs write it: IPv6 in brackets, names perhaps with the root's dot. */
function bare(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

function familyNumber(family: number | 'IPv4' | 'IPv6' | undefined): number {
  if (family === 'IPv4') return 4;
  if (family === 'IPv6') return 6;
  return family ?? 0;
}

function systemResolver(hostname: string): Promise<ResolvedAddress[]> {
  return systemLookup(hostname, { all: true });
}
