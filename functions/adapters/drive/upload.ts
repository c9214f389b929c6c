/**
 * Resumable uploads, which Google's own client for Node does not have: one request for all the bytes and, where that
 * breaks off, on from the byte that Drive has.
 * https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable
 */
import { createReadStream, type ReadStream } from 'node:fs';
import type { Dispatcher } from 'undici';
import { PermanentError, TransientError } from '../../base/errors.ts';
import { header } from '../shared/source-answer.ts';
import type { DriveAccount, DriveItem } from './account.ts';
import { outputError } from './errors.ts';
import { refusalIn, refusalOf } from './refusal.ts';
import { pause, pauseMs } from './retry.ts';

export interface Upload {
  /** Id of the file whose content this becomes; undefined: a file is made, with the id in the metadata. */
  replaces: string | undefined;
  metadata: DriveItem & { name: string };
  contentType: string;
  /** Opened anew for each try. */
  file: string;
  bytes: number;
  /** Of the answer. */
  fields: string;
}

export interface UploadOptions {
  signal: AbortSignal;
  /** In a row without a byte of progress. As many times the whole upload may begin again. */
  maxFailures: number;
}

interface Session {
  /** Whoever knows it may send the file: never in a message. */
  url: URL;
  /** How many bytes Drive has; undefined: not known, it must be asked. */
  received: number | undefined;
  /** The most it has said that it had. */
  best: number;
}

/** What one request came to. `moved`: go on at once, and with a byte more there, failures before do not count. */
type Step = { item: DriveItem } | { moved: boolean } | { failure: TransientError };

/** What an upload session that is over is answered with; all bytes are then sent again. */
const OVER: readonly (number | undefined)[] = [404, 410];
/** Google's upload hosts. */
const GOOGLE = /(^|\.)googleapis\.com$/;

/**
 * Brings all bytes there; only then the file has its name, or its new content. Answers with what Drive says about it.
 * @throws what the gate makes of a refusal; TransientError after too many failures in a row. An answer of 409, the id is
 * in use, passes as it is.
 */
export async function uploadResumable(
  account: DriveAccount,
  upload: Upload,
  { signal, maxFailures }: UploadOptions,
): Promise<DriveItem> {
  const what = `take ${upload.metadata.name}`;
  let session: Session | undefined;
  let sessions = 0;
  let failures = 0;
  /** A refused token was put right since the last answer. */
  let renewed = false;

  async function step(): Promise<Step> {
    try {
      if (session === undefined) {
        sessions += 1;
        session = { url: await begin(account, upload, signal), received: 0, best: 0 };
      }
      const asked = session.received === undefined;
      const answer = await put(account, session, upload, signal);
      if (answer.statusCode === 200 || answer.statusCode === 201) {
        return { item: (await answer.body.json()) as DriveItem };
      }
      if (answer.statusCode !== 308) throw await refusalOf(answer);
      await answer.body.dump();
      renewed = false;
      return stepFrom(session, receivedBytes(answer), asked);
    } catch (error) {
      signal.throwIfAborted();
      return stepAfter(error);
    }
  }

  function stepFrom(at: Session, received: number, asked: boolean): Step {
    const moved = received > at.best;
    at.received = received;
    at.best = Math.max(at.best, received);
    if (moved || (asked && received < upload.bytes)) return { moved };
    return { failure: broken(what, `${received} of ${upload.bytes} bytes kept and no more`) };
  }

  function stepAfter(error: unknown): Step {
    const status = refusalIn(error)?.status;
    if (session !== undefined && OVER.includes(status)) {
      session = undefined;
      return { failure: broken(what, 'an upload session that is over') };
    }
    if (session !== undefined) session.received = undefined;
    // A token may end while a large file is on its way; the next request has another.
    if (status === 401 && !renewed) {
      renewed = true;
      return { moved: false };
    }
    const failure = outputError(error, what, account.mode);
    if (!TransientError.is(failure)) throw failure;
    return { failure };
  }

  for (;;) {
    const result = await step();
    if ('item' in result) return result.item;
    if ('moved' in result) {
      if (result.moved) failures = 0;
      continue;
    }
    const { failure } = result;
    failures += 1;
    if (failures >= maxFailures || sessions > maxFailures) throw failure;
    await pause(pauseMs(failures - 1, account.limits.firstPauseMs, failure.retryAfterMs), signal);
  }
}

async function begin(account: DriveAccount, upload: Upload, signal: AbortSignal): Promise<URL> {
  const { replaces, metadata, contentType, bytes, fields } = upload;
  const path = replaces === undefined ? 'files' : `files/${encodeURIComponent(replaces)}`;
  const url = new URL(`${account.root}/upload/drive/v3/${path}`);
  url.search = new URLSearchParams({ uploadType: 'resumable', supportsAllDrives: 'true', fields }).toString();
  const answer = await account.send({
    url,
    method: replaces === undefined ? 'POST' : 'PATCH',
    headers: {
      'content-type': 'application/json; charset=UTF-8',
      'x-upload-content-type': contentType,
      'x-upload-content-length': String(bytes),
    },
    body: JSON.stringify(metadata),
    signal,
  });
  if (answer.statusCode !== 200) throw await refusalOf(answer);
  await answer.body.dump();
  return checkedSession(header(answer.headers, 'location'), account.root);
}

/** Sends all that Drive has not, or asks how much it has. */
async function put(
  account: DriveAccount,
  { url, received }: Session,
  { file, bytes }: Upload,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  if (received === undefined || received >= bytes) {
    const headers = { 'content-length': '0', 'content-range': `bytes */${bytes}` };
    return account.send({ url, method: 'PUT', headers, signal });
  }
  const headers = {
    'content-length': String(bytes - received),
    'content-range': `bytes ${received}-${bytes - 1}/${bytes}`,
  };
  let stream: ReadStream | undefined;
  const body = () => {
    stream = createReadStream(file, { start: received, end: bytes - 1 });
    return stream;
  };
  try {
    return await account.send({ url, method: 'PUT', headers, body, signal });
  } finally {
    stream?.destroy();
  }
}

/** `Range: bytes=0-N`; without one it has nothing. */
function receivedBytes({ headers }: Dispatcher.ResponseData): number {
  const last = /^bytes=0-(\d+)$/.exec(header(headers, 'range') ?? '')?.[1];
  return last === undefined ? 0 : Number(last) + 1;
}

/** The token goes along with the bytes, so they go nowhere else than where it was asked. */
function checkedSession(location: string | undefined, root: string): URL {
  const url = URL.parse(location ?? '');
  const asked = new URL(root);
  const google = (host: URL) => host.protocol === 'https:' && GOOGLE.test(host.hostname);
  if (url !== null && (url.origin === asked.origin || (google(url) && google(asked)))) return url;
  throw new PermanentError(
    'save_failed',
    'save',
    `Expected Google Drive to take the upload at ${asked.host}, got ${url?.host ?? 'no address'}. Next step: check the proxies between here and Google.`,
  );
}

function broken(what: string, got: string): TransientError {
  return new TransientError(
    'network',
    `Expected Google Drive to ${what}, got ${got}. Next step: none needed, it is sent again.`,
  );
}
