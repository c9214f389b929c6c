/**
 * All settings of the product, read in one place. Nothing else reads the environment.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { closest } from 'fastest-levenshtein';
import { LOG_LEVELS, type LogLevel } from './log.ts';

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
}

/** How one setting is written, and what it is when it is not. README and .env.example are tested against this. */
export interface Setting {
  name: string;
  /** As the documents show it. */
  default: string;
  expected: string;
  about: string;
  secret?: boolean;
}

const CORES = availableParallelism();
/** More encoder threads than this cost memory and gain little on clips of this size (measured: see README). */
const MAX_DEFAULT_THREADS = 4;

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
const NOT_AVAILABLE = [
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
    allowPrivateUrls: read.choice('ALLOW_PRIVATE_URLS', isLoopback(host) && env['K_SERVICE'] === undefined),
    logLevel: read.text('LOG_LEVEL', 'info', new RegExp(`^(${LOG_LEVELS.join('|')})$`)) as LogLevel,
    searchPath: env['PATH'] ?? '',
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
