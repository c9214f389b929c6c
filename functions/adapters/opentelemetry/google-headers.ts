/**
 * Who sends telemetry to Google, and which project pays for it.
 * https://docs.cloud.google.com/stackdriver/docs/instrumentation/migrate-to-otlp-endpoints
 */

export interface GoogleHeadersOptions {
  project: string | undefined;
  /** `http://127.0.0.1:1234` of a test server; undefined: Google's. */
  apiUrl: string | undefined;
}

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const TOKEN_MS = 5_000;

/**
 * Makes the headers of each request, with a token of the application default credentials, which the client keeps until it
 * expires. Loads nothing before the first. Rejects if there are no credentials, or no token for them.
 */
export function createGoogleHeaders({ project, apiUrl }: GoogleHeadersOptions) {
  let connecting: ReturnType<typeof connect> | undefined;

  async function connect() {
    // The part of googleapis that loads fastest and includes its clients for credentials.
    const { auth } = await import('googleapis/build/src/apis/oauth2/index.js');
    const clientOptions = {
      ...(apiUrl !== undefined && { endpoints: { oauth2TokenUrl: `${apiUrl}/token` } }),
      transporterOptions: { timeout: TOKEN_MS },
    };
    return new auth.GoogleAuth({ scopes: SCOPE, clientOptions }).getClient();
  }

  return async (): Promise<Record<string, string>> => {
    // A failure is not kept: credentials may be fixed while the process runs.
    connecting ??= connect().catch((error: unknown) => {
      connecting = undefined;
      throw error;
    });
    const token = await (await connecting).getRequestHeaders();
    return { ...Object.fromEntries(token), ...(project !== undefined && { 'x-goog-user-project': project }) };
  };
}
