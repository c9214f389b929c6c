/**
 * All settings of the product, read in one place. Nothing else reads the environment.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { closest } from 'fastest-levenshtein';
import { LOG_LEVELS, type LogLevel } from './log.ts';
import { CORES, MAX_DEFAULT_THREADS, NOT_AVAILABLE, SETTINGS } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Config {
  /** 0: any free port. */
  port: number;
  host: string;
  publicUrl: string | undefined;
  dataDir: string;
  outputDir: string;
  cacheMaxMb: number;
  maxCombinations: number;
  maxClipSeconds: number;
  maxSourceMb: number;
  renderConcurrency: number;
  ffmpegBin: string | undefined;
  ffmpegThreads: number;
  apiKey: string | undefined;
  allowPrivateUrls: boolean;
  logLevel: LogLevel;
  /** PATH, to find ffmpeg on. */
  searchPath: string;
  /** By `npm start`, which does not pass on its own end. */
  launchedByNpm: boolean;
  /** On Cloud Run. */
  inCloud: boolean;
  /** The Google Cloud project; undefined: as the platform's clients find out by themselves. */
  project: string | undefined;
  /** Firestore is an emulator, as the client is told by its own variable. */
  emulated: boolean;
}

/** All that is wrong with the settings, in one message fit for a terminal. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(problems: readonly string[]) {
    super(
      `The settings have ${problems.length === 1 ? 'a mistake' : 'mistakes'}:\n${problems.map((p) => `  ${p}`).join('\n')}`,
    );
  }
}

/**
 * The environment, with what .env in the working folder adds to it. Throws ConfigError where .env has a name that is
 * no setting: that file is the service's own, and a misspelt setting would silently have no effect.
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
      unknown.map(
        (name) =>
          `${name}: expected a setting in .env, got an unknown name. Did you mean ${closest(name, known)}?`,
      ),
    );
  }
  return { ...written, ...process.env };
}

/** Throws ConfigError naming every setting that is wrong, what was expected and what it is (secrets masked). */
export function loadConfig(env: Environment): Config {
  const read = new Reader(env);
  // https://cloud.google.com/run/docs/container-contract#services-env-vars
  const inCloud = env['K_SERVICE'] !== undefined;
  const host = read.text('HOST', '127.0.0.1', /^[\w.:[\]-]+$/);
  const apiKey = read.optional('API_KEY', (value) => value.length >= 16);
  if (!isLoopback(host) && apiKey === undefined && !read.failed('API_KEY')) {
    read.problem(
      `API_KEY: expected a key of at least 16 characters because HOST is ${host}, got nothing. Set it, or HOST=127.0.0.1.`,
    );
  }
  for (const name of NOT_AVAILABLE) {
    if (read.raw(name) !== undefined) read.problem(`${name}: not available in this build. Remove it.`);
  }
  read.text('OUTPUT', 'local', /^local$/);
  read.text('SPEECH', 'auto', /^(auto|espeak)$/);
  const config: Config = {
    port: read.integer('PORT', 8080, 0, 65_535),
    host,
    publicUrl: read.optional('PUBLIC_URL', (value) => /^https?:$/.test(URL.parse(value)?.protocol ?? '')),
    dataDir: folder(read.text('DATA_DIR', './.data', /./)),
    outputDir: folder(read.text('OUTPUT_DIR', './output', /./)),
    cacheMaxMb: read.integer('CACHE_MAX_MB', 10_240, 100, 1_000_000_000),
    maxCombinations: read.integer('MAX_COMBINATIONS', 1_000, 1, 10_000),
    maxClipSeconds: read.integer('MAX_CLIP_SECONDS', 600, 1, 7_200),
    maxSourceMb: read.integer('MAX_SOURCE_MB', 1_024, 1, 1_000_000),
    renderConcurrency: read.integer('RENDER_CONCURRENCY', CORES, 1, 64),
    ffmpegBin: read.optional('FFMPEG_BIN', () => true),
    ffmpegThreads: read.integer('FFMPEG_THREADS', Math.min(CORES, MAX_DEFAULT_THREADS), 1, 64),
    apiKey,
    allowPrivateUrls: read.choice('ALLOW_PRIVATE_URLS', isLoopback(host) && !inCloud),
    logLevel: read.text('LOG_LEVEL', 'info', new RegExp(`^(${LOG_LEVELS.join('|')})$`)) as LogLevel,
    searchPath: env['PATH'] ?? '',
    // Not of any script: what another one starts, a test among them, may be meant to outlive it.
    launchedByNpm: env['npm_lifecycle_event'] === 'start',
    inCloud,
    project: env['GOOGLE_CLOUD_PROJECT'] || undefined,
    emulated: Boolean(env['FIRESTORE_EMULATOR_HOST']),
  };
  read.finish();
  return config;
}

/** Absolute; `~/` is the home folder, as no shell reads .env. */
function folder(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : resolve(path);
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

class Reader {
  readonly #env: Environment;
  readonly #problems: string[] = [];
  readonly #failed = new Set<string>();

  constructor(env: Environment) {
    this.#env = env;
  }

  /** An empty value counts as not set: that is how a line is left blank in .env. */
  raw(name: string): string | undefined {
    return this.#env[name] || undefined;
  }

  text(name: string, fallback: string, form: RegExp): string {
    return this.#checked(name, (value) => form.test(value)) ?? fallback;
  }

  optional(name: string, valid: (value: string) => boolean): string | undefined {
    return this.#checked(name, valid);
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    const value = this.#checked(
      name,
      (text) => /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most,
    );
    return value === undefined ? fallback : Number(value);
  }

  /** true, false, 1, 0, or auto. */
  choice(name: string, auto: boolean): boolean {
    const value = this.#checked(name, (text) => /^(auto|true|false|1|0)$/.test(text));
    return value === undefined || value === 'auto' ? auto : value === 'true' || value === '1';
  }

  failed(name: string): boolean {
    return this.#failed.has(name);
  }

  problem(text: string): void {
    this.#problems.push(text);
  }

  finish(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }

  #checked(name: string, valid: (value: string) => boolean): string | undefined {
    const value = this.raw(name);
    if (value === undefined || valid(value)) return value;
    const setting = SETTINGS.find((candidate) => candidate.name === name);
    const seen = setting?.secret ? `${value.length} characters` : JSON.stringify(value);
    this.#failed.add(name);
    this.problem(`${name}: expected ${setting?.expected}, got ${seen}.`);
    return undefined;
  }
}
