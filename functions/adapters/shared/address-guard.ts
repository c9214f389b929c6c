import { lookup as systemLookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import type { buildConnector } from 'undici';
import { PermanentError } from '../../base/errors.ts';
import { withoutEnd } from '../../base/without-end.ts';
import type { UrlRefusal } from '../../model/web-url.ts';
import { addressKind } from './address-kind.ts';

/** Resolves all addresses of a host name. Rejects with Node's DNS errors (ENOTFOUND, EAI_AGAIN). */
export type Resolver = (hostname: string) => Promise<readonly ResolvedAddress[]>;

export interface ResolvedAddress {
  address: string;
  family: number;
}

export interface GuardOptions {
  /** Allows loopback and private addresses. Metadata services and link-local addresses are still refused. */
  allowPrivate: boolean;
  /** The system's by default. */
  resolver?: Resolver;
}

/** Makes a function that opens sockets with the given lookup, as undici's buildConnector does. */
export type ConnectorBuilder = (options: {
  /** Milliseconds until the socket is open, TLS included. */
  timeout: number;
  lookup: LookupFunction;
  allowH2: boolean;
}) => buildConnector.connector;

/** Refused no matter which address they resolve to. */
const METADATA_NAMES = new Set([
  'metadata.google.internal',
  'metadata.goog',
  'metadata', // Google's, if its search domain is set
  'instance-data', // AWS, EC2 Classic
  'instance-data.ec2.internal',
]);

/**
 * The only way to open a socket. Names are checked in the lookup, literal addresses here, because sockets do not look
 * them up.
 */
export function guardedConnector(
  build: ConnectorBuilder,
  { timeout, ...options }: GuardOptions & { timeout: number },
): buildConnector.connector {
  const connect = build({ timeout, allowH2: false, lookup: guardedLookup(options) });
  return (target, callback) => {
    try {
      checkHostname(target.hostname, options);
    } catch (error) {
      callback(error as PermanentError, null);
      return;
    }
    connect(target, callback);
  };
}

/**
 * Checks the host of a URL as far as that is possible without DNS.
 * @throws {PermanentError} address_refused
 */
export function checkHostname(hostname: string, options: GuardOptions): void {
  const refusal = hostRefusal(hostname, options);
  if (refusal !== undefined) throw refused(refusal);
}

/** The same as a value; undefined if nothing is known against it. */
export function hostRefusal(hostname: string, { allowPrivate }: GuardOptions): UrlRefusal | undefined {
  const host = bare(hostname);
  if (METADATA_NAMES.has(host)) return { got: `the metadata service ${host}`, next: METADATA_HINT };
  const kind = isLoopbackName(host) ? 'private' : addressKind(host);
  if (kind === 'metadata') return { got: `${host}, an address of a metadata service`, next: METADATA_HINT };
  return kind === 'private' && !allowPrivate ? { got: host, next: PRIVATE_HINT } : undefined;
}

/**
 * A `lookup` for sockets: resolves all addresses of a name, refuses the name if any of them is not public, and returns
 * only checked addresses, so that the connection cannot go elsewhere (DNS rebinding). Fails with PermanentError
 * address_refused or with the resolver's error.
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

const PRIVATE_HINT = 'Use a public address, or set ALLOW_PRIVATE_URLS=true if all callers are trusted.';
const METADATA_HINT = 'Use another address; no setting allows metadata services.';

/** The message does not show the address, so that callers cannot find out what an internal name resolves to. */
function checkResolved(hostname: string, ip: string, allowPrivate: boolean): void {
  const kind = addressKind(ip);
  if (kind === undefined) {
    throw refused({ got: `${hostname}, which does not resolve to an IP address`, next: PRIVATE_HINT });
  }
  if (kind === 'metadata') {
    throw refused({ got: `${hostname}, which resolves to a metadata service`, next: METADATA_HINT });
  }
  if (kind === 'private' && !allowPrivate) {
    throw refused({
      got: `${hostname}, which resolves to an address that is not public`,
      next: PRIVATE_HINT,
    });
  }
}

function refused({ got, next }: UrlRefusal): PermanentError {
  return new PermanentError(
    'address_refused',
    'download',
    `Expected a public address, got ${got}. Next step: ${next}`,
  );
}

/** RFC 6761, 6.3: these names mean this machine, even if a resolver says otherwise. */
function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost');
}

/** Without the brackets that URLs put around IPv6 addresses, and without the dot of the root. */
function bare(hostname: string): string {
  return withoutEnd(hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1'), '.');
}

function familyNumber(family: number | 'IPv4' | 'IPv6' | undefined): number {
  if (family === 'IPv4') return 4;
  if (family === 'IPv6') return 6;
  return family ?? 0;
}

function systemResolver(hostname: string): Promise<ResolvedAddress[]> {
  return systemLookup(hostname, { all: true });
}
