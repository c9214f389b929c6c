/** What can be set, in words. README and .env.example are tested against this. */
import { LOG_LEVELS } from '../base/log.ts';
import { MAX_DEFAULT_THREADS } from '../base/machine.ts';

/** How one setting is written, and what it is when it is not. README and .env.example are tested against this. */
export interface Setting {
  name: string;
  /** As the documents show it. */
  default: string;
  expected: string;
  about: string;
  secret?: boolean;
}

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
    about:
      'Tasks, queue and prepared clips. One running service per folder. On Cloud Run a temporary folder.',
  },
  {
    name: 'OUTPUT',
    default: 'local',
    expected: 'local, drive or gcs',
    about: 'Where finished videos go: local (OUTPUT_DIR), drive (DRIVE_FOLDER_ID) or gcs (OUTPUT_BUCKET).',
  },
  {
    name: 'OUTPUT_DIR',
    default: './output',
    expected: 'a folder',
    about: "The tasks' folders are made in it.",
  },
  {
    name: 'OUTPUT_BUCKET',
    default: '',
    expected: 'the name of a Cloud Storage bucket',
    about: "The tasks' folders are made in it, by application default credentials.",
  },
  {
    name: 'DRIVE_FOLDER_ID',
    default: '',
    expected: "a folder's id, or its address in the browser",
    about: "The tasks' folders are made in it. The id, or the address that the browser shows for it.",
  },
  {
    name: 'DRIVE_AUTH',
    default: '',
    expected: 'adc, oauth or delegation',
    about: 'Whose Google Drive it is: adc, oauth or delegation (see Google Drive).',
  },
  {
    name: 'DRIVE_CLIENT_ID',
    default: '',
    expected: 'the id of an OAuth client',
    about: 'For DRIVE_AUTH=oauth: the OAuth client.',
  },
  {
    name: 'DRIVE_CLIENT_SECRET',
    default: '',
    expected: 'the secret of that client',
    about: 'For DRIVE_AUTH=oauth: the secret of that client.',
    secret: true,
  },
  {
    name: 'DRIVE_REFRESH_TOKEN',
    default: '',
    expected: 'a refresh token',
    about: 'For DRIVE_AUTH=oauth: what the user granted it.',
    secret: true,
  },
  {
    name: 'DRIVE_SUBJECT',
    default: '',
    expected: 'the address of a user',
    about: 'For DRIVE_AUTH=delegation: the user who is acted for.',
  },
  {
    name: 'DRIVE_KEY_FILE',
    default: '',
    expected: 'the path of a JSON key',
    about:
      "For DRIVE_AUTH=delegation: a service account's JSON key; without it the account that runs the service signs.",
  },
  {
    name: 'DRIVE_SOURCES',
    default: 'link',
    expected: 'link or account',
    about:
      'Drive links that callers may send: link takes files shared with anyone who has the link, account all that the account can read.',
  },
  {
    name: 'SOURCE_BUCKETS',
    default: '',
    expected: 'names of buckets, with commas between',
    about:
      'Buckets that callers may name in gs:// and storage.googleapis.com addresses, with commas between.',
  },
  {
    name: 'CACHE_BUCKET',
    default: '',
    expected: 'the name of a Cloud Storage bucket',
    about: 'Keeps prepared clips, tracks and lines for all processes; the disk then is a cache before it.',
  },
  {
    name: 'CACHE_MAX_MB',
    default: '10240',
    expected: 'a whole number of megabytes from 100',
    about:
      'Room on the disk for prepared clips, tracks and lines; the least recently used go first. On Cloud Run 192, as its disk is memory.',
  },
  {
    name: 'SPEECH',
    default: 'auto',
    expected: 'auto, elevenlabs or espeak',
    about: 'Who speaks: elevenlabs, or espeak, the built-in voice. auto is elevenlabs where there is a key.',
  },
  {
    name: 'ELEVENLABS_API_KEY',
    default: '',
    expected: 'a key of at least 8 characters',
    about:
      'The key of your ElevenLabs account. It needs text to speech, and voices where lines name them by name.',
    secret: true,
  },
  {
    name: 'ELEVENLABS_MODEL',
    default: 'eleven_multilingual_v2',
    expected: 'the id of a model',
    about: 'Their model that speaks.',
  },
  {
    name: 'ELEVENLABS_FORMAT',
    default: 'mp3_44100_128',
    expected: 'an mp3, wav or opus format of theirs, as mp3_44100_128',
    about: 'The sound that is bought: mp3_…, wav_… or opus_…; some need a larger plan.',
  },
  {
    name: 'ELEVENLABS_VOICE_SETTINGS',
    default: '',
    expected:
      'JSON with stability, similarity_boost, style (0 to 1), speed (0.7 to 1.2) or use_speaker_boost',
    about:
      'JSON with stability, similarity_boost, style, speed, use_speaker_boost; what is left out is as the voice has it.',
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
    default: 'cores, at most one for 128 MB of memory beyond 384',
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
    default: `cores, at most ${MAX_DEFAULT_THREADS}, one for 512 MB of memory`,
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
    name: 'PUBLIC_API',
    default: 'false',
    expected: 'true, false, 1 or 0',
    about: 'The function can be called without signing in to Google Cloud. true requires API_KEY.',
  },
  {
    name: 'REQUESTS_PER_MINUTE',
    default: 'auto',
    expected: 'auto, or a whole number from 1 to 1000000',
    about:
      'Requests of one caller, an address or an IPv6 /64. auto: 600 where others than this machine can call, else any number.',
  },
  {
    name: 'PUSH_ACCOUNT',
    default: '',
    expected: 'the address of a service account',
    about:
      'The service account whose tokens Pub/Sub and Cloud Scheduler push with. Without it a stage refuses every push.',
  },
  {
    name: 'PUSH_AUDIENCE',
    default: '',
    expected: 'an https URL',
    about: 'The audience of those tokens: the address of the function, as the subscription has it.',
  },
  {
    name: 'ALLOW_PRIVATE_URLS',
    default: 'auto',
    expected: 'auto, true, false, 1 or 0',
    about: 'Sources on private addresses: true, false or auto, which allows them while HOST is loopback.',
  },
  {
    name: 'GOOGLE_API_URL',
    default: '',
    expected: 'an https URL without a path, or http on this machine',
    about:
      'A test server in place of Google Drive, its sign-in, the certificates of push tokens, and Cloud Storage, which is sent no credentials there.',
  },
  {
    name: 'ELEVENLABS_API_URL',
    default: '',
    expected: 'an https URL without a path, or http on this machine',
    about: 'Another address for ElevenLabs: that of a data residency, or a test server.',
  },
  {
    name: 'LOG_LEVEL',
    default: 'info',
    expected: LOG_LEVELS.join(', '),
    about: 'Least severe line that is logged: debug, info, warn or error.',
  },
];

/** Settings of parts that are not part of this build: setting one is a mistake, not something to ignore. */
export const NOT_AVAILABLE = ['INPUT_DIR', 'WEBHOOK_SECRET', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
