/**
 * Resumable uploads, which Google's client for Node does not offer: one request sends all bytes; if it is interrupted,
 * the next one continues from the byte that Drive has.
 * https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable
 */
import { createReadStream, type ReadStream } from 'node:fs';
import type { Dispatcher } from 'undici';
import { PermanentError, TransientError } from '../../base/errors.ts';
import { type Resumption, resumeUpload, type UploadStep } from '../shared/resume-upload.ts';
import { header } from '../shared/source-answer.ts';
import type { DriveAccount, DriveItem } from './account.ts';
import { outputError } from './errors.ts';
import { refusalIn, refusalOf } from './refusal.ts';

export interface Upload {
  /** Id of the file whose content is replaced; undefined for a new file, whose id is in the metadata. */
  replaces: string | undefined;
  metadata: DriveItem & { name: string };
  contentType: string;
  /** Path. Opened for each request. */
  file: string;
  bytes: number;
  /** The fields that the answer has. */
  fields: string;
}

interface Session {
  /** Anyone who knows it can send the file, so it appears in no message. */
  url: URL;
  /** How many bytes Drive has; undefined if Drive must be asked. */
  received: number | undefined;
  /** The most that Drive has reported. */
  best: number;
}

/** The answers for an upload session that has ended. Its bytes are gone. */
const OVER: readonly (number | undefined)[] = [404, 410];
/** Google's upload hosts. */
const GOOGLE = /(^|\.)googleapis\.com$/;

/**
 * Uploads the file, which gets its name or its new content only once it is complete. Resolves to Drive's metadata.
 * @throws the gate's error for a refusal. TransientError if the upload did not start, made no progress, or its session
 * has ended: start over. A 409 (the id is in use) is thrown unchanged.
 */
export async function uploadResumable(
  account: DriveAccount,
  upload: Upload,
  options: Resumption & { signal: AbortSignal },
): Promise<DriveItem> {
  const what = `take ${upload.metadata.name}`;
  const { signal } = options;
  const gated = (error: unknown) => {
    signal.throwIfAborted();
    return outputError(error, what, account.mode);
  };
  const url = await begin(account, upload, signal).catch((error: unknown) => {
    throw gated(error);
  });
  const session: Session = { url, received: 0, best: 0 };
  /** The token was replaced after the last answer. */
  let renewed = false;

  async function step(): Promise<UploadStep<DriveItem>> {
    try {
      const asked = session.received === undefined;
      const answer = await put(account, session, upload, signal);
      if (answer.statusCode === 200 || answer.statusCode === 201) {
        return { done: (await answer.body.json()) as DriveItem };
      }
      if (answer.statusCode !== 308) throw await refusalOf(answer);
      await answer.body.dump();
      renewed = false;
      return stepFrom(receivedBytes(answer), asked);
    } catch (error) {
      return stepAfter(error);
    }
  }

  function stepFrom(received: number, asked: boolean): UploadStep<DriveItem> {
    const moved = received > session.best;
    session.received = received;
    session.best = Math.max(session.best, received);
    if (moved || (asked && received < upload.bytes)) return { moved };
    return { moved, failure: broken(what, `${received} of ${upload.bytes} bytes kept and no more`) };
  }

  function stepAfter(error: unknown): UploadStep<DriveItem> {
    const failure = gated(error);
    const status = refusalIn(error)?.status;
    if (OVER.includes(status)) throw broken(what, 'an upload session that has ended');
    session.received = undefined;
    // Tokens may expire while a large file is sent; the next request uses a new one.
    if (status === 401 && !renewed) {
      renewed = true;
      return { moved: false };
    }
    if (!TransientError.is(failure)) throw failure;
    return { moved: false, failure };
  }

  return resumeUpload(step, options);
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

/** Sends the bytes that Drive does not have, or asks how many it has. */
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

/** `Range: bytes=0-N`; without the header Drive has nothing. */
function receivedBytes({ headers }: Dispatcher.ResponseData): number {
  const last = /^bytes=0-(\d+)$/.exec(header(headers, 'range') ?? '')?.[1];
  return last === undefined ? 0 : Number(last) + 1;
}

/** The token is sent with the bytes, so they are sent only to Google or to the server that was asked. */
function checkedSession(location: string | undefined, root: string): URL {
  const url = URL.parse(location ?? '');
  const asked = new URL(root);
  const google = (host: URL) => host.protocol === 'https:' && GOOGLE.test(host.hostname);
  if (url !== null && (url.origin === asked.origin || (google(url) && google(asked)))) return url;
  throw new PermanentError(
    'save_failed',
    'save',
    `Expected Google Drive to accept the upload at ${asked.host}, got ${url?.host ?? 'no address'}. Next step: check the proxies between here and Google.`,
  );
}

function broken(what: string, got: string): TransientError {
  return new TransientError(
    'network',
    `Expected Google Drive to ${what}, got ${got}. Next step: none, it is retried.`,
  );
}
