/**
 * Access tokens: whoever has one may read the files of its task for a while, without the API key. Browsers send no key with
 * the address of a video or of a download. Nothing is stored: a token is the time at which it ends, sealed for its task.
 */
import { RequestError } from '../base/errors.ts';
import { sameSecret } from '../base/same-secret.ts';
import type { AccessView } from '../model/answers/access.ts';
import type { Seal } from '../ports/seal.ts';
import type { Call } from './route.ts';
import { knownTask, type TasksDeps } from './task-status.ts';

export interface AccessDeps extends TasksDeps {
  seal: Pick<Seal, 'of'>;
}

/** How long a token works. */
const ACCESS_SECONDS = 12 * 3_600;
/** The query parameter that has it. */
export const ACCESS = 'access';
/** Seconds since the epoch, and the seal. */
const TOKEN = /^(\d{10,11})\.([\w-]{43})$/;

type Asked = Pick<Call, 'path' | 'query'>;
type TokenDeps = Pick<AccessDeps, 'seal' | 'now'>;

/** POST /tasks/{task_id}/access */
export async function giveAccess(taskId: string, deps: AccessDeps): Promise<Response> {
  const { task } = await knownTask(taskId, deps);
  const expires = Math.floor(nowOf(deps) / 1_000) + ACCESS_SECONDS;
  const body: AccessView = {
    token: `${expires}.${signatureOf(task.id, expires, deps)}`,
    expires_at: new Date(expires * 1_000).toISOString(),
  };
  return Response.json(body, { status: 201 });
}

/**
 * What a request brings in place of the key: undefined without a token. A wrong one needs no key either, so that whoever sends
 * it is told about it, but counts like any request of a stranger.
 */
export function accessOf(asked: Asked, deps: TokenDeps): { countedAs: 'access' | undefined } | undefined {
  if (!asked.query.has(ACCESS)) return undefined;
  return { countedAs: mistakeIn(asked, deps) === undefined ? 'access' : undefined };
}

/** Throws RequestError access_forbidden for a token that is wrong, also if the request has the key. */
export function checkAccess(asked: Asked, deps: TokenDeps): void {
  if (!asked.query.has(ACCESS)) return;
  const got = mistakeIn(asked, deps);
  if (got === undefined) return;
  throw new RequestError(
    'access_forbidden',
    `Expected a token that POST /tasks/{task_id}/access gave for this task, got ${got}.`,
  );
}

/** Without the token itself: messages are logged and shown. */
function mistakeIn({ path, query }: Asked, deps: TokenDeps): string | undefined {
  const token = query.get(ACCESS) ?? '';
  if (token === '') return 'none';
  const [, seconds = '', signature = ''] = TOKEN.exec(token) ?? [];
  const expires = Number(seconds);
  if (!sameSecret(signatureOf(path['task_id'] ?? '', expires, deps), signature)) return 'another one';
  if (expires * 1_000 > nowOf(deps)) return undefined;
  return `one that expired on ${new Date(expires * 1_000).toISOString()}`;
}

function signatureOf(taskId: string, expires: number, { seal }: TokenDeps): string {
  return seal.of(`access/${taskId}`, String(expires));
}

function nowOf({ now = Date.now }: TokenDeps): number {
  return now();
}
