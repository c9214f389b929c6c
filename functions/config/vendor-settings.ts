/** Reads which vendors the service uses and how to reach them. */
import type { Prices } from '../model/cost.ts';
import type { DriveAuth } from '../model/drive-auth.ts';
import type { SourceRules } from '../model/source-location.ts';
import { readDriveAuth } from './drive-settings.ts';
import type { ElevenLabsChoice } from './elevenlabs-settings.ts';
import { isLoopback } from './loopback.ts';
import { readPrices } from './price-settings.ts';
import type { SettingsReader } from './settings-reader.ts';
import { readSpeech } from './speech-settings.ts';

export type OutputChoice =
  | { kind: 'local' }
  | { kind: 'drive'; folderId: string }
  | { kind: 'gcs'; bucket: string };

export interface VendorSettings {
  output: OutputChoice;
  /** Bucket for artifacts that all processes share; if undefined, they are only on disk. */
  cacheBucket: string | undefined;
  /** Undefined without a Drive account. */
  drive: DriveAuth | undefined;
  /** `link`: callers may use files shared by link. `account`: any file that the account can read. */
  driveSources: 'link' | 'account';
  /** Buckets whose objects callers may name as sources. */
  sourceBuckets: string[];
  /** Undefined if another voice speaks. */
  elevenLabs: ElevenLabsChoice | undefined;
  /** Folder of the neural voice that speaks; undefined if another one does. */
  offlineVoice: string | undefined;
  /** What they charge, for the estimated cost of tasks. */
  prices: Prices;
  /** Without a trailing slash; undefined for the vendor's own address. */
  googleApiUrl: string | undefined;
  elevenLabsApiUrl: string | undefined;
}

/** Where videos are saved, as text for the log. */
export function outputPlace({ output }: VendorSettings, outputDir: string): string {
  switch (output.kind) {
    case 'local':
      return outputDir;
    case 'gcs':
      return `gs://${output.bucket}`;
    case 'drive':
      return `Google Drive, folder ${output.folderId}`;
  }
}

/** Which buckets callers may name as sources. */
export function sourceRules({ sourceBuckets, cacheBucket, output }: VendorSettings): SourceRules {
  const own = [cacheBucket, output.kind === 'gcs' ? output.bucket : undefined];
  return { buckets: sourceBuckets, ownBuckets: own.filter((bucket) => bucket !== undefined) };
}

/** https://cloud.google.com/storage/docs/buckets#naming */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;
/** A folder id, or the folder's address copied from the browser. */
const DRIVE_FOLDER =
  /^(?:https:\/\/drive\.google\.com\/drive\/(?:u\/\d+\/)?folders\/)?([\w-]{10,200}|root)(?:\?.*)?$/;

export interface VendorOptions {
  /** Several machines work together, so files on one machine's disk are not enough. */
  shared: boolean;
  /** The cloud function that this process runs. Each function gets only the secrets that it uses. */
  target: string | undefined;
}

