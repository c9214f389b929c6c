/** Who asks, as far as an address tells. */
import ipaddr from 'ipaddr.js';
import type { ServerRequest } from 'srvx';

/** Of those whose address is not known, all together. */
const UNKNOWN = 'unknown';
/** A network that one customer is given: within it, addresses cost nothing. https://www.rfc-editor.org/rfc/rfc6177 */
const IPV6_NETWORK_BYTES = 8;

/**
 * Cloud Run's front end puts the address that it sees last; what stands before is what the caller says of itself.
 * https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header
 */
export function addressInCloud(request: Request): string {
  const seen = request.headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() ?? '';
  return ipaddr.isValid(seen) ? callerAt(seen) : addressOnMachine(request);
}

/** No header is believed here: anyone can send one. */
export function addressOnMachine(request: Request): string {
  return callerAt((request as ServerRequest).ip ?? '');
}

function callerAt(address: string): string {
  if (!ipaddr.isValid(address)) return UNKNOWN;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${Buffer.from(parsed.toByteArray().slice(0, IPV6_NETWORK_BYTES)).toString('hex')}/64`;
}
