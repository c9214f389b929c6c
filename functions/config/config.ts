/** Reads all settings from the environment and .env. No other file reads the environment. */
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { closest } from 'fastest-levenshtein';
import { LOG_LEVELS, type LogLevel } from '../base/log.ts';
import { CORES, machineMemoryMb, mixersFor } from '../base/machine.ts';
import { readCorsOrigins } from './cors-origins.ts';
import { readVideoEncoder } from './encoder-settings.ts';
import { readSigningKey, readWebhookSecret } from './key-settings.ts';
import { isLoopback } from './loopback.ts';
import { isPlainAddress } from './plain-address.ts';
import { NOT_AVAILABLE, SETTINGS } from './settings.ts';
import { ConfigError, type Environment, inHome, SettingsReader } from './settings-reader.ts';
import { type ShownSetting, shownSettings } from './shown-settings.ts';
import { readTelemetrySettings, type TelemetrySettings } from './telemetry-settings.ts';
import { readVendorSettings, type VendorSettings } from './vendor-settings.ts';

export { ConfigError, type Environment };

/** Who may push messages to the stages. */
export type PushRule =
  /** Callers with a token of this account for this audience. enforced: nobody else was given the right to call. */
  | { kind: 'token'; account: string; audience: string; iam: 'enforced' | 'unknown' }
  /** Anyone who can reach the port, because the Pub/Sub emulator sends no token. */
  | { kind: 'emulator' }
  /** No one: the settings are missing. */
  | { kind: 'not set' };

export interface Config {
  /** 0 takes any free port. */
  port: number;
  host: string;
  publicUrl: string | undefined;
  dataDir: string;
  outputDir: string;
  cacheMaxMb: number;
  maxCombinations: number;
  maxClipSeconds: number;
  maxSourceMb: number;
  /** Days for which the records of a task are kept. */
  taskDays: number;
  renderConcurrency: number;
  ffmpegBin: string | undefined;
  /** Undefined: from cores, memory and the clips that are left. */
  ffmpegThreads: number | undefined;
  /** Undefined: x264. */
  videoEncoder: ReturnType<typeof readVideoEncoder>;
  ffmpegCage: 'auto' | 'off' | 'required';
  apiKey: string | undefined;
  /** Seals tasks and reports. Undefined in `prepare`, and on one machine, where the host makes one. */
  signingKey: string | undefined;
  /** Signs events, as Standard Webhooks writes it. Undefined where none is sent, and on one machine, where the host makes one. */
  webhookSecret: string | undefined;
  /** Limit per caller; Infinity means no limit. */
  requestsPerMinute: number;
  /** Origins of other sites whose pages may use the HTTP API. */
  corsOrigins: readonly string[];
  /** How many proxies of our own stand in front, and so how many entries of X-Forwarded-For are believed. */
  trustedProxies: number;
  push: PushRule;
  /** Whether there is an MCP server at /mcp. */
  mcp: boolean;
  allowPrivateUrls: boolean;
  logLevel: LogLevel;
  telemetry: TelemetrySettings;
  /** PATH, to look for ffmpeg. */
  searchPath: string;
  /** Started by `npm start`. If that npm is killed, this process is not told. */
  launchedByNpm: boolean;
  /** Running on Cloud Run. */
  inCloud: boolean;
  /** As Cloud Run names them. */
  cloudRun: { service: string; revision: string | undefined } | undefined;
  /** The Google Cloud project; if undefined, Google's clients find it themselves. */
  project: string | undefined;
  /** FIRESTORE_EMULATOR_HOST is set, so Firestore is an emulator. */
  emulated: boolean;
  /** Where videos are saved, which service speaks, and with which accounts. */
  vendors: VendorSettings;
  /** All of the above as people may see it. */
  shown: readonly ShownSetting[];
}

/**
 * The environment, completed by .env in the working folder. Throws ConfigError if .env contains a name that is not a
 * setting, because a misspelt setting would otherwise have no effect and no one would notice.
 */