export function readVendorSettings(read: SettingsReader, { shared, target }: VendorOptions): VendorSettings {
  const driveSources = read.text('DRIVE_SOURCES', 'link', /^(link|account)$/) as 'link' | 'account';
  const opensLinksOnly = target === 'prepare' && driveSources === 'link';
  const drive = readDriveAuth(read, target === 'webhook' || opensLinksOnly);
  const cacheBucket = read.optional('CACHE_BUCKET', (value) => BUCKET.test(value));
  const output = readOutput(read, drive, shared);
  const sourceBuckets = readSourceBuckets(read);
  if (shared && cacheBucket === undefined && !read.failed('CACHE_BUCKET')) {
    read.problem(
      'CACHE_BUCKET: expected a bucket that all functions share, got nothing. Set it to a bucket of your project.',
    );
  }
  if (driveSources === 'account' && drive === undefined && !read.failed('DRIVE_AUTH')) {
    read.problem(
      'DRIVE_AUTH: expected adc, oauth or delegation because DRIVE_SOURCES is account, got nothing. Set it.',
    );
  }
  const speaks = target === undefined || target === 'prepare';
  const { elevenLabs, offlineVoice } = readSpeech(read, { speaks, shared });
  const vendors: VendorSettings = {
    output,
    cacheBucket,
    drive,
    driveSources,
    sourceBuckets,
    elevenLabs,
    offlineVoice,
    prices: readPrices(read, { elevenLabs, inCloud: shared }),
    googleApiUrl: readApiUrl(read, 'GOOGLE_API_URL'),
    elevenLabsApiUrl: readApiUrl(read, 'ELEVENLABS_API_URL'),
  };
  const { buckets, ownBuckets } = sourceRules(vendors);
  for (const bucket of buckets.filter((name) => ownBuckets.includes(name))) {
    read.problem(
      `SOURCE_BUCKETS: expected buckets other than CACHE_BUCKET and OUTPUT_BUCKET, got ${bucket}. Remove it: callers could read each other's files.`,
    );
  }
  return vendors;
}

function readOutput(read: SettingsReader, drive: DriveAuth | undefined, shared: boolean): OutputChoice {
  const kind = read.text('OUTPUT', 'local', /^(local|drive|gcs)$/);
  if (read.raw('OUTPUT') === undefined) {
    // The default would silently save videos on disk.
    const name = ['DRIVE_FOLDER_ID', 'OUTPUT_BUCKET'].find((setting) => read.raw(setting) !== undefined);
    if (name !== undefined) {
      const likely = name === 'DRIVE_FOLDER_ID' ? 'drive' : 'gcs';
      read.problemWith(
        'OUTPUT',
        `expected ${likely} because ${name} is set, got nothing. Set OUTPUT=${likely} or OUTPUT=local.`,
      );
    }
  }
  const folderId = DRIVE_FOLDER.exec(
    read.optional('DRIVE_FOLDER_ID', (value) => DRIVE_FOLDER.test(value)) ?? '',
  )?.[1];
  const bucket = read.optional('OUTPUT_BUCKET', (value) => BUCKET.test(value));
  if (kind === 'drive') {
    if (drive === undefined && !read.failed('DRIVE_AUTH')) {
      read.problem(
        'DRIVE_AUTH: expected adc, oauth or delegation because OUTPUT is drive, got nothing. infra/README.md has the steps.',
      );
    }
    if (folderId === undefined && !read.failed('DRIVE_FOLDER_ID')) {
      read.problem(
        'DRIVE_FOLDER_ID: expected the folder for task folders because OUTPUT is drive, got nothing. ' +
          "Copy it from the folder's address in the browser.",
      );
    }
    return { kind, folderId: folderId ?? '' };
  }
  if (kind === 'gcs') {
    if (bucket === undefined && !read.failed('OUTPUT_BUCKET')) {
      read.problem(
        'OUTPUT_BUCKET: expected a bucket because OUTPUT is gcs, got nothing. Set it to a bucket of your project.',
      );
    }
    return { kind, bucket: bucket ?? '' };
  }
  if (shared && !read.failed('OUTPUT')) {
    read.problem(
      'OUTPUT: expected drive or gcs, a place that all functions share, got local. Set one of them; ' +
        'local works with `npm start` and `npm run emulators` only.',
    );
  }
  return { kind: 'local' };
}

function readSourceBuckets(read: SettingsReader): string[] {
  const names = (text: string) =>
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
  return names(
    read.optional('SOURCE_BUCKETS', (text) => names(text).every((name) => BUCKET.test(name))) ?? '',
  );
}

/** Keys and tokens are sent there, so plain http is accepted for this machine only. */
function readApiUrl(read: SettingsReader, name: string): string | undefined {
  return read
    .optional(name, (value) => {
      const url = URL.parse(value);
      if (url === null || url.href !== `${url.origin}/`) return false;
      return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
    })
    ?.replace(/\/+$/, '');
}
