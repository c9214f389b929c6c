/** Who this service is on Google Drive, and the tokens that say so. */
import { isConnectionError } from '../shared/network-errors.ts';
import { assertionSigner } from './assertion.ts';
import { type AuthClient, type DriveEndpoints, type DriveEntry, expireToken } from './client.ts';
import { DriveLoginError, refusalIn } from './refusal.ts';

export type DriveAuth =
  /** Application default credentials: the function's service account, or what gcloud left. */
  | { mode: 'adc' }
  | { mode: 'oauth'; clientId: string; clientSecret: string; refreshToken: string }
  /** Domain-wide delegation, acting for `subject`; without a key file Google signs (IAM Credentials API). */
  | { mode: 'delegation'; subject: string; keyFile: string | undefined };

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
  /** Authorization and what else belongs to it. Throws DriveLoginError where Google does not let the account in. */
  headers(): Promise<Headers>;
  /** Google has refused the token of these headers: the next ones have another, if none has been had meanwhile. */
  discard(headers: Headers): void;
}

/** Makes the client; the first token is asked for by the first headers. */
export async function logIn(entry: DriveEntry, auth: DriveAuth, options: LoginOptions): Promise<DriveLogin> {
  const client = await foreseen(() => clientOf(entry, auth, options));
  /** One at a time: of many calls that find the token at its end, one asks for the next. */
  let asking: Promise<Headers> | undefined;
  const headers = () => {
    asking ??= foreseen(() => client.getRequestHeaders()).finally(() => {
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
      // The library's own JWT class knows one token endpoint only, and cannot do without the key.
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
 * Whatever goes wrong on the way to a token, other than the network or a service that is down, is for the owner of the
 * credentials to mend. The clients say it in plain errors without a code.
 */
async function foreseen<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof DriveLoginError || isConnectionError(error))
      throw error;
    const refusal = refusalIn(error);
    if (refusal === undefined) {
      throw new DriveLoginError('no credentials that can be used', { cause: error });
    }
    const { status, reason } = refusal;
    if (status === 408 || status === 429 || status >= 500) throw error;
    throw new DriveLoginError(`${status} ${reason}`.trim(), { cause: refusal });
  }
}
