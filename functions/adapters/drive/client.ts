/** Google's client for one account, and the tokens that it sends. */
import { sign as signBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { drive_v3, auth as entryAuth } from 'googleapis/build/src/apis/drive/index.js';
import type { DriveAuth } from '../../model/drive-auth.ts';
import { isConnectionError } from '../shared/network-errors.ts';
import { DriveLoginError, refusalIn, wasAnswered } from './refusal.ts';

/** The Drive part of googleapis: the whole package takes ten times as long to load. */
export type DriveEntry = typeof import('googleapis/build/src/apis/drive/index.js');
export type DriveClient = drive_v3.Drive;
export type AuthClient = Awaited<ReturnType<InstanceType<(typeof entryAuth)['GoogleAuth']>['getClient']>>;

/** The addresses of Google's services, or of servers that replace them. */
export interface DriveEndpoints {
  /** The Drive API. */
  root: string;
  token: string;
  /** The IAM Credentials API. */
  iam: string;
}

type OAuth2Client = InstanceType<DriveEntry['auth']['OAuth2']>;

export interface LoginOptions {
  endpoints: DriveEndpoints;
  /** Milliseconds that the token endpoint may take. */
  tokenMs: number;
}

export const SCOPE = 'https://www.googleapis.com/auth/drive';
/** https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

export interface DriveLogin {
  client: AuthClient;
  /** Authorization and the headers that go with it. Throws DriveLoginError if Google rejects the credentials. */
  headers(): Promise<Headers>;
  /** Discards the token of these headers, which Google has refused, unless it has been replaced already. */
  discard(headers: Headers): void;
}

/** Makes the client. The first token is requested with the first headers. */
export async function logIn(entry: DriveEntry, auth: DriveAuth, options: LoginOptions): Promise<DriveLogin> {
  const client = await loginErrors(() => clientOf(entry, auth, options));
  /** Shared, so that many calls that find the token expired cause one request for a new one. */
  let asking: Promise<Headers> | undefined;
  const headers = () => {
    asking ??= loginErrors(() => client.getRequestHeaders()).finally(() => {
      asking = undefined;
    });
    return asking;
  };
  return {
    client,
    headers,
    discard(refused) {
      const { access_token: token } = client.credentials;
      if (!token || !refused.get('authorization')?.endsWith(token)) return;
      expireToken(client);
    },
  };
}

async function clientOf(
  { auth: classes }: DriveEntry,
  auth: DriveAuth,
  { endpoints, tokenMs }: LoginOptions,
): Promise<AuthClient> {
  const clientOptions = {
    endpoints: { oauth2TokenUrl: endpoints.token },
    transporterOptions: { timeout: tokenMs },
  };
  switch (auth.mode) {
    case 'adc':
      return new classes.GoogleAuth({ scopes: SCOPE, clientOptions }).getClient();
    case 'oauth': {
      const { clientId, clientSecret, refreshToken } = auth;
      const client = new classes.OAuth2({ clientId, clientSecret, ...clientOptions });
      client.setCredentials({ refresh_token: refreshToken });
      return client;
    }
    case 'delegation': {
      const client = new classes.OAuth2(clientOptions);
      const sign = assertionSigner(classes, auth.keyFile, endpoints);
      // The library's JWT class always uses Google's token endpoint, and needs a key.
      client.refreshHandler = async () =>
        exchange(
          client,
          await sign({ sub: auth.subject, scope: SCOPE, aud: endpoints.token }),
          endpoints.token,
        );
      return client;
    }
  }
}

async function exchange(
  { transporter }: OAuth2Client,
  assertion: string,
  url: string,
): Promise<{ access_token: string; expiry_date: number }> {
  const { data } = await transporter.request<{ access_token: string; expires_in: number }>({
    method: 'POST',
    url,
    data: new URLSearchParams({ grant_type: JWT_BEARER, assertion }),
    responseType: 'json',
  });
  return { access_token: data.access_token, expiry_date: Date.now() + data.expires_in * 1000 };
}

/**
 * Errors while requesting a token, except network errors and outages, have to be fixed by the owner of the credentials.
 * The clients throw them as plain errors without a code.
 */
async function loginErrors<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof DriveLoginError || isConnectionError(error))
      throw error;
    const refusal = refusalIn(error);
    if (refusal === undefined) {
      throw new DriveLoginError('no usable credentials', { cause: error });
    }
    const { status, reason } = refusal;
    if (status === 408 || status === 429 || status >= 500) throw error;
    throw new DriveLoginError(`${status} ${reason}`.trim(), { cause: refusal });
  }
}

/** Makes the client request a new token before its next request. */
function expireToken(client: AuthClient): void {
  client.setCredentials({ ...client.credentials, expiry_date: 1 });
}

/** https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests */
interface Claims {
  /** The user that the service account acts for. */
  sub: string;
  scope: string;
  aud: string;
}

/** The maximum of the token endpoint. */
const LIFE_SECONDS = 3600;
/** Required by signJwt: https://cloud.google.com/iam/docs/reference/credentials/rest */
const IAM_SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

function assertionSigner(
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
    if (!email) throw new DriveLoginError('default credentials that are not a service account');
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

/** Read at each use, about once an hour, so that a rotated key needs no restart. */
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
