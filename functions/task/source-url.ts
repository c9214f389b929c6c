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
export type SourceWay =
  | { kind: 'web' }
  | ({ kind: 'storage' } & StorageObject)
  | ({ kind: 'drive' } & DriveFile)
  | { kind: 'refused'; got: string; next: string };

/** https://cloud.google.com/storage/docs/request-endpoints */
const STORAGE_HOSTS: readonly string[] = [
  'storage.googleapis.com',
  'storage.cloud.google.com',
  'www.googleapis.com',
];
const STORAGE_SUFFIX = '.storage.googleapis.com';
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
export function sourceWay(text: string, { buckets, ownBuckets }: SourceRules): SourceWay {
  const url = URL.parse(text);
  const place = text.startsWith('gs://') ? gsObject(text) : url === null ? undefined : httpObject(url);
  if (place !== undefined) {
    const { bucket, object } = place;
    if (ownBuckets.includes(bucket)) {
      return refused(
        'a bucket that this service keeps its own files in',
        'Put the file into another bucket.',
      );
    }
    const byAccount = text.startsWith('gs://') || (url !== null && !isSigned(url));
    if (byAccount && buckets.includes(bucket) && object !== '') return { kind: 'storage', ...place };
  }
  if (text.startsWith('gs://')) {
    return place === undefined || place.object === ''
      ? refused(JSON.stringify(text.slice(0, 80)), 'Write it as gs://bucket/path/clip.mp4.')
      : refused(
          `the bucket ${place.bucket}, which is not one that callers may read from`,
          'Add it to SOURCE_BUCKETS, or use a signed https URL.',
        );
  }
  return (url !== null && driveWay(url)) || { kind: 'web' };
}

/** As gcloud writes objects: nothing in them is encoded. */
function gsObject(text: string): StorageObject | undefined {
  const [, bucket = '', object = ''] = /^gs:\/\/([^/]*)\/?(.*)$/s.exec(text) ?? [];
  return bucket === '' ? undefined : { bucket, object };
}

function httpObject({ hostname, pathname }: URL): StorageObject | undefined {
  if (hostname.endsWith(STORAGE_SUFFIX)) {
    const bucket = hostname.slice(0, -STORAGE_SUFFIX.length);
    return { bucket, object: decoded(pathname.slice(1)) };
  }
  if (!STORAGE_HOSTS.includes(hostname)) return undefined;
  const api = /^\/(?:download\/)?storage\/v1\/b\/([^/]+)\/o\/(.+)$/s.exec(pathname);
  if (api !== null) return { bucket: decoded(api[1] as string), object: decoded(api[2] as string) };
  // Other APIs live under that name, too.
  if (hostname === 'www.googleapis.com') return undefined;
  const [, bucket = '', object = ''] = /^\/([^/]*)\/?(.*)$/s.exec(pathname) ?? [];
  return { bucket: decoded(bucket), object: decoded(object) };
}

function isSigned({ searchParams }: URL): boolean {
  return [...searchParams.keys()].some((name) => /^(x-goog-signature|signature)$/i.test(name));
}

/** The file that an address on Drive names; undefined for all other addresses. */
export function driveFile(url: URL): DriveFile | undefined {
  if (!DRIVE_HOSTS.includes(url.hostname)) return undefined;
  const id = /\/file\/(?:u\/\d+\/)?d\/([^/]+)/.exec(url.pathname)?.[1] ?? url.searchParams.get('id') ?? '';
  if (!DRIVE_ID.test(id)) return undefined;
  return { id, resourceKey: url.searchParams.get('resourcekey') ?? undefined };
}

/** Undefined for what is no address on Drive. */
function driveWay(url: URL): SourceWay | undefined {
  if (!DRIVE_HOSTS.includes(url.hostname)) return undefined;
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

function refused(got: string, next: string): SourceWay {
  return { kind: 'refused', got, next };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
