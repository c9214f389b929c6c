/** An object in Cloud Storage. */
export interface StorageObject {
  bucket: string;
  object: string;
}

/** A file on Google Drive. */
export interface DriveFile {
  id: string;
  /** Links to files that were shared before September 2021 carry one, and are of no use without it. */
  resourceKey: string | undefined;
}

/** What may be read by the service's own accounts, and not only by who asks. */
export interface SourceRules {
  /** SOURCE_BUCKETS. */
  buckets: readonly string[];
  /** Where the service keeps what it makes: never read, whoever asks. */
  ownBuckets: readonly string[];
}

/** How a source is read. */
export type SourceLocation =
  | { kind: 'web' }
  | ({ kind: 'storage' } & StorageObject)
  | ({ kind: 'drive' } & DriveFile)
  | { kind: 'refused'; got: string; next: string };

/** https://cloud.google.com/storage/docs/request-endpoints, old names and those of other ways in among them. */
const STORAGE_HOSTS: readonly string[] = [
  'storage.googleapis.com',
  'storage.cloud.google.com',
  'storage-download.googleapis.com',
  'storage.mtls.googleapis.com',
  'commondatastorage.googleapis.com',
];
const STORAGE_SUFFIXES: readonly string[] = ['.storage.googleapis.com', '.commondatastorage.googleapis.com'];
/** Any API may be asked for under any of Google's names for APIs. */
const API_HOST = /\.googleapis\.com$/;
const API_PATH = /^\/(?:download\/)?storage\/v1\/b\/([^/]+)\/o\/(.+)$/s;
const DRIVE_HOSTS: readonly string[] = [
  'drive.google.com',
  'docs.google.com',
  'drive.usercontent.google.com',
];
/** Letters, digits, - and _; the shortest that are known have 19. */
const DRIVE_ID = /^[\w-]{10,200}$/;

/**
 * How an address is read: by HTTP as anyone would read it, or by an account of the service's own, where the rules let
 * callers have what it can see. A signed address carries its own permission. Nobody gets a private object by naming it.
 */
export function sourceLocation(text: string, { buckets, ownBuckets }: SourceRules): SourceLocation {
  const url = URL.parse(text);
  const isGs = url?.protocol === 'gs:';
  const place = isGs ? gsObject(text) : url === null ? undefined : httpObject(url);
  if (place !== undefined && ownBuckets.includes(place.bucket)) {
    return refused('a bucket that this service keeps its own files in', 'Put the file into another bucket.');
  }
  const isOurs = place !== undefined && buckets.includes(place.bucket) && place.object !== '';
  if (isGs && (place === undefined || !isObjectName(place.object))) {
    return refused(JSON.stringify(text.slice(0, 80)), 'Write it as gs://bucket/path/clip.mp4.');
  }
  if (isGs && !isOurs) {
    return refused(
      `the bucket ${place?.bucket}, which is not one that callers may read from`,
      'Add it to SOURCE_BUCKETS, or use a signed https URL.',
    );
  }
  if (isOurs && (isGs || (url !== null && !isSigned(url)))) {
    if (!isObjectName(place.object) || url?.searchParams.has('generation')) {
      return refused('an address of one version, or of no file', 'Use the plain address of the file.');
    }
    return { kind: 'storage', ...place };
  }
  return (url !== null && driveLocation(url)) || { kind: 'web' };
}

/** As gcloud writes objects: nothing in them is encoded. */
function gsObject(text: string): StorageObject | undefined {
  const [, bucket = '', object = ''] = /^\s*gs:\/\/([^/]*)\/?(.*)$/is.exec(text) ?? [];
  return bucket === '' ? undefined : { bucket: bucket.toLowerCase(), object };
}

/** The API takes these for steps in its own paths: https://cloud.google.com/storage/docs/objects#naming */
function isObjectName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..';
}

function httpObject(url: URL): StorageObject | undefined {
  const hostname = url.hostname.replace(/\.$/, '');
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

/** It goes into a header. */
const RESOURCE_KEY = /^[\w-]{1,100}$/;

/** The file that an address on Drive names; undefined for all other addresses. */
export function driveFile(url: URL): DriveFile | undefined {
  if (!isOnDrive(url)) return undefined;
  const id = /\/file\/(?:u\/\d+\/)?d\/([^/]+)/.exec(url.pathname)?.[1] ?? url.searchParams.get('id') ?? '';
  if (!DRIVE_ID.test(id)) return undefined;
  const key = url.searchParams.get('resourcekey') ?? '';
  return { id, resourceKey: RESOURCE_KEY.test(key) ? key : undefined };
}

/** Undefined for what is no address on Drive. */
function driveLocation(url: URL): SourceLocation | undefined {
  if (!isOnDrive(url)) return undefined;
  const next = 'Use the link that Drive gives for the file: https://drive.google.com/file/d/ID/view.';
  if (/\/folders\//.test(url.pathname)) return refused('a link to a Drive folder', next);
  if (/^\/(document|spreadsheets|presentation|forms)\//.test(url.pathname)) {
    return refused('a link to a Google document', 'Link a video or audio file.');
  }
  const file = driveFile(url);
  return file === undefined
    ? refused('a Drive link without the id of a file', next)
    : { kind: 'drive', ...file };
}

function isOnDrive({ hostname }: URL): boolean {
  return DRIVE_HOSTS.includes(hostname.replace(/\.$/, ''));
}

function refused(got: string, next: string): SourceLocation {
  return { kind: 'refused', got, next };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
