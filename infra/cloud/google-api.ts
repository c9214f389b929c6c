/** Calls Google's management APIs directly, for what gcloud does slowly or not at all. */
import pRetry, { AbortError } from 'p-retry';

export interface GoogleApi {
  /** What messages call it. */
  name: string;
  /** With the version and a slash at the end. */
  url: string;
  project: string;
  token: string;
}

const RETRIES = 6;
const ANSWER_LIMIT_MS = 30_000;
const NOT_FOUND = 404;

/**
 * Returns a function that makes one request and returns the answer; undefined for a resource that does not exist and is read or
 * deleted. Retries conflicts, rate limits and server errors, because Google rejects many changes at once for a while.
 */
export function googleApi({ name, url, project, token }: GoogleApi) {
  return (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<unknown> =>
    pRetry(
      async () => {
        const response = await fetch(`${url}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${token}`,
            'x-goog-user-project': project,
            'content-type': 'application/json',
          },
          signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        if (response.ok) return response.json();
        if (['GET', 'DELETE'].includes(method) && response.status === NOT_FOUND) return undefined;
        const text = (await response.text()).slice(0, 500);
        const error = new Error(
          `Expected ${name} to accept ${method} ${path.split('?')[0]}, got ${response.status}: ${text}`,
        );
        if (isPassing(response.status, text)) throw error;
        throw new AbortError(error);
      },
      { retries: RETRIES, minTimeout: 1_000, randomize: true },
    );
}

/** Whether the same request may be accepted in a moment. */
function isPassing(status: number, text: string): boolean {
  if (status === 409 || status === 429 || status >= 500) return true;
  // Of Firestore: another change of the same database is under way.
  if (status === 400) return text.includes('FAILED_PRECONDITION');
  // An API that was enabled a moment ago is not known everywhere yet.
  return status === 403 && text.includes('has not been used');
}
