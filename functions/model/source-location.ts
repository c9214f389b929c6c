/** Parses the URLs of clips and tracks when a request is accepted. All later steps use the stored result. */
import { clipName } from './clip-name.ts';
import { shown } from './mistakes.ts';
import { maskUploadId, nameInUploadId } from './upload-id.ts';
import { maskText, maskUrl, type UrlRefusal, webUrlRefusal } from './web-url.ts';

/** An object in Cloud Storage. */
export interface StorageObject {
  bucket: string;
  object: string;
}

/** A file on Google Drive. */
export interface DriveFile {
  id: string;
  /** Links to files that were shared before September 2021 carry one and do not work without it; null: none. */
  resourceKey: string | null;
}

/** How a source is read. Stored with the task, as JSON. */
export type SourceLocation =
  /** Over HTTP, without credentials. `bucket`: the Cloud Storage bucket that the URL leads to; null: none. */
  | { kind: 'web'; url: string; bucket: string | null }
  /** With the service's own account. */
  | ({ kind: 'storage' } & StorageObject)
  /** With the Drive account, if there is one that may read the file for callers; otherwise over its public link. */
  | ({ kind: 'drive' } & DriveFile)
  /** A file that a caller has sent to this service. */
  | { kind: 'upload'; id: string };

/** A URL of a request, parsed. Stored with the task, as JSON. */
export interface SourceAddress {
  /** As the caller wrote it. It may contain a signature, so it is shown to the caller only. */
  url: string;
  location: SourceLocation;
  /** The clip's name in file names and logs: letters and digits of any alphabet, "-" and "_", at most 40. */
  name: string;
  /** The URL without credentials, query and fragment, for logs, messages and manifests. */
  masked: string;
}

export interface RefusedSource extends UrlRefusal {
  expected: string;
}

/** Which buckets may be read. */
export interface SourceRules {
  /** Read with the service's own account, for any caller: SOURCE_BUCKETS. */
  buckets: readonly string[];
  /** The service keeps its own files there, so they are never read as sources. */
  ownBuckets: readonly string[];
}

const UPLOAD = 'upload:';
const SCHEMES: readonly string[] = ['http:', 'https:', 'gs:'];
/** A drive letter reads like a scheme. */
const WINDOWS_PATH = /^\s*[a-z]:[\\/]/i;
const LOCAL_FILE: UrlRefusal = {
  got: 'the path of a file on a disk',
  next: 'Upload it with POST /uploads, or to a server, and give its https address.',
};
/** In gs:// it belongs to the name, in which nothing is encoded. */
const WITH_FRAGMENT: UrlRefusal = {
  got: 'one with "#", as what follows it is never sent',
  next: 'Write %23 if it belongs to the name of the file. Otherwise leave it out, with all that follows.',
};
/** https://cloud.google.com/storage/docs/buckets#naming */
const MAX_BUCKET = 222;

/** https://cloud.google.com/storage/docs/request-endpoints, and the older names of the same service. */
const STORAGE_HOSTS: readonly string[] = [
  'storage.googleapis.com',
  'storage.cloud.google.com',
  'storage-download.googleapis.com',
  'storage.mtls.googleapis.com',
  'commondatastorage.googleapis.com',
];
const STORAGE_SUFFIXES: readonly string[] = ['.storage.googleapis.com', '.commondatastorage.googleapis.com'];
/** Google serves every API under every one of its API host names. */
const API_HOST = /\.googleapis\.com$/;
const API_PATH = /^\/(?:download\/)?storage\/v1\/b\/([^/]+)\/o\/(.+)$/s;
const DRIVE_HOSTS: readonly string[] = [
  'drive.google.com',
  'docs.google.com',
  'drive.usercontent.google.com',
];
/** Letters, digits, - and _; the shortest known ids have 19. */
const DRIVE_ID = /^[\w-]{10,200}$/;
/** Restricted, because it is sent in a header. */
const RESOURCE_KEY = /^[\w-]{1,100}$/;

/**
 * Parses a URL, or says why it cannot be a source, as far as that is known without a request. The service's own
 * account is used only for buckets that the rules name, so that callers cannot get a private object by naming it.
 * Signed URLs carry their own permission and are read over plain HTTP.
 */
export function readSourceUrl(text: string, rules: SourceRules): SourceAddress | RefusedSource {
  const expectedUrl = 'an http(s), gs:// or upload: URL';
  const expectedFile = 'a file that may be read';
  const url = URL.parse(text);
  if (url === null) {
    const next = 'Write it in full, as https://example.com/clip.mp4.';
    return { expected: expectedUrl, got: shown(maskText(text)), next };
  }
  if (url.protocol === UPLOAD) return uploadAddress(text);
  const refusal = webUrlRefusal(url, SCHEMES);
  if (refusal !== undefined) {
    return { expected: expectedUrl, ...(WINDOWS_PATH.test(text) ? LOCAL_FILE : refusal) };
  }
  if (url.protocol !== 'gs:' && text.includes('#')) {
    return { expected: 'a URL that is sent whole', ...WITH_FRAGMENT };
  }
  const location = locationOf(text, url, rules.buckets);
  if ('got' in location) return { expected: expectedFile, ...location };
  const forbidden = locationRefusal(location, rules);
  if (forbidden !== undefined) return { expected: expectedFile, ...forbidden };
  return { url: text, location, name: nameOf(url), masked: maskUrl(url) };
}

