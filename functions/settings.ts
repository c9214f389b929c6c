/** What can be set, in words. README and .env.example are tested against this. */
import { availableParallelism } from 'node:os';
import { LOG_LEVELS } from './log.ts';

/** How one setting is written, and what it is when it is not. README and .env.example are tested against this. */
export interface Setting {
  name: string;
  /** As the documents show it. */
  default: string;
  expected: string;
  about: string;
  secret?: boolean;
}

export const CORES = availableParallelism();
/** More encoder threads than this cost memory and gain little on clips of this size (measured: see README). */
export const MAX_DEFAULT_THREADS = 4;

export const SETTINGS: readonly Setting[] = [
  {
    name: 'PORT',
    default: '8080',
    expected: 'a port from 0 to 65535',
    about: 'Port to listen on; 0 takes any free one.',
  },
  {
    name: 'HOST',
    default: '127.0.0.1',
    expected: 'a host name or address',
    about: 'Address to listen on. Any other than loopback requires API_KEY.',
  },
  {
    name: 'PUBLIC_URL',
    default: '',
    expected: 'an http(s) URL',
    about: 'Address under which callers reach the service; status_url begins with it.',
  },
  {
    name: 'DATA_DIR',
    default: './.data',
    expected: 'a folder',
    about: 'Tasks, queue and prepared clips. One running service per folder.',
  },
  {
    name: 'OUTPUT',
    default: 'local',
    expected: 'local',
    about: 'Where finished videos go: local is the only place in this version.',
  },
  {
    name: 'OUTPUT_DIR',
    default: './output',
    expected: 'a folder',
    about: "The tasks' folders are made in it.",
  },
  {
    name: 'CACHE_MAX_MB',
    default: '10240',
    expected: 'a whole number of megabytes from 100',
    about: 'Room for prepared clips, tracks and lines; the least recently used go first.',
  },
  {
    name: 'SPEECH',
    default: 'auto',
    expected: 'auto or espeak',
    about: 'Who speaks. espeak is the built-in voice that needs no key; auto chooses it.',
  },
  {
    name: 'MAX_COMBINATIONS',
    default: '1000',
    expected: 'a whole number from 1 to 10000',
    about: 'Largest number of videos that one request may ask for.',
  },
  {
    name: 'MAX_CLIP_SECONDS',
    default: '600',
    expected: 'a whole number of seconds from 1 to 7200',
    about: 'Longest clip or track.',
  },
  {
    name: 'MAX_SOURCE_MB',
    default: '1024',
    expected: 'a whole number of megabytes from 1',
    about: 'Largest download.',
  },
  {
    name: 'RENDER_CONCURRENCY',
    default: 'cores',
    expected: 'a whole number from 1 to 64',
    about: 'Videos mixed at the same time.',
  },
  {
    name: 'FFMPEG_BIN',
    default: '',
    expected: 'the path of an ffmpeg binary',
    about: 'Uses this ffmpeg; otherwise ffmpeg-static, the bundled build, or the one on PATH.',
  },
  {
    name: 'FFMPEG_THREADS',
    default: `cores, at most ${MAX_DEFAULT_THREADS}`,
    expected: 'a whole number from 1 to 64',
    about: 'Threads for encoding one clip.',
  },
  {
    name: 'API_KEY',
    default: '',
    expected: 'at least 16 characters',
    about: 'Callers must send it as X-API-Key or as Authorization: Bearer. At least 16 characters.',
    secret: true,
  },
  {
    name: 'ALLOW_PRIVATE_URLS',
    default: 'auto',
    expected: 'auto, true, false, 1 or 0',
    about: 'Sources on private addresses: true, false or auto, which allows them while HOST is loopback.',
  },
  {
    name: 'LOG_LEVEL',
    default: 'info',
    expected: LOG_LEVELS.join(', '),
    about: 'Least severe line that is logged: debug, info, warn or error.',
  },
];

/** Settings of adapters that are not part of this build: setting one is a mistake, not something to ignore. */
export const NOT_AVAILABLE = [
  'OUTPUT_BUCKET',
  'CACHE_BUCKET',
  'DRIVE_FOLDER_ID',
  'ELEVENLABS_API_KEY',
  'ELEVENLABS_MODEL',
  'INPUT_DIR',
  'SOURCE_BUCKETS',
  'WEBHOOK_SECRET',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
];
