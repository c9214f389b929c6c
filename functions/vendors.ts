/** Which vendors the settings choose, and what those need to be reached. */
import { inHome, type SettingsReader } from './settings-reader.ts';
import type { SourceRules } from './task/source-url.ts';

export type OutputChoice =
  | { kind: 'local' }
  | { kind: 'drive'; folderId: string }
  | { kind: 'gcs'; bucket: string };

/** Whose Drive it is; see the README for how each is set up. */
export type DriveAuth =
  | { mode: 'adc' }
  | { mode: 'oauth'; clientId: string; clientSecret: string; refreshToken: string }
  /** Without a key file, the service's own account signs for itself. */
  | { mode: 'delegation'; subject: string; keyFile: string | undefined };

/** https://elevenlabs.io/docs/api-reference/voices/settings/get; what is left out is as the voice has it. */
export interface VoiceSettings {
  stability?: number;
  similarityBoost?: number;
  style?: number;
  speed?: number;
  useSpeakerBoost?: boolean;
}

export interface ElevenLabsChoice {
  apiKey: string;
  model: string;
  /** Their output_format. */
  format: string;
  voiceSettings: VoiceSettings | undefined;
}

export interface Vendors {
  output: OutputChoice;
  /** Of artifacts that all processes share; undefined: the disk alone. */
  cacheBucket: string | undefined;
  /** Undefined: no account on Drive. */
  drive: DriveAuth | undefined;
  /** May callers have any file that the account can read, or only what is shared by link? */
  driveSources: 'link' | 'account';
  /** Buckets whose objects callers may name as sources. */
  sourceBuckets: string[];
  /** Undefined: the built-in voice. */
  elevenLabs: ElevenLabsChoice | undefined;
  /** Without a slash at the end; undefined: the vendor's own address. */
  googleApiUrl: string | undefined;
  elevenLabsApiUrl: string | undefined;
}

/** Where videos go, for people. */
export function outputPlace({ output }: Vendors, outputDir: string): string {
  switch (output.kind) {
    case 'local':
      return outputDir;
    case 'gcs':
      return `gs://${output.bucket}`;
    case 'drive':
      return `Google Drive, folder ${output.folderId}`;
  }
}

/** By which sources are read, of callers' addresses: see sourceWay. */
export function sourceRules({ sourceBuckets, cacheBucket, output }: Vendors): SourceRules {
  const own = [cacheBucket, output.kind === 'gcs' ? output.bucket : undefined];
  return { buckets: sourceBuckets, ownBuckets: own.filter((bucket) => bucket !== undefined) };
}

/** https://cloud.google.com/storage/docs/buckets#naming */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;
/** An id, or the address that the browser shows for the folder. */
const DRIVE_FOLDER =
  /^(?:https:\/\/drive\.google\.com\/drive\/(?:u\/\d+\/)?folders\/)?([\w-]{10,200}|root)(?:\?.*)?$/;
/** What ffmpeg can open without being told what it is. */
const FORMAT = /^(mp3|wav|opus)_\d+(_\d+)?$/;
/** Times as fast as the voice: what their API takes. */
const SPEEDS = { least: 0.7, most: 1.2 };

/** `shared`: several processes on several machines, so that nothing can be on one disk. */
export function readVendors(read: SettingsReader, { shared }: { shared: boolean }): Vendors {
  const drive = readDriveAuth(read);
  const cacheBucket = read.optional('CACHE_BUCKET', (value) => BUCKET.test(value));
  const output = readOutput(read, drive, shared);
  const sourceBuckets = readSourceBuckets(read);
  if (shared && cacheBucket === undefined && !read.failed('CACHE_BUCKET')) {
    read.problem(
      'CACHE_BUCKET: expected a bucket that all functions share, got nothing. Set it to one of your project.',
    );
  }
  const driveSources = read.text('DRIVE_SOURCES', 'link', /^(link|account)$/) as 'link' | 'account';
  if (driveSources === 'account' && drive === undefined && !read.failed('DRIVE_AUTH')) {
    read.problem(
      'DRIVE_AUTH: expected adc, oauth or delegation because DRIVE_SOURCES is account, got nothing. Set it.',
    );
  }
  const vendors: Vendors = {
    output,
    cacheBucket,
    drive,
    driveSources,
    sourceBuckets,
    elevenLabs: readElevenLabs(read),
    googleApiUrl: readApiUrl(read, 'GOOGLE_API_URL'),
    elevenLabsApiUrl: readApiUrl(read, 'ELEVENLABS_API_URL'),
  };
  const { buckets, ownBuckets } = sourceRules(vendors);
  for (const bucket of buckets.filter((name) => ownBuckets.includes(name))) {
    read.problem(
      `SOURCE_BUCKETS: expected buckets other than CACHE_BUCKET and OUTPUT_BUCKET, got ${bucket}. Callers could read what others made: remove it.`,
    );
  }
  return vendors;
}

