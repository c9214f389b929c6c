/**
 * OIDC tokens that Google signs for service accounts, checked by Google's own client.
 * https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken
 */
import { TransientError } from '../../base/errors.ts';
import type { TokenReader } from '../../ports.ts';

export interface TokenReaderOptions {
  /** `http://127.0.0.1:1234` of a test server; undefined: Google's own address. */
  apiUrl: string | undefined;
  /** Milliseconds that one request for the certificates may take; the client repeats it a few times. */
  certificatesMs?: number;
}

/** Of all parts of googleapis that bring its OAuth client along the one that loads fastest. */
type OAuthEntry = typeof import('googleapis/build/src/apis/oauth2/index.js');
type OAuthClient = InstanceType<OAuthEntry['auth']['OAuth2']>;
type Certificates = Parameters<OAuthClient['verifySignedJwtWithCertsAsync']>[1];

const CERTIFICATES_MS = 5_000;
/** The client would also take its universe domain, which no push comes from. */
const ISSUERS = ['https://accounts.google.com', 'accounts.google.com'];
/** What the client allows clocks to differ by. */
const SKEW_SECONDS = 300;
/** An hour, as Pub/Sub's last: https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions */
const LIFE_SECONDS = 3_600 + SKEW_SECONDS;
/** https://cloud.google.com/run/docs/troubleshooting#signature-removed */
const REMOVED = 'SIGNATURE_REMOVED_BY_GOOGLE';

/** Its errors quote the token, hence words of our own. Nothing is decided by them. */
const COMPLAINTS: readonly (readonly [of: RegExp, refused: string])[] = [
  [/^No pem found/, 'one signed with a key that Google does not have'],
  [/^Invalid token signature/, 'one with a wrong signature'],
  [/^Token used too late/, 'one that has expired'],
  [/^Token used too early/, 'one of the future'],
  [/^Expiration time too far/, 'one that is valid for too long'],
  [/^Invalid issuer/, 'one of another issuer'],
];

/** Nothing is loaded or asked before a token comes that may be one. */
export function createTokenReader({
  apiUrl,
  certificatesMs = CERTIFICATES_MS,
}: TokenReaderOptions): TokenReader {
  const root = apiUrl ?? 'https://www.googleapis.com';
  let connecting: Promise<OAuthClient> | undefined;
  let asking: Promise<Certificates> | undefined;

  async function connect(): Promise<OAuthClient> {
    const { auth } = await import('googleapis/build/src/apis/oauth2/index.js');
    return new auth.OAuth2({
      endpoints: { oauth2FederatedSignonPemCertsUrl: `${root}/oauth2/v1/certs` },
      transporterOptions: { timeout: certificatesMs },
    });
  }

  function connected(): Promise<OAuthClient> {
    connecting ??= connect();
    return connecting;
  }

  async function askForCertificates(): Promise<Certificates> {
    let certs: unknown;
    try {
      ({ certs } = await (await connected()).getFederatedSignonCerts());
    } catch (cause) {
      throw unavailable(root, 'an error', { cause });
    }
    if (areCertificates(certs)) return certs;
    // It would keep what it got, for as long as the answer says.
    connecting = undefined;
    throw unavailable(root, 'something else');
  }

  /** Of many pushes that find them out of date, one asks. */
  function certificates(): Promise<Certificates> {
    asking ??= askForCertificates().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  const read: TokenReader['read'] = async (token) => {
    const complaint = complaintAbout(token);
    if (complaint !== undefined) return { refused: complaint };
    const certs = await certificates();
    const client = await connected();
    try {
      // The client's verifyIdToken is these two in one: what is Google's fault and what is the token's would be mixed.
      const ticket = await client.verifySignedJwtWithCertsAsync(
        token,
        certs,
        undefined,
        ISSUERS,
        LIFE_SECONDS,
      );
      const { aud, email, email_verified, nbf } = { ...ticket.getPayload() } as Record<string, unknown>;
      // The client does not look at it.
      if (nbf !== undefined && !(Number(nbf) <= Date.now() / 1000 + SKEW_SECONDS)) {
        return { refused: 'one of the future' };
      }
      return { claims: { audience: aud, email, emailVerified: email_verified } };
    } catch (error) {
      const text = error instanceof Error ? error.message : '';
      const known = COMPLAINTS.find(([of]) => of.test(text));
      return { refused: known?.[1] ?? 'one that is not valid' };
    }
  };
  return { read };
}

/** What needs no certificates to be seen, so that Google is not asked for them because of whoever makes up a token. */
function complaintAbout(token: string): string | undefined {
  const [head = '', , signature] = token.split('.');
  if (signature === REMOVED) return 'one whose signature Google has removed';
  // The only one that Google signs these with; the client goes by the key alone.
  if (algorithmIn(head) !== 'RS256') return 'one that is not signed with RS256';
  return undefined;
}

function algorithmIn(head: string): unknown {
  try {
    return (JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg?: unknown } | null)?.alg;
  } catch {
    return undefined;
  }
}

/** A page of a network that wants a sign-in first is an answer, too. */
function areCertificates(answer: unknown): answer is Certificates {
  if (typeof answer !== 'object' || answer === null) return false;
  const texts: unknown[] = Object.values(answer);
  return (
    texts.length > 0 && texts.every((text) => typeof text === 'string' && text.startsWith('-----BEGIN '))
  );
}

function unavailable(root: string, got: string, options?: ErrorOptions): TransientError {
  const message = `Expected Google's certificates from ${root}, got ${got}. The push is repeated.`;
  return new TransientError('network', message, options);
}
