/** Finds the client address that requests are counted by. */
import ipaddr from 'ipaddr.js';
import type { ServerRequest } from 'srvx';

/** Shared by all clients whose address is not known. */
const UNKNOWN = 'unknown';
/** One customer gets a whole /64, so it counts as one client. https://www.rfc-editor.org/rfc/rfc6177 */
const IPV6_NETWORK_BYTES = 8;

/**
 * Cloud Run's front end appends the address that it sees. Everything before it comes from the caller and can be made up.
 * https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header
 */
export function addressInCloud(request: Request): string {
  const seen = request.headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() ?? '';
  return ipaddr.isValid(seen) ? clientAt(seen) : addressOnMachine(request);
}

/** The address of the connection. X-Forwarded-For is ignored because anyone can send it. */
export function addressOnMachine(request: Request): string {
  return clientAt((request as ServerRequest).ip ?? '');
}

/** What stands for a client with this address in counts. */
export function clientAt(address: string): string {
  if (!ipaddr.isValid(address)) return UNKNOWN;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${Buffer.from(parsed.toByteArray().slice(0, IPV6_NETWORK_BYTES)).toString('hex')}/64`;
}
