/** Writes to Cloud Storage with its client's streams: with a precondition, abortable, and never partial files. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Bucket } from '@google-cloud/storage';
import { TransientError } from '../../base/errors.ts';
import { inTime, timeLimit } from '../../base/time-limit.ts';
import { resumeUpload, type UploadStep } from '../shared/resume-upload.ts';
import { isConditionNotMet, isMissing, isRefusal } from './errors.ts';
import { type CallOptions, everyRequestWith, noData, type Place, type StorageConnection } from './storage.ts';

export interface Content {
  contentType: string;
  bytes: number;
  /** Base64. The server refuses to store other bytes. */
  md5: string;
  /** Who stores it, as `ObjectState` shows it. */
  owner?: string | undefined;
  /** Each call returns a new stream from the first byte. */
  read: () => Readable;
}

/** The generation to expect if there must be no object with the name. */
export const NOTHING = '0';
/**
 * Up to this size an upload is one request. Larger uploads can be resumed and aborted, which costs one more round trip.
 * An aborted upload of one request stays open, half sent, until the server gives up on it.
 */
const ONE_REQUEST_BYTES = 2 ** 20;

/**
 * Stores the content as that object if its generation is the expected one; false if it is not. A resumable upload that
 * is interrupted is resumed.
 * @throws TransientError also if the upload may have succeeded, or must be started over
 */
export async function upload(
  storage: StorageConnection,
  place: Place,
  content: Content,
  expected: string,
  options: CallOptions = {},
): Promise<boolean> {
  const session: Session = {};
  const send = async (from: Bucket) => {
    try {
      await sendOnce(from, place.name, content, expected, session, storage.limits.idleMs, options.signal);
      return true;
    } catch (error) {
      if (isConditionNotMet(error)) return false;
      // The session has ended or cannot be used, so there is nothing to resume.
      if (isRefusal(error)) session.uri = undefined;
      throw error;
    }
  };
  const step = async (): Promise<UploadStep<boolean>> => {
    try {
      return { done: await storage.run(place, send, options) };
    } catch (error) {
      if (session.uri === undefined || !TransientError.is(error)) throw error;
      // Only the client knows how far the server got.
      return { moved: false, failure: error };
    }
  };
  return resumeUpload(step, { ...storage.limits.resumption, signal: options.signal });
}

interface Session {
  /** Address of an upload that has started. Anyone who knows it can resume the upload. */
  uri?: string | undefined;
}

async function sendOnce(
  bucket: Bucket,
  name: string,
  { contentType, bytes, md5, owner, read }: Content,
  expected: string,
  session: Session,
  idleMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  using idle = timeLimit(idleMs, () => noData(idleMs), signal);
  const done = new AbortController();
  const resumable = bytes > ONE_REQUEST_BYTES;
  const file = bucket.file(name);
  file.interceptors.push(everyRequestWith({ adapter: endedBy(done.signal) }));
  const target = file.createWriteStream({
    resumable,
    ...(session.uri === undefined ? {} : { uri: session.uri }),
    metadata: {
      contentType,
      md5Hash: md5,
      ...(resumable && { contentLength: bytes }),
      ...(owner !== undefined && { metadata: { owner } }),
    },
    preconditionOpts: { ifGenerationMatch: expected },
    // The server checks before it stores. The client would check afterwards and delete, without a precondition.
    validation: false,
  });
  let answer: unknown;
  target.on('uri', (uri: string) => {
    session.uri = uri;
  });
  target.on('progress', idle.restart);
  target.on('response', (response: unknown) => {
    answer = response;
  });
  try {
    // A single request gets a single chunk: if it ended between two, the client's stream would report the second chunk
    // instead of the cause.
    const source = resumable ? read() : [await buffer(read())];
    await pipeline(source, target, { signal: idle.signal });
  } catch (error) {
    idle.signal.throwIfAborted();
    throw error instanceof Error ? error : answered(error, answer);
  } finally {
    done.abort();
  }
}

type Send<R, A> = (request: R) => A;

/**
 * Destroying the client's upload stream leaves its request open. The library below ends requests by a signal, which the
 * client does not pass on: https://github.com/googleapis/google-cloud-node/tree/main/core/packages/gaxios
 */
function endedBy(signal: AbortSignal) {
  return <R extends { signal?: AbortSignal | null }, A>(request: R, send: Send<R, A>): A =>
    send({ ...request, signal: AbortSignal.any([signal, ...(request.signal ? [request.signal] : [])]) });
}

/** For a refused upload, the client throws a plain object: the server's answer. */
function answered(details: unknown, response: unknown): Error {
  return Object.assign(new Error('Cloud Storage refused the upload'), details, { response });
}

/** Does nothing if the object does not exist, or has another generation than the expected one. */
export async function remove(storage: StorageConnection, place: Place, expected?: string): Promise<void> {
  const ask = async (from: Bucket) => {
    try {
      const { callMs } = storage.limits;
      const condition = expected === undefined ? {} : { ifGenerationMatch: expected };
      await inTime(from.file(place.name).delete(condition), callMs, () => noData(callMs));
    } catch (error) {
      if (!isMissing(error) && !isConditionNotMet(error)) throw error;
    }
  };
  return storage.run(place, ask);
}

/** Base64, as Cloud Storage writes it. */
export async function md5Of(chunks: Readable): Promise<string> {
  const hash = createHash('md5');
  await pipeline(chunks, hash);
  return hash.digest('base64');
}
