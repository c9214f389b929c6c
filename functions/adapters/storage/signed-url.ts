/** Addresses that let whoever has them read or write one object for some time, without an account. */
import type { Bucket } from '@google-cloud/storage';
import { TransientError } from '../../base/errors.ts';
import { inTime } from '../../base/time-limit.ts';
import { type CallOptions, noData, type Place, type StorageConnection } from './storage.ts';

export interface Signing extends CallOptions {
  method: 'GET' | 'PUT';
  /** Milliseconds since the epoch, at most seven days from now. */
  expiresAt: number;
  /** Request headers that the caller must send with exactly these values, for example Content-Type. */
  headers?: Readonly<Record<string, string>>;
  /** Parameters of the address, for example response-content-disposition. */
  query?: Readonly<Record<string, string>>;
}

/**
 * A V4 signed URL (https://cloud.google.com/storage/docs/access-control/signed-urls). Signed with the key of the service
 * account if the credentials have one; otherwise, as on Cloud Run, by IAM, which takes the permission signBlob on the account
 * itself (Service Account Token Creator). Says nothing about whether the object exists.
 * @throws TransientError platform_unavailable if it cannot be signed, for example with the credentials of a person
 */
export async function signedUrl(
  storage: StorageConnection,
  place: Place,
  { method, expiresAt, headers = {}, query = {}, signal }: Signing,
): Promise<string> {
  const { callMs } = storage.limits;
  const sign = async (bucket: Bucket) => {
    const signing = bucket.file(place.name).getSignedUrl({
      version: 'v4',
      action: method === 'GET' ? 'read' : 'write',
      expires: expiresAt,
      extensionHeaders: headers,
      queryParams: query,
      ...(storage.signingUrl === undefined ? {} : { signingEndpoint: storage.signingUrl }),
    });
    const [url] = await inTime(signing, callMs, () => noData(callMs), signal);
    return url;
  };
  try {
    return await storage.run(place, sign, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw notSigned(place, error);
  }
}

/** The client reports every cause by a text alone, so refusals and failed connections look the same. */
function notSigned({ bucket, name }: Place, error: unknown): TransientError {
  const got = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
  return new TransientError(
    'platform_unavailable',
    `Expected a signed URL for gs://${bucket}/${name}, got: ${got} Next step: let the service run as a service account ` +
      'that is Service Account Token Creator on itself.',
    { cause: error },
  );
}
