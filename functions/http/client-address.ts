/** Finds the client address that requests are counted by. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { ServerRequest } from 'srvx';

export interface ClientAddressOptions {
  /** Behind Cloud Run's front end, which appends the address that it sees to X-Forwarded-For. */
  inCloud: boolean;
  /** How many proxies of the operator stand in front, each of which appends an entry, too. */
  trustedProxies: number;
}

/** Shared by all clients whose address is not known. */
const UNKNOWN = 'unknown';
/** One customer gets a whole /64, so it counts as one client. https://www.rfc-editor.org/rfc/rfc6177 */
const IPV6_NETWORK_BYTES = 8;
/** `192.0.2.1:4711` or `[2001:db8::1]:4711`: some proxies add the port. */
const WITH_PORT = /^(?:\[([^\]]+)\]|([^:]+))(?::\d{1,5})?$/;

/**
 * Reads the address of the client: the leftmost entry of X-Forwarded-For that a trusted proxy has written. Everything to
 * the left of it comes from the caller and can be made up.
 * https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header
 */
export function clientAddressReader({
  inCloud,
  trustedProxies,
}: ClientAddressOptions): (request: Request) => string {
  const believed = trustedProxies + (inCloud ? 1 : 0);
  return (request) => {
    const connection = (request as ServerRequest).ip ?? '';
    if (believed === 0) return clientAt(connection);
    const entries = (request.headers.get('x-forwarded-for') ?? '').split(',').slice(-believed);
    // An entry without an address is one that a proxy could not see through: the next proxy's own address counts.
    return clientAt(entries.map(addressIn).find((entry) => isIP(entry) !== 0) ?? connection);
  };
}

function addressIn(entry: string): string {
  const text = entry.trim();
  const [, bracketed, plain] = WITH_PORT.exec(text) ?? [];
  return bracketed ?? plain ?? text;
}

/** What stands for a client with this address in counts. */
export function clientAt(address: string): string {
  // Without the zone, `%eth0`, which Node reports and which ipaddr.js does not read in every spelling.
  const [plain = ''] = address.split('%');
  if (isIP(plain) === 0 || !ipaddr.isValid(plain)) return UNKNOWN;
  const parsed = ipaddr.process(plain);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  const network = parsed.toByteArray().fill(0, IPV6_NETWORK_BYTES);
  return `${new ipaddr.IPv6(network)}/${IPV6_NETWORK_BYTES * 8}`;
}
