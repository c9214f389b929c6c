/** Signs what a service account says about itself, by its key or, without one, by Google's own service. */
import { sign as signBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type DriveEndpoints, type DriveEntry, expireToken } from './client.ts';
import { DriveLoginError, wasAnswered } from './refusal.ts';

/** https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests */
export interface Claims {
  /** The user that it acts for. */
  sub: string;
  scope: string;
  aud: string;
}

/** The longest that the token endpoint takes. */
const LIFE_SECONDS = 3600;
/** What signJwt asks for: https://cloud.google.com/iam/docs/reference/credentials/rest */
const IAM_SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

export function assertionSigner(
  auth: DriveEntry['auth'],
  keyFile: string | undefined,
  { iam }: DriveEndpoints,
): (claims: Claims) => Promise<string> {
  if (keyFile !== undefined) {
    return async (claims) => {
      const { email, key } = await readKey(keyFile);
      return signedByKey({ ...claims, iss: email, ...lifetime() }, key);
    };
  }
  const google = new auth.GoogleAuth({ scopes: IAM_SCOPE });
  return async (claims) => {
    const { client_email: email } = await google.getCredentials();
    if (!email) throw new DriveLoginError('default credentials that are no service account');
    const client = await google.getClient();
    const ask = async () => {
      const { data } = await client.request<{ signedJwt: string }>({
        method: 'POST',
        url: `${iam}/v1/projects/-/serviceAccounts/${encodeURIComponent(email)}:signJwt`,
        data: { payload: JSON.stringify({ ...claims, iss: email, ...lifetime() }) },
        responseType: 'json',
      });
      return data.signedJwt;
    };
    try {
      return await ask();
    } catch (error) {
      if (!wasAnswered(error, 401)) throw error;
      expireToken(client);
      return await ask();
    }
  };
}

function lifetime(): { iat: number; exp: number } {
  const iat = Math.floor(Date.now() / 1000);
  return { iat, exp: iat + LIFE_SECONDS };
}

/** Read at each use, about once an hour: a rotated key is then taken without a restart. */
async function readKey(file: string): Promise<{ email: string; key: string }> {
  const { client_email: email, private_key: key } = JSON.parse(await readFile(file, 'utf8'));
  if (typeof email === 'string' && typeof key === 'string') return { email, key };
  throw new DriveLoginError("a key file without a service account's client_email and private_key");
}

function signedByKey(payload: object, key: string): string {
  const parts = [{ alg: 'RS256', typ: 'JWT' }, payload];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${signBytes('RSA-SHA256', Buffer.from(text), key).toString('base64url')}`;
}
