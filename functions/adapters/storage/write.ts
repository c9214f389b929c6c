/** Writes to Cloud Storage, by its client's streams: each with a precondition, stoppable, and never stored by half. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Bucket } from '@google-cloud/storage';
import { isConditionNotMet, isMissing, isRefusal } from './errors.ts';
import {
  type CallOptions,
  everyRequestWith,
  inTime,
  limitOf,
  type Place,
  type StorageConnection,
} from './storage.ts';

export interface Content {
  contentType: string;
  bytes: number;
  /** Base64. The server refuses to store what does not have it. */
  md5: string;
  /** Anew from the first byte, each time it is called. */
  read: () => Readable;
}

/** For the generation that a write expects: there is none. */
export const NOTHING = '0';
/**
 * Up to this size an upload is one request, above it the client's resumable kind: one more round trip, but it can be
 * gone on with, and ended. A stopped one of the simple kind stays open, half sent, until the server gives it up.
 */
const ONE_REQUEST_BYTES = 2 ** 20;

/**
 * Stores the content as that object, if its generation is still the expected one; false where it is not. An upload that
 * breaks off is gone on with.
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
      // The session is over, or of no use: the next try begins anew.
      if (isRefusal(error)) session.uri = undefined;
      throw error;
    }
  };
  return storage.run(place, send, options);
}

interface Session {
  /** Address of an upload that has begun; whoever knows it may go on with it. */
  uri?: string | undefined;
}

async function sendOnce(
  bucket: Bucket,
  name: string,
  { contentType, bytes, md5, read }: Content,
  expected: string,
  session: Session,
  idleMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  using idle = limitOf(idleMs, signal);
  const done = new AbortController();
  const resumable = bytes > ONE_REQUEST_BYTES;
  const file = bucket.file(name);
  file.interceptors.push(everyRequestWith({ adapter: endedBy(done.signal) }));
  const target = file.createWriteStream({
    resumable,
    ...(session.uri === undefined ? {} : { uri: session.uri }),
    metadata: { contentType, md5Hash: md5, ...(resumable && { contentLength: bytes }) },
    preconditionOpts: { ifGenerationMatch: expected },
    // The server checks, before it stores. The client would check afterwards and, without any precondition, delete.
    validation: false,
  });
  let answer: unknown;
  target.on('uri', (uri: string) => {
    session.uri = uri;
  });
  target.on('progress', idle.moved);
  target.on('response', (response: unknown) => {
    answer = response;
  });
  try {
    // One piece where there is one request: the client's stream, ended between two, tells of the second, not of the cause.
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
 * Destroying the client's upload stream leaves its request open. The library under it can end requests, by a signal
 * that the client does not hand through: https://github.com/googleapis/google-cloud-node/tree/main/core/packages/gaxios
 */
function endedBy(signal: AbortSignal) {
  return <R extends { signal?: AbortSignal | null }, A>(request: R, send: Send<R, A>): A =>
    send({ ...request, signal: AbortSignal.any([signal, ...(request.signal ? [request.signal] : [])]) });
}

/** The client throws what a server refused an upload with as it came: a plain object. */
function answered(told: unknown, response: unknown): Error {
  return Object.assign(new Error('Cloud Storage refused the upload'), told, { response });
}

/** What is not there, or has another generation than the expected one, is left as it is. */
export async function remove(storage: StorageConnection, place: Place, expected?: string): Promise<void> {
  const ask = async (from: Bucket) => {
    try {
      await inTime(
        from.file(place.name).delete(expected === undefined ? {} : { ifGenerationMatch: expected }),
        storage.limits.callMs,
      );
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