/** Whether the file was sent is known to the store of uploads only. */
function uploadAddress(text: string): SourceAddress | RefusedSource {
  const id = text.trim().slice(UPLOAD.length);
  const name = nameInUploadId(id);
  if (name === undefined) {
    const next = 'Use the url of the answer to POST /uploads as it is.';
    return { expected: 'the url of an upload', got: 'another text after upload:', next };
  }
  return { url: text, location: { kind: 'upload', id }, name, masked: maskUploadId(id) };
}

/** Why a location may not be read; undefined if it may. Checked again before each download, as settings change. */
export function locationRefusal(
  location: SourceLocation,
  { buckets, ownBuckets }: SourceRules,
): UrlRefusal | undefined {
  if (location.kind === 'drive' || location.kind === 'upload') return undefined;
  const { kind, bucket } = location;
  if (bucket !== null && ownBuckets.includes(bucket)) {
    return {
      got: 'a bucket that this service keeps its own files in',
      next: 'Put the file into another bucket.',
    };
  }
  if (kind === 'web' || buckets.includes(bucket)) return undefined;
  return {
    got: `the bucket ${bucket.slice(0, MAX_BUCKET)}, which callers may not read from`,
    next: 'Add it to SOURCE_BUCKETS, or use a signed https URL.',
  };
}

function locationOf(text: string, url: URL, buckets: readonly string[]): SourceLocation | UrlRefusal {
  const isGs = url.protocol === 'gs:';
  const place = isGs ? gsObject(text) : httpObject(url);
  if (isGs && (place === undefined || !isObjectName(place.object))) {
    return { got: JSON.stringify(text.slice(0, 80)), next: 'Write it as gs://bucket/path/clip.mp4.' };
  }
  if (
    place !== undefined &&
    (isGs || (buckets.includes(place.bucket) && place.object !== '' && !isSigned(url)))
  ) {
    if (isObjectName(place.object) && !url.searchParams.has('generation')) {
      return { kind: 'storage', ...place };
    }
    return {
      got: 'the address of one version of a file, or of no file',
      next: 'Use the plain address of the file.',
    };
  }
  return driveLocation(url) ?? { kind: 'web', url: url.href, bucket: place?.bucket || null };
}

/** In gcloud's notation, in which nothing in the name is encoded. */
function gsObject(text: string): StorageObject | undefined {
  const [, bucket = '', object = ''] = /^\s*gs:\/\/([^/]*)\/?(.*)$/is.exec(text) ?? [];
  return bucket === '' ? undefined : { bucket: bucket.toLowerCase(), object };
}

/** The API reads "." and ".." as steps in its own paths: https://cloud.google.com/storage/docs/objects#naming */
function isObjectName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..';
}

function httpObject(url: URL): StorageObject | undefined {
  const hostname = withoutRootDot(url);
  const suffix = STORAGE_SUFFIXES.find((end) => hostname.endsWith(end));
  if (suffix !== undefined) {
    return { bucket: hostname.slice(0, -suffix.length), object: decoded(url.pathname.slice(1)) };
  }
  const pathname = url.pathname.replace(/^\/+/, '/');
  const api = API_HOST.test(hostname) ? API_PATH.exec(pathname) : null;
  if (api !== null) return { bucket: decoded(api[1] as string), object: decoded(api[2] as string) };
  if (!STORAGE_HOSTS.includes(hostname)) return undefined;
  const [, bucket = '', object = ''] = /^\/([^/]*)\/?(.*)$/s.exec(pathname) ?? [];
  return { bucket: decoded(bucket), object: decoded(object) };
}

function isSigned({ searchParams }: URL): boolean {
  return [...searchParams.keys()].some((name) => /^(x-goog-signature|signature)$/i.test(name));
}

/** Undefined for URLs that do not lead to Drive. */
function driveLocation(url: URL): SourceLocation | UrlRefusal | undefined {
  if (!isOnDrive(url)) return undefined;
  const next = 'Use the link that Drive gives for the file: https://drive.google.com/file/d/ID/view.';
  if (/\/folders\//.test(url.pathname)) return { got: 'a link to a Drive folder', next };
  if (/^\/(document|spreadsheets|presentation|forms)\//.test(url.pathname)) {
    return { got: 'a link to a Google document', next: 'Link a video or audio file.' };
  }
  const id = driveId(url);
  if (id === undefined) return { got: 'a Drive link without the id of a file', next };
  const key = url.searchParams.get('resourcekey');
  return { kind: 'drive', id, resourceKey: key !== null && RESOURCE_KEY.test(key) ? key : null };
}

function isOnDrive(url: URL): boolean {
  return DRIVE_HOSTS.includes(withoutRootDot(url));
}

function driveId(url: URL): string | undefined {
  const id = /\/file\/(?:u\/\d+\/)?d\/([^/]+)/.exec(url.pathname)?.[1] ?? url.searchParams.get('id') ?? '';
  return DRIVE_ID.test(id) ? id : undefined;
}

function withoutRootDot({ hostname }: URL): string {
  return hostname.replace(/\.$/, '');
}

/** The last part of the path without its extension; for Drive, whose links all end the same way, the file's id. */
function nameOf(url: URL): string {
  const id = isOnDrive(url) ? driveId(url) : undefined;
  const last = id ?? url.pathname.split('/').filter(Boolean).at(-1) ?? '';
  return clipName(decoded(last));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
