/**
 * OIDC tokens that Google signs for service accounts, checked by Google's client.
 * https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken
 */
import { TransientError } from '../../base/errors.ts';
import type { TokenClaims, TokenRead } from '../../model/push-token.ts';
import type { TokenReader } from '../../ports/push-token.ts';

export interface TokenReaderOptions {
  /** `http://127.0.0.1:1234` of a test server; undefined: Google's address. */
  apiUrl: string | undefined;
  /** Milliseconds for one request for the certificates, which the client repeats a few times. */
  certificatesMs?: number;
}

/** The part of googleapis that loads fastest and includes its OAuth client. */
type OAuthEntry = typeof import('googleapis/build/src/apis/oauth2/index.js');
type OAuthClient = InstanceType<OAuthEntry['auth']['OAuth2']>;
type Fields = Record<string, unknown>;
type Certificates = Parameters<OAuthClient['verifySignedJwtWithCertsAsync']>[1];

const CERTIFICATES_MS = 5_000;
/** The client's default also includes its universe domain, from which no push comes. */
const ISSUERS = ['https://accounts.google.com', 'accounts.google.com'];
/** The clock skew that the client allows. */
const SKEW_SECONDS = 300;
/** Tokens of Pub/Sub are valid for an hour: https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions */
const LIFE_SECONDS = 3_600 + SKEW_SECONDS;
/** https://cloud.google.com/run/docs/troubleshooting#signature-removed */
const REMOVED = 'SIGNATURE_REMOVED_BY_GOOGLE';

/** Our texts in place of the client's, which quote the token. They only affect the message. */
const COMPLAINTS: readonly (readonly [of: RegExp, refused: string])[] = [
  [/^No pem found/, 'one signed with a key that Google does not have'],
  [/^Invalid token signature/, 'one with a wrong signature'],
  [/^Token used too late/, 'one that has expired'],
  [/^Token used too early/, 'one that is not valid yet'],
  [/^Expiration time too far/, 'one that is valid for too long'],
  [/^Invalid issuer/, 'one of another issuer'],
];

/** Loads nothing and sends nothing before there is a token to check. */
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
    // Otherwise the client would keep this answer for as long as its headers allow.
    connecting = undefined;
    throw unavailable(root, 'something else');
  }

  /** Shared, so that many pushes that find the certificates out of date cause one request. */
  function certificates(): Promise<Certificates> {
    asking ??= askForCertificates().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  const read: TokenReader['read'] = async (token) => {
    const [head = '', payload = '', signature] = token.split('.');
    // The only algorithm that Google uses. The client accepts any that fits the key. Checked before anything is requested,
    // so that made-up tokens cause no requests to Google.
    if (fieldsIn(head)?.['alg'] !== 'RS256') return { refused: 'one that is not signed with RS256' };
    if (signature === REMOVED) return unsigned(fieldsIn(payload) ?? {});
    const certs = await certificates();
    const client = await connected();
    try {
      // Not verifyIdToken, which does both steps: its errors do not distinguish failures of Google from bad tokens.
      const ticket = await client.verifySignedJwtWithCertsAsync(
        token,
        certs,
        undefined,
        ISSUERS,
        LIFE_SECONDS,
      );
      const claims = { ...ticket.getPayload() } as Fields;
      // The client does not check nbf.
      if (isEarly(claims['nbf'])) return { refused: 'one that is not valid yet' };
      return { claims: claimsIn(claims) };
    } catch (error) {
      const text = error instanceof Error ? error.message : '';
      const known = COMPLAINTS.find(([of]) => of.test(text));
      return { refused: known?.[1] ?? 'one that is not valid' };
    }
  };
  return { read };
}

/** Checks what the client checks of a token with a signature. */
function unsigned(fields: Fields): TokenRead {
  const [issued, expires] = [Number(fields['iat'] ?? Number.NaN), Number(fields['exp'] ?? Number.NaN)];
  const now = Date.now() / 1000;
  if (!ISSUERS.includes(String(fields['iss']))) return { refused: 'one of another issuer' };
  if (!(expires > now - SKEW_SECONDS)) return { refused: 'one that has expired' };
  if (!(expires < now + LIFE_SECONDS)) return { refused: 'one that is valid for too long' };
  if (!(issued < now + SKEW_SECONDS) || isEarly(fields['nbf']))
    return { refused: 'one that is not valid yet' };
  return { claims: claimsIn(fields), unsigned: true };
}

/** @param notBefore seconds since the epoch */
function isEarly(notBefore: unknown): boolean {
  return notBefore !== undefined && !(Number(notBefore) <= Date.now() / 1000 + SKEW_SECONDS);
}

function claimsIn({ aud, email, email_verified }: Fields): TokenClaims {
  return { audience: aud, email, emailVerified: email_verified };
}

/** Undefined if it is not JSON of fields. */
function fieldsIn(part: string): Fields | undefined {
  try {
    return (JSON.parse(Buffer.from(part, 'base64url').toString()) as Fields | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The answer may be the sign-in page of a network. */
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