function readOutput(read: SettingsReader, drive: DriveAuth | undefined, shared: boolean): OutputChoice {
  const kind = read.text('OUTPUT', 'local', /^(local|drive|gcs)$/);
  if (read.raw('OUTPUT') === undefined) {
    // Videos would go to the disk without a word.
    const name = ['DRIVE_FOLDER_ID', 'OUTPUT_BUCKET'].find((setting) => read.raw(setting) !== undefined);
    if (name !== undefined) {
      const meant = name === 'DRIVE_FOLDER_ID' ? 'drive' : 'gcs';
      read.problemWith(
        'OUTPUT',
        `expected ${meant} because ${name} is set, got nothing. Set it, or OUTPUT=local.`,
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
        'DRIVE_AUTH: expected adc, oauth or delegation because OUTPUT is drive, got nothing. The README has each in steps.',
      );
    }
    if (folderId === undefined && !read.failed('DRIVE_FOLDER_ID')) {
      read.problem(
        'DRIVE_FOLDER_ID: expected the folder that task folders are made in because OUTPUT is drive, got nothing. ' +
          'Copy it from its address in the browser.',
      );
    }
    return { kind, folderId: folderId ?? '' };
  }
  if (kind === 'gcs') {
    if (bucket === undefined && !read.failed('OUTPUT_BUCKET')) {
      read.problem(
        'OUTPUT_BUCKET: expected a bucket because OUTPUT is gcs, got nothing. Set it to one of your project.',
      );
    }
    return { kind, bucket: bucket ?? '' };
  }
  if (shared && !read.failed('OUTPUT')) {
    read.problem(
      'OUTPUT: expected drive or gcs, a place that all functions share, got local. Set it; `npm start` and ' +
        '`npm run emulators` can do with local.',
    );
  }
  return { kind: 'local' };
}

function readDriveAuth(read: SettingsReader): DriveAuth | undefined {
  const mode = read.optional('DRIVE_AUTH', (value) => /^(adc|oauth|delegation)$/.test(value));
  const clientId = read.optional('DRIVE_CLIENT_ID', (value) => /^[\w.-]+$/.test(value));
  const clientSecret = read.optional('DRIVE_CLIENT_SECRET', (value) => /^\S+$/.test(value));
  const refreshToken = read.optional('DRIVE_REFRESH_TOKEN', (value) => /^\S+$/.test(value));
  const subject = read.optional('DRIVE_SUBJECT', (value) => /^\S+@\S+$/.test(value));
  const keyFile = read.optional('DRIVE_KEY_FILE', () => true);
  const needed = (values: Record<string, string | undefined>): void => {
    for (const [name, value] of Object.entries(values)) {
      if (value !== undefined || read.failed(name)) continue;
      read.problem(`${name}: expected ${read.expected(name)} because DRIVE_AUTH is ${mode}, got nothing.`);
    }
  };
  switch (mode) {
    case 'adc':
      return { mode };
    case 'oauth':
      needed({
        DRIVE_CLIENT_ID: clientId,
        DRIVE_CLIENT_SECRET: clientSecret,
        DRIVE_REFRESH_TOKEN: refreshToken,
      });
      return {
        mode,
        clientId: clientId ?? '',
        clientSecret: clientSecret ?? '',
        refreshToken: refreshToken ?? '',
      };
    case 'delegation':
      needed({ DRIVE_SUBJECT: subject });
      return { mode, subject: subject ?? '', keyFile: keyFile && inHome(keyFile) };
    default: {
      const meant = [clientId, clientSecret, refreshToken].some((value) => value !== undefined)
        ? 'oauth'
        : [subject, keyFile].some((value) => value !== undefined) && 'delegation';
      if (meant && !read.failed('DRIVE_AUTH')) {
        read.problemWith(
          'DRIVE_AUTH',
          `expected ${meant}, as what belongs to it is set, got nothing. Set it.`,
        );
      }
      return undefined;
    }
  }
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

function readElevenLabs(read: SettingsReader): ElevenLabsChoice | undefined {
  const speech = read.text('SPEECH', 'auto', /^(auto|elevenlabs|espeak)$/);
  const apiKey = read.optional('ELEVENLABS_API_KEY', (value) => /^[\x21-\x7e]{8,}$/.test(value));
  const model = read.text('ELEVENLABS_MODEL', 'eleven_multilingual_v2', /^[\w.-]+$/);
  const format = read.text('ELEVENLABS_FORMAT', 'mp3_44100_128', FORMAT);
  const voiceSettings = read.optional(
    'ELEVENLABS_VOICE_SETTINGS',
    (text) => parseVoiceSettings(text) !== undefined,
  );
  if (speech === 'elevenlabs' && apiKey === undefined && !read.failed('ELEVENLABS_API_KEY')) {
    read.problem('ELEVENLABS_API_KEY: expected a key because SPEECH is elevenlabs, got nothing.');
  }
  if (speech === 'espeak' || apiKey === undefined) return undefined;
  return { apiKey, model, format, voiceSettings: parseVoiceSettings(voiceSettings ?? '') };
}

/** Undefined for what is no such JSON. */
function parseVoiceSettings(text: string): VoiceSettings | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return undefined;
  const { stability, similarity_boost, style, speed, use_speaker_boost, ...unknown } = found as Record<
    string,
    unknown
  >;
  const within = (value: unknown, least: number, most: number) =>
    value === undefined || (typeof value === 'number' && value >= least && value <= most);
  const sound =
    Object.keys(unknown).length === 0 &&
    within(stability, 0, 1) &&
    within(similarity_boost, 0, 1) &&
    within(style, 0, 1) &&
    within(speed, SPEEDS.least, SPEEDS.most) &&
    (use_speaker_boost === undefined || typeof use_speaker_boost === 'boolean');
  if (!sound) return undefined;
  const settings = {
    stability,
    similarityBoost: similarity_boost,
    style,
    speed,
    useSpeakerBoost: use_speaker_boost,
  };
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  ) as VoiceSettings;
}

/** Keys and tokens go there: in the clear only to this machine. */
function readApiUrl(read: SettingsReader, name: string): string | undefined {
  return read
    .optional(name, (value) => {
      const url = URL.parse(value);
      const local = url !== null && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
      if (url === null || url.href !== `${url.origin}/`) return false;
      return url.protocol === 'https:' || (url.protocol === 'http:' && local);
    })
    ?.replace(/\/+$/, '');
}
