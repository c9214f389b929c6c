/** What is used of Google's client, in its own types. */
import type { drive_v3, auth as entryAuth } from 'googleapis/build/src/apis/drive/index.js';

/** The drive part of googleapis: the whole of it takes ten times as long to load. */
export type DriveEntry = typeof import('googleapis/build/src/apis/drive/index.js');
export type DriveClient = drive_v3.Drive;
export type AuthClient = Awaited<ReturnType<InstanceType<(typeof entryAuth)['GoogleAuth']>['getClient']>>;

/** Where Google's services are, or what stands in for them. */
export interface DriveEndpoints {
  /** Of the Drive API. */
  root: string;
  token: string;
  /** Of the IAM Credentials API. */
  iam: string;
}

/** The client asks for another one before its next request. */
export function expireToken(client: AuthClient): void {
  client.setCredentials({ ...client.credentials, expiry_date: 1 });
}