export function readEnvironment(): Environment {
  let text: string;
  try {
    text = readFileSync('.env', 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return process.env;
    throw new ConfigError([
      `.env: expected a file that can be read, got ${(error as NodeJS.ErrnoException).code}.`,
    ]);
  }
  const written = parseEnv(text) as Record<string, string>;
  const known = [...SETTINGS.map(({ name }) => name), ...NOT_AVAILABLE];
  const unknown = Object.keys(written).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new ConfigError(
      unknown.map((name) =>
        /^(GOOGLE|CLOUDSDK|OTEL)_/.test(name)
          ? `${name}: expected in the environment, got it in .env. Libraries read it there: export it.`
          : `${name}: expected a setting in .env, got an unknown name. Did you mean ${closest(name, known)}?`,
      ),
    );
  }
  return { ...written, ...process.env };
}

const ACCOUNT = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
/** Compared exactly with the audience in tokens, which is a function's URL. */
const AUDIENCE = /^https:\/\/[^\s?#]+$/;

/** A function's disk is part of its memory. This holds what one render reads, and a little more. */
const CLOUD_CACHE_MB = 192;
/** Enough to poll a few tasks every second and post new ones meanwhile. */
const REQUESTS_PER_MINUTE = 600;

const DRAW_KEY = 'openssl rand -hex 24';

/** Throws ConfigError naming every wrong setting, what was expected and what it is (secrets masked). */
export function loadConfig(env: Environment): Config {
  const read = new SettingsReader(env);
  // https://cloud.google.com/run/docs/container-contract#services-env-vars
  const service = env['K_SERVICE'];
  const inCloud = service !== undefined;
  const project = env['GOOGLE_CLOUD_PROJECT'] || undefined;
  const emulated = Boolean(env['FIRESTORE_EMULATOR_HOST']);
  const host = read.text('HOST', '127.0.0.1', /^[\w.:[\]-]+$/);
  const publicUrl = read.optional('PUBLIC_URL', isPlainAddress);
  const apiKey = read.optional('API_KEY', (value) => value.length >= 16, `Draw one: ${DRAW_KEY}`);
  const trustedProxies = read.integer('TRUSTED_PROXIES', 0, 0, 10);
  const publicApi = read.flag('PUBLIC_API');
  const exposure = exposureOf({ host, publicUrl, publicApi, trustedProxies, inCloud });
  const exposed = exposure !== undefined || inCloud;
  if (exposure !== undefined && apiKey === undefined && !read.failed('API_KEY')) {
    const { because, instead } = exposure;
    read.problem(
      `API_KEY: expected a key of at least 16 characters because ${because}, got nothing. Set it (${DRAW_KEY}), or ${instead}.`,
    );
  }
  for (const name of NOT_AVAILABLE) {
    if (read.raw(name) !== undefined) read.problem(`${name}: not available in this build. Remove it.`);
  }
  // https://cloud.google.com/run/docs/configuring/services/functions-environment-variables
  const target = inCloud ? env['FUNCTION_TARGET'] : undefined;
  const shared = inCloud && !emulated;
  const memoryMb = machineMemoryMb();
  const config: Omit<Config, 'shown'> = {
    port: read.integer('PORT', 8080, 0, 65_535),
    host,
    publicUrl,
    dataDir: folder(read.text('DATA_DIR', inCloud ? join(tmpdir(), 'every-cut') : './.data', /./)),
    outputDir: folder(read.text('OUTPUT_DIR', './output', /./)),
    cacheMaxMb: read.integer('CACHE_MAX_MB', inCloud ? CLOUD_CACHE_MB : 10_240, 100, 1_000_000_000),
    maxCombinations: read.integer('MAX_COMBINATIONS', 1_000, 1, 10_000),
    maxClipSeconds: read.integer('MAX_CLIP_SECONDS', 600, 1, 7_200),
    maxSourceMb: read.integer('MAX_SOURCE_MB', 1_024, 1, 1_000_000),
    taskDays: read.integer('TASK_DAYS', 30, 1, 3_650),
    renderConcurrency: read.integer('RENDER_CONCURRENCY', mixersFor(CORES, memoryMb), 1, 64),
    ffmpegBin: read.optional('FFMPEG_BIN', () => true),
    ffmpegThreads: read.integer('FFMPEG_THREADS', 0, 1, 64) || undefined,
    videoEncoder: readVideoEncoder(read, inCloud || emulated),
    ffmpegCage: read.text('FFMPEG_CAGE', 'auto', /^(auto|off|required)$/) as Config['ffmpegCage'],
    apiKey,
    signingKey: readSigningKey(read, { shared, target }),
    webhookSecret: readWebhookSecret(read, { shared, target }),
    requestsPerMinute: read.count(
      'REQUESTS_PER_MINUTE',
      exposed ? REQUESTS_PER_MINUTE : Number.POSITIVE_INFINITY,
      1,
      1_000_000,
    ),
    corsOrigins: readCorsOrigins(read),
    trustedProxies,
    push: readPushRule(read, { emulated: Boolean(env['PUBSUB_EMULATOR_HOST']), inCloud }),
    mcp: read.flag('MCP'),
    allowPrivateUrls: read.choice('ALLOW_PRIVATE_URLS', !exposed),
    logLevel: read.text('LOG_LEVEL', 'info', new RegExp(`^(${LOG_LEVELS.join('|')})$`)) as LogLevel,
    telemetry: readTelemetrySettings(read, { inCloud, project }),
    searchPath: env['PATH'] ?? '',
    // Only `npm start`: what another script starts, such as a test, may be meant to outlive that script.
    launchedByNpm: env['npm_lifecycle_event'] === 'start',
    inCloud,
    cloudRun: inCloud ? { service, revision: env['K_REVISION'] } : undefined,
    project,
    emulated,
    vendors: readVendorSettings(read, { shared, target }),
  };
  read.finish();
  return { ...config, shown: shownSettings((name) => read.raw(name), inCloud) };
}

interface Exposure {
  because: string;
  /** The setting that ends it. */
  instead: string;
}

/** Which setting lets other machines call the HTTP API without Google checking them first; undefined if none does. */
function exposureOf(settings: {
  host: string;
  publicUrl: string | undefined;
  publicApi: boolean;
  trustedProxies: number;
  inCloud: boolean;
}): Exposure | undefined {
  const { host, publicUrl, publicApi, trustedProxies, inCloud } = settings;
  if (!isLoopback(host)) return { because: `HOST is ${host}`, instead: 'HOST=127.0.0.1' };
  if (publicApi) return { because: 'PUBLIC_API is true', instead: 'PUBLIC_API=false' };
  if (inCloud) return undefined;
  // Whoever names a public address has put a proxy in front, and whoever trusts proxies says so.
  const { hostname, origin } = new URL(publicUrl ?? 'http://localhost');
  if (!isLoopback(hostname)) return { because: `PUBLIC_URL is ${origin}`, instead: 'remove PUBLIC_URL' };
  return trustedProxies > 0
    ? { because: `TRUSTED_PROXIES is ${trustedProxies}`, instead: 'TRUSTED_PROXIES=0' }
    : undefined;
}

/** If PUSH_ACCOUNT and PUSH_AUDIENCE are set, tokens are required even with an emulator. On Cloud Run unset means closed. */
function readPushRule(
  read: SettingsReader,
  { emulated, inCloud }: { emulated: boolean; inCloud: boolean },
): PushRule {
  const account = read.optional('PUSH_ACCOUNT', (value) => ACCOUNT.test(value));
  const audience = read.optional('PUSH_AUDIENCE', (value) => AUDIENCE.test(value));
  const enforced = read.optional('PUSH_IAM', (value) => value === 'enforced') !== undefined;
  if (account !== undefined && audience !== undefined) {
    // Elsewhere, nobody but the stage itself checks who calls.
    return { kind: 'token', account, audience, iam: enforced && inCloud ? 'enforced' : 'unknown' };
  }
  for (const [missing, set] of [
    ['PUSH_ACCOUNT', 'PUSH_AUDIENCE'],
    ['PUSH_AUDIENCE', 'PUSH_ACCOUNT'],
  ] as const) {
    if (read.raw(missing) === undefined && read.raw(set) !== undefined) {
      read.problem(
        `${missing}: expected ${read.expected(missing)} because ${set} is set, got nothing. Set both, or neither.`,
      );
    }
  }
  return { kind: emulated && !inCloud ? 'emulator' : 'not set' };
}

function folder(path: string): string {
  return resolve(inHome(path));
}
